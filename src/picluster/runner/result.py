"""How a run went: frozen plain data, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class End(StrEnum):
    """How a run ended; one that was refused or failed raises instead."""

    DONE = "done"
    #: Some bank is below its quorum, is not off, or lost more nodes than its budget.
    SHORT = "short"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NodeResult:
    """A node after a run.

    Attributes:
        name, bank, slot, address: the node.
        state: of a boot or status: ``ready``, ``failed``, ``quarantined``, ``unplugged``, ``off``,
            ``spare``, or ``open`` for one that is on its way. Of a shutdown: ``off`` or ``on``.
            Of a deployment or a reboot: as its report says.
        stage: how far it came, see docs/campaign.md; empty where nobody asked.
        reason: why it is not as wanted; empty when it is.
        remedy: what to do about it.
        tries: how often it got power in the last campaign.
        temperature_c: what it said last, degrees Celsius, or ``None``.
    """

    name: str
    bank: int
    slot: int
    address: str
    state: str
    stage: str = ""
    reason: str = ""
    remedy: str = ""
    tries: int = 0
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class BankResult:
    """A bank after a run.

    Attributes:
        bank: its number.
        state: how the run left it: ``accepted``, ``short``, ``unplugged``, ``off``, …
        boards: boards it has, or that count.
        good: of them, as wanted: ready, halted, deployed, rebooted.
        why: the reason, where there is one.
    """

    bank: int
    state: str
    boards: int
    good: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run went.

    Attributes:
        action: ``boot``, ``shutdown``, ``status``, ``reboot`` or ``deploy``.
        cluster: its name.
        end: see :class:`End`.
        status: exit status the command would have: 0, 3 where it is short, 130 when cancelled.
        nodes: every node of the run's banks, by bank and slot.
        banks: every bank the report names; none for a check.
        lines: the report or the preview for people; empty where there is none.
        report: the playbook's report as plain data; of a check, the preview.
        problems: what could not be asked, in one line each.
        seconds: wall time.
        artefacts: folder of what was kept, or ``None``.
    """

    action: str
    cluster: str
    end: End
    status: int
    nodes: tuple[NodeResult, ...]
    banks: tuple[BankResult, ...] = ()
    lines: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    artefacts: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is as wanted."""
        return self.end is End.DONE

    def node(self, name: str) -> NodeResult:
        """A node by name.

        Raises:
            KeyError: it is not one of the run's.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def counts(self) -> dict[str, int]:
        """Nodes by state."""
        return dict(Counter(node.state for node in self.nodes))

    def plain(self) -> dict[str, Any]:
        """It as plain data, fit for JSON."""
        where = None if self.artefacts is None else str(self.artefacts)
        return {**asdict(self), "end": self.end.value, "artefacts": where}
