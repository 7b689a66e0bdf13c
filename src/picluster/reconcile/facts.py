"""Serials, addresses and strangers: facts beside the place of a board."""

from __future__ import annotations

from dataclasses import replace

from picluster.harvest.ledger import Sighting
from picluster.harvest.observation import Kind as Source
from picluster.mac import MacAddress, serial_fits
from picluster.net import dotted, parse_address
from picluster.plan.model import node_name
from picluster.reconcile.model import Kind
from picluster.reconcile.state import State
from picluster.reconcile.text import pinned, provenance, side, stamp
from picluster.registry.model import Slot

_REMARKS_SHOWN = 20


def check_serials(state: State) -> None:
    """Enter serials that are new and fit; say which disagree."""
    for mac, key in state.slots().items():
        serials = {s.fact.serial: s for s in state.by_mac.get(mac, ()) if s.fact.serial is not None}
        entry = state.entries[key]
        if entry.serial and not serial_fits(mac, entry.serial):
            wrong = (f"{mac} and {entry.serial} {pinned(entry)} cannot be one board's",)
            state.say(Kind.SERIAL, node_name(*key), wrong, "correct the registry")
        if len(serials) == 1 and not entry.serial:
            serial, sighting = serials.popitem()
            state.entries[key] = replace(
                entry,
                serial=serial,
                serial_from=provenance(sighting),
                serial_seen=stamp(sighting.first),
            )
        elif serials.keys() - {entry.serial}:
            sides = tuple(f"{serial} {side(s)}" for serial, s in sorted(serials.items()))
            there = (f"{entry.serial} {pinned(entry)}",) if entry.serial else ()
            state.say(Kind.SERIAL, f"{node_name(*key)} {mac}", (*there, *sides))


def check_addresses(state: State) -> None:
    """Addresses seen in use off plan: a board with another's, or another with a node's."""
    home = state.slots()
    for mac, sightings in state.by_mac.items():
        for sighting in sightings:
            address = sighting.fact.address
            if address is not None and sighting.fact.kind is not Source.SWITCH:
                _address(state, mac, home.get(mac), address, sighting)


def _address(
    state: State, mac: MacAddress, home: Slot | None, address: str, sighting: Sighting
) -> None:
    value = parse_address(address)
    if home is not None:
        planned = _planned(state, home)
        if value != planned:
            sides = (
                f"the plan gives {node_name(*home)} {dotted(planned)}",
                f"seen with {address}{state.owner_text(address)} {side(sighting)}",
            )
            state.say(Kind.STRAY, mac, sides, "power-cycle it; look for a second DHCP server")
        return
    found = state.cluster.slot_at(value)
    key = (found[0].number, found[1]) if found else None
    entry = state.entries.get(key) if key else None
    if key is not None and entry is not None and entry.mac is not None:
        sides = (
            f"{address} is {node_name(*key)}'s: {entry.mac} {pinned(entry)}",
            f"seen with {address} {side(sighting)}",
        )
        state.say(Kind.STRAY, mac, sides, "find and unplug it, or correct the registry")


def _planned(state: State, key: Slot) -> int:
    entry, bank = state.entries[key], state.cluster.bank(key[0])
    assert bank is not None  # noqa: S101 - the registry has made a plan
    return parse_address(entry.address) if entry.address else bank.address(key[1])


def list_foreign(state: State) -> None:
    """List MAC addresses that are no board's."""
    for mac, sightings in state.by_mac.items():
        if not state.cluster.is_board(mac):
            first = sightings[0]
            port = f"port {first.fact.port}" if first.fact.port else first.fact.address or ""
            place = f"{port} of {first.fact.switch}" if first.fact.switch else port
            state.say(Kind.FOREIGN, mac, (f"{place} {side(first)}".strip(),))


def list_remarks(state: State) -> None:
    """List rows of sources that were left out."""
    for remark in state.ledger.remarks[:_REMARKS_SHOWN]:
        line = f":{remark.line}" if remark.line is not None else ""
        state.say(Kind.REMARK, f"{remark.source}{line}", (remark.what,))
    more = len(state.ledger.remarks) - _REMARKS_SHOWN + state.ledger.more_remarks
    if more > 0:
        state.say(Kind.REMARK, f"and {more} more rows")
