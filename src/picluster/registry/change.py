"""Deliberate changes of the registry."""

from __future__ import annotations

import re
from dataclasses import replace

from picluster.cluster.model import Cluster
from picluster.errors import refusal, shown
from picluster.mac import MacAddress
from picluster.registry.model import Entry, Registry, Slot, node_name

_NODE = re.compile(r"pi-([0-9]{1,5})-([0-9]{1,5})", re.ASCII)


def slot_of(cluster: Cluster, node: str) -> Slot:
    """The slot of a node's name.

    Raises:
        PiclusterError: not a node's name, or one of no slot.
    """
    match = _NODE.fullmatch(node)
    if match is None:
        raise refusal(f"not a node's name: {shown(node)}", "write it as pi-<bank>-<slot>")
    number, slot = int(match[1]), int(match[2])
    size = cluster.bank(number).size
    if not 1 <= slot <= size:
        what = f"bank {number} has no slot {slot}"
        raise refusal(what, f"it has slots 1 to {size}", file=cluster.path)
    return number, slot


def put_board(
    cluster: Cluster,
    registry: Registry,
    node: str,
    mac: MacAddress,
    *,
    serial: str = "",
    move: bool = False,
    seen: str,
) -> tuple[Entry, ...]:
    """Pin a board into a slot; what was there before leaves it.

    Args:
        cluster: the description.
        registry: it has made a plan without complaint.
        node: ``pi-<bank>-<slot>``.
        mac: the board.
        serial: its serial, or empty.
        move: it may be pinned elsewhere; that slot becomes empty.
        seen: time of the change, ISO 8601 UTC.

    Returns:
        All entries of the registry.

    Raises:
        PiclusterError: no such slot; pinned elsewhere without ``move``; not a board's OUI.
    """
    slot = slot_of(cluster, node)
    if not cluster.is_board(mac):
        raise refusal(
            f"{mac} has no OUI of a board", "add its OUI to boards.extra_ouis", file=cluster.path
        )
    entries = {entry.key: entry for entry in registry.entries}
    board = next((entry for entry in registry.entries if entry.mac == mac), Entry(*slot))
    if board.key != slot:
        if not move:
            other = node_name(*board.key)
            raise refusal(
                f"{mac} is pinned as {other}",
                f"--move frees {other}",
                file=registry.path,
                line=board.line,
            )
        entries[board.key] = without_board(board)
    if board.mac is None or board.key != slot:
        board = replace(board, mac=mac, mac_from="replace", mac_seen=seen)
    if serial not in ("", board.serial):
        board = replace(board, serial=serial, serial_from="replace", serial_seen=seen)
    entries[slot] = with_board(entries.get(slot) or Entry(*slot), board)
    return tuple(entries[key] for key in sorted(entries))


def with_board(entry: Entry, board: Entry) -> Entry:
    """The slot's entry with what another one knows of its board: serial and state come along."""
    return replace(
        entry,
        mac=board.mac,
        serial=board.serial,
        state=board.state,
        mac_from=board.mac_from,
        mac_seen=board.mac_seen,
        serial_from=board.serial_from,
        serial_seen=board.serial_seen,
    )


def without_board(entry: Entry) -> Entry:
    """The slot's entry without its board: the wiring and the note stay."""
    return with_board(entry, Entry(*entry.key))
