"""Nodes as Slurm sees them, and which banks nobody needs: decisions without input or output."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

#: Why nodes are drained while their bank goes off.
REASON = "picluster-power"

_NODE = re.compile(r"NodeName=(pi-(\d{1,5})-\d{1,5}) ")
_STATE = re.compile(r" State=(\S+)")
_BUSY = re.compile(r" LastBusyTime=(\S+)")
_REASON = re.compile(r" Reason=(.*?)(?: \[\S+@\S+\])?\s*$")
_ASLEEP = frozenset({"POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN"})
_WAKING = frozenset({"POWERING_UP", "POWER_UP"})


class Node(NamedTuple):
    """A node.

    Attributes:
        name: ``pi-<bank>-<slot>``.
        bank: number of its bank.
        words: its state and flags, such as ``{"IDLE", "DRAIN"}``.
        busy_until: when it last had a job or registered, seconds of the epoch; 0 when unknown.
        reason: why it is drained or down; may be empty.
    """

    name: str
    bank: int
    words: frozenset[str]
    busy_until: float
    reason: str

    @property
    def asleep(self) -> bool:
        """Whether Slurm takes it for switched off, or about to be."""
        return bool(self.words & _ASLEEP) and not self.words & (_WAKING | {"ALLOCATED", "MIXED"})

    @property
    def idle(self) -> bool:
        """Whether it could take a job now."""
        return self.words == {"IDLE"}

    @property
    def free(self) -> bool:
        """Whether nobody misses it when its power goes: asleep, dead, or drained for that."""
        if self.asleep or "DOWN" in self.words:
            return not self.words & _WAKING
        return self.words - {"NOT_RESPONDING"} == {"IDLE", "DRAIN"} and self.left

    @property
    def left(self) -> bool:
        """Whether it was closed so that its bank can go off."""
        return "DRAIN" in self.words and self.reason == REASON


def parse_nodes(text: str) -> list[Node]:
    """Read what ``scontrol --oneliner show nodes`` prints; other lines are passed over."""
    return [node for line in text.splitlines() if (node := _parse(line)) is not None]


def _parse(line: str) -> Node | None:
    named, state = _NODE.match(line), _STATE.search(line)
    if named is None or state is None:
        return None
    flags = state[1].replace("*", "+NOT_RESPONDING").split("+")
    busy, reason = _BUSY.search(line), _REASON.search(line)
    until = _epoch(busy[1]) if busy else 0.0
    return Node(named[1], int(named[2]), frozenset(flags), until, reason[1] if reason else "")


def _epoch(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def idle_banks(nodes: list[Node], banks: set[int], now: float, idle_s: float) -> list[int]:
    """Banks that have had nothing to do for so long.

    Args:
        nodes: every node.
        banks: those that may be switched off.
        now: seconds of the epoch.
        idle_s: how long each node of a bank must have been idle, unless it is dead or asleep.
    """
    found = []
    for bank in sorted(banks):
        idle = [node for node in nodes if node.bank == bank and node.idle]
        others = [node for node in nodes if node.bank == bank and not node.idle]
        quiet = all(0 < node.busy_until <= now - idle_s for node in idle)
        if idle and quiet and all(node.free for node in others):
            found.append(bank)
    return found


def free_banks(nodes: list[Node], banks: set[int]) -> list[int]:
    """Of some banks, those none of whose nodes anybody misses."""
    return [
        bank
        for bank in sorted(banks)
        if all(node.free for node in nodes if node.bank == bank)
        and any(node.bank == bank for node in nodes)
    ]
