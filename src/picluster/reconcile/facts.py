"""Serials, addresses and strangers: facts beside the place of a board."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from picluster.errors import printable
from picluster.harvest.ledger import Sighting
from picluster.harvest.observation import Kind as Source
from picluster.mac import MacAddress, serial_fits
from picluster.net import dotted, parse_address
from picluster.reconcile.model import Kind
from picluster.reconcile.state import State
from picluster.reconcile.text import pinned, provenance, side, stamp
from picluster.registry.model import Slot, node_name

_REMARKS_SHOWN = 20


def check_serials(state: State) -> None:
    """Enter serials that are new, fit and are one board's; say which disagree."""
    home = state.slots()
    owners = _owners(state, home)
    for mac, key in home.items():
        entry = state.entries[key]
        if entry.serial and not serial_fits(mac, entry.serial):
            wrong = (f"{mac} and {entry.serial} {pinned(entry)} cannot be one board's",)
            state.say(Kind.SERIAL, node_name(*key), wrong, "correct the registry")
        serials = _serials(state, mac)
        sides = [f"{serial} {side(seen)}" for serial, seen in sorted(serials.items())]
        sides += [
            f"{serial} is also {other}'s"
            for serial in sorted(serials)
            for other in sorted(owners[serial] - {mac})
        ]
        right = [serial for serial in serials if serial_fits(mac, serial)]
        alone = len(serials) == len(right) == 1 and len(sides) == 1
        if alone and not entry.serial:
            serial, sighting = serials.popitem()
            state.entries[key] = replace(
                entry,
                serial=serial,
                serial_from=provenance(sighting),
                serial_seen=stamp(sighting.first),
            )
        elif serials and not (alone and right == [entry.serial]):
            there = (f"{entry.serial} {pinned(entry)}",) if entry.serial else ()
            remedy = "read /proc/cpuinfo on the board and correct the registry"
            state.say(Kind.SERIAL, f"{node_name(*key)} {mac}", (*there, *sides), remedy)


def _serials(state: State, mac: MacAddress) -> dict[str, Sighting]:
    """Serials seen with a MAC address, each with its earliest sighting."""
    found: dict[str, Sighting] = {}
    for sighting in state.by_mac.get(mac, ()):
        if sighting.fact.serial is not None:
            found.setdefault(sighting.fact.serial, sighting)
    return found


def _owners(state: State, home: dict[MacAddress, Slot]) -> dict[str, set[MacAddress]]:
    """Boards that each serial is pinned to or was seen with."""
    owners: dict[str, set[MacAddress]] = defaultdict(set)
    for mac, key in home.items():
        owners[state.entries[key].serial].add(mac)
    for mac, sightings in state.by_mac.items():
        for sighting in sightings:
            if sighting.fact.serial is not None:
                owners[sighting.fact.serial].add(mac)
    return owners


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
    seen = f"seen with {address} {side(sighting)}"
    if key is not None and entry is not None and entry.mac is not None:
        owner = f"{address} is {node_name(*key)}'s: {entry.mac} {pinned(entry)}"
        state.say(Kind.STRAY, mac, (owner, seen), "find and unplug it, or correct the registry")
    elif key is not None and value not in state.fixed and not state.cluster.is_board(mac):
        owner = f"{address} is {node_name(*key)}'s, and this is no board"
        state.say(Kind.STRAY, mac, (owner, seen), "give it an address outside the banks")
    elif state.cluster.is_board(mac) and value in state.fixed:
        owner = f"{address} is {state.fixed[value]}"
        state.say(Kind.STRAY, mac, (owner, seen), "look for a second DHCP server")


def _planned(state: State, key: Slot) -> int:
    entry, bank = state.entries[key], state.cluster.bank(key[0])
    return parse_address(entry.address) if entry.address else bank.address(key[1])


def list_foreign(state: State) -> None:
    """List MAC addresses that are no board's."""
    for mac, sightings in state.by_mac.items():
        if not state.cluster.is_board(mac):
            first = sightings[0]
            port = f"port {first.fact.port}" if first.fact.port else first.fact.address or ""
            place = f"{port} of {printable(first.fact.switch)}" if first.fact.switch else port
            state.say(Kind.FOREIGN, mac, (f"{place} {side(first)}".strip(),))


def list_remarks(state: State) -> None:
    """List rows of sources that were left out."""
    for remark in state.ledger.remarks[:_REMARKS_SHOWN]:
        line = f":{remark.line}" if remark.line is not None else ""
        state.say(Kind.REMARK, f"{printable(remark.source)}{line}", (remark.what,))
    more = len(state.ledger.remarks) - _REMARKS_SHOWN + state.ledger.more_remarks
    if more > 0:
        state.say(Kind.REMARK, f"and {more} more rows")
