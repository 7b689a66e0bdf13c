#!/usr/bin/python3
"""Takes the messages of nodes: the last one of each is a file, all of them are in the journal.

Run by systemd, which opens the socket. Nothing is ever answered.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inherited_socket import inherited_socket
from node_message import SIZE_MAX, Message, message_words, parse_message
from node_plan import Node, PlanError, PlanFile
from node_words import MalformedError
from rate_limit import RefusalLog, RefusedError, TokenBuckets

if TYPE_CHECKING:
    import socket

#: Messages of one node that are taken at once, and per second from then on.
_BURST, _PER_S = 30, 1.0
#: Workloads of one node that are remembered.
_WORKS = 16
# Priorities of syslog, as systemd reads them at the start of a line.
_ERROR, _WARNING, _INFO = "<3>", "<4>", "<6>"
_TROUBLE = ("failed", "warning")


def accept(datagram: bytes, address: str, nodes: Mapping[str, Node]) -> tuple[Node, Message]:
    """Decide on a datagram.

    Args:
        datagram: its bytes.
        address: its source, dotted quad.
        nodes: the nodes by address.

    Returns:
        Who says what.

    Raises:
        RefusedError: the source is not on the plan, does not own the MAC address it gives, or
            says something that is no message.
    """
    node = nodes.get(address)
    if node is None:
        raise RefusedError("unknown-address")
    try:
        message = parse_message(datagram)
    except MalformedError as error:
        raise RefusedError("malformed", node=node.name, reason=str(error)) from error
    if message.mac != node.mac:
        raise RefusedError("wrong-mac", node=node.name, mac=message.mac, event=message.event)
    return node, message


def line_of(node: Node, message: Message) -> str:
    """The line of the journal: ``node NAME ADDRESS EVENT NAME=VALUE...``."""
    return f"node {node.name} {node.address} {message_words(message)}"


def state_of(node: Node, message: Message, received: float) -> dict[str, Any]:
    """What the file of a node holds.

    Args:
        node: whose.
        message: its last message.
        received: when it came, seconds since 1970.
    """
    said = message._asdict()
    del said["work"]
    return {"address": node.address, "name": node.name, **said, "received": round(received, 3)}


def works_of(known: dict[str, Any], node: Node, message: Message) -> dict[str, Any]:
    """What the file of a node's workloads holds after one more message about them.

    Args:
        known: what it held; of an earlier boot, it counts no more.
        node: whose.
        message: of event ``workload``.
    """
    work = message.work
    assert work is not None  # noqa: S101 - parse_message made it
    same = known.get("boot") == message.boot and known.get("name") == node.name
    works: dict[str, Any] = dict(known.get("works", {})) if same else {}
    works.pop(work.workload, None)
    if work.state != "gone":
        while len(works) >= _WORKS:  # what was heard of longest ago
            del works[next(iter(works))]
        works[work.workload] = {
            "version": work.version, "state": work.state, "reason": message.reason,
        }  # fmt: skip
    return {"address": node.address, "name": node.name, "boot": message.boot, "works": works}


class StateFolder:
    """A folder with one file per node, each replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, address: str) -> dict[str, Any]:
        """What the file of an address holds; nothing where there is none, or a broken one."""
        try:
            found = json.loads((self._path / f"{address}.json").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, address: str, state: dict[str, Any]) -> None:
        """Replace the file of an address.

        Raises:
            OSError: it could not be written; the old one is as it was.
        """
        target = self._path / f"{address}.json"
        # One process writes here, so that one name will do; a killed one leaves no more than that.
        fresh = self._path / f".{address}.new"
        fresh.write_text(json.dumps(state) + "\n", encoding="ascii")
        fresh.replace(target)

    def keep_only(self, nodes: Mapping[str, Node]) -> None:
        """Remove the files of addresses that are no longer on the plan."""
        for path in self._path.glob("*.json"):
            if path.stem not in nodes:
                path.unlink(missing_ok=True)


class MessageServer:
    """The daemon, but for its socket.

    Args:
        plan: the nodes.
        states: where their last messages go.
        works: where goes what they say of workloads.
    """

    def __init__(self, plan: PlanFile, states: StateFolder, works: StateFolder) -> None:
        self._plan = plan
        self._states = states
        self._works = works
        self._refusals = RefusalLog()
        self._limits = TokenBuckets(_BURST, _PER_S, keys_max=1 << 16)

    def refresh(self, now: float) -> list[str]:
        """Take in a plan that was replaced; gives the lines to log."""
        try:
            if not self._plan.refresh(now):
                return []
            self._states.keep_only(self._plan.nodes)
            self._works.keep_only(self._plan.nodes)
        except (PlanError, OSError) as error:
            return [f"{_ERROR}{error}"]
        return [f"{_INFO}plan nodes={len(self._plan.nodes)}"]

    def take(self, datagram: bytes, address: str, now: float) -> list[str]:
        """Take a datagram in; gives the lines to log."""
        nodes = self._plan.nodes
        try:
            if address in nodes and not self._limits.allow(address, now):
                raise RefusedError("too-many", node=nodes[address].name)
            node, message = accept(datagram, address, nodes)
        except RefusedError as refused:
            line = self._refusals.line(address, refused, now)
            return [] if line is None else [f"{_WARNING}{line}"]
        bad = message.event in _TROUBLE or (
            message.work is not None and message.work.state == "failed"
        )
        priority = _WARNING if bad else _INFO
        lines = [f"{priority}{line_of(node, message)}"]
        try:
            if message.work is None:
                self._states.write(address, state_of(node, message, time.time()))
            else:
                known = self._works.read(address)
                self._works.write(address, works_of(known, node, message))
        except OSError as error:
            lines.append(f"{_ERROR}cannot write the state of {node.name}: {error}")
        return lines


def serve(sock: socket.socket, server: MessageServer) -> None:
    """Take datagrams in until the process ends."""
    while True:
        datagram, (address, _) = sock.recvfrom(SIZE_MAX + 1)
        now = time.monotonic()
        for line in server.refresh(now) + server.take(datagram, address, now):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()


def main() -> None:
    """Run the daemon."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=Path, required=True, help="nodes.csv of this boot server")
    parser.add_argument("--states", type=Path, required=True, help="folder of the last messages")
    parser.add_argument("--works", type=Path, required=True, help="folder of nodes' workloads")
    arguments = parser.parse_args()
    os.umask(0o022)
    states, works = StateFolder(arguments.states), StateFolder(arguments.works)
    server = MessageServer(PlanFile(arguments.nodes), states, works)
    for line in server.refresh(time.monotonic()):
        print(line, flush=True)
    serve(inherited_socket(), server)


if __name__ == "__main__":
    main()
