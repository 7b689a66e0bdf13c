"""Pin boards whose place is undisputed, and those the user assigns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from picluster.harvest.ledger import Sighting
from picluster.mac import MacAddress
from picluster.reconcile.model import Kind
from picluster.reconcile.places import Places
from picluster.reconcile.state import State
from picluster.reconcile.text import pinned, provenance, side, stamp
from picluster.reconcile.wiring import Wiring
from picluster.registry.change import with_board, without_board
from picluster.registry.model import Entry, Slot, node_name


def pin_placed(state: State, places: Places, moves: frozenset[MacAddress]) -> None:
    """Pin every placed board; one pinned elsewhere moves only if ``moves`` holds it."""
    wiring = Wiring(state.cluster, state.entries.values())
    home = state.slots()
    targets: dict[MacAddress, tuple[Slot, Sighting]] = {}
    for mac, (switch, sighting) in places.ports.items():
        slot = wiring.slot(switch, sighting.fact.port or "")
        if slot is None:
            _no_slot(state, mac, switch, sighting, home)
            places.disputed.add(mac)
        elif home.get(mac) != slot:
            targets[mac] = (slot, sighting)
    _contested(state, targets, places)
    boards = {mac: _unpin(state, home.pop(mac)) for mac in _movers(targets, moves, home)}
    for mac, (slot, sighting) in targets.items():
        _pin(state, mac, slot, sighting, home.get(mac), boards.get(mac))
        places.disputed.add(mac)


def _contested(
    state: State, targets: dict[MacAddress, tuple[Slot, Sighting]], places: Places
) -> None:
    """Take out boards that were seen in one slot, each on a port of another name."""
    claims: dict[Slot, list[MacAddress]] = defaultdict(list)
    for mac, (slot, _) in targets.items():
        claims[slot].append(mac)
    for slot, macs in claims.items():
        if len(macs) > 1:
            seen = [(mac, targets.pop(mac)[1]) for mac in macs]
            sides = [f"{mac} is on port {s.fact.port} {side(s)}" for mac, s in seen]
            state.say(Kind.SHARED_PORT, node_name(*slot), sides, "harvest the switch anew")
            places.disputed.update(macs)


def _movers(
    targets: dict[MacAddress, tuple[Slot, Sighting]],
    moves: frozenset[MacAddress],
    home: dict[MacAddress, Slot],
) -> list[MacAddress]:
    """Boards that move: those told to whose new slot is free, or freed by another that moves."""
    movers = {mac for mac in targets if mac in moves and mac in home}
    while True:
        kept = {home[mac] for mac in home if mac not in movers}
        stuck = {mac for mac in movers if targets[mac][0] in kept}
        if not stuck:
            return sorted(movers)
        movers -= stuck


def _no_slot(
    state: State, mac: MacAddress, switch: str, sighting: Sighting, home: dict[MacAddress, Slot]
) -> None:
    port = sighting.fact.port
    here = f"{mac} is on port {port} of {switch} {side(sighting)}"
    known = home.get(mac)
    there = (f"pinned as {node_name(*known)} {pinned(state.entries[known])}",) if known else ()
    remedy = "describe the bank's ports, or harvest the positions of its slots"
    state.say(Kind.NO_SLOT, f"port {port} of {switch}", (here, *there), remedy)


def _unpin(state: State, key: Slot) -> Entry:
    """Take a board out of its slot.

    Returns:
        Its entry so far: serial and state go with the board.
    """
    board = state.entries[key]
    bare = without_board(board)
    if bare.port or bare.address or bare.note:
        state.entries[key] = bare
    else:
        del state.entries[key]
    return board


def _pin(
    state: State,
    mac: MacAddress,
    slot: Slot,
    sighting: Sighting,
    home: Slot | None,
    board: Entry | None,
) -> None:
    node, entry = node_name(*slot), state.entries.get(slot)
    taken = entry is not None and entry.mac is not None
    sides = (f"{entry.mac} is pinned there {pinned(entry)}",) if entry and taken else ()
    if home is not None:
        there = (
            f"pinned as {node_name(*home)} {pinned(state.entries[home])}",
            f"seen as {node} {side(sighting)}",
            *(f"{node}: {text}" for text in sides),
        )
        remedy = f"if it did move: --move {mac}"
        if entry and taken:
            remedy += f" and say where {entry.mac} is: --move it, or picluster replace"
        state.say(Kind.MOVED, mac, there, remedy)
    elif taken:
        seen = f"{mac} is on its port {side(sighting)}"
        state.say(Kind.SLOT_TAKEN, node, (*sides, seen), f"picluster replace {node} {mac}")
    else:
        _enter(state, mac, slot, sighting, board)


def _enter(
    state: State, mac: MacAddress, slot: Slot, sighting: Sighting, board: Entry | None = None
) -> None:
    entry = state.entries.get(slot) or Entry(bank=slot[0], slot=slot[1])
    fresh = Entry(bank=slot[0], slot=slot[1], state=entry.state)
    known = replace(
        board or fresh, mac=mac, mac_from=provenance(sighting), mac_seen=stamp(sighting.first)
    )
    state.entries[slot] = with_board(entry, known)


def unplaced(state: State, places: Places) -> list[MacAddress]:
    """Boards that no finding is about, that are nowhere pinned and have no place."""
    home = state.slots()
    return [
        mac
        for mac in state.by_mac
        if state.cluster.is_board(mac) and mac not in home and mac not in places.disputed
    ]


def assign_free(state: State, macs: list[MacAddress], banks: tuple[int, ...]) -> None:
    """Put boards into the free slots of banks, in order; say which are left without a place."""
    free = [slot for number in dict.fromkeys(banks) for slot in _free_slots(state, number)]
    for mac, slot in zip(macs, free, strict=False):
        sighting = state.by_mac[mac][0]
        _enter(state, mac, slot, sighting)
    for mac in macs[len(free) :]:
        sides = [state.seen_text(sighting) for sighting in state.by_mac[mac][:6]]
        remedy = "harvest its switch, or put it into a slot: picluster replace NODE " + mac
        state.say(Kind.UNPLACED, mac, sides, remedy)


def _free_slots(state: State, number: int) -> list[Slot]:
    size = state.cluster.bank(number).size
    slots = ((number, slot) for slot in range(1, size + 1))
    taken = {key for key, entry in state.entries.items() if entry.mac is not None}
    return [slot for slot in slots if slot not in taken]
