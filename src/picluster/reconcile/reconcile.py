"""Reconcile what was seen with what is pinned. A pure function."""

from __future__ import annotations

from picluster.cluster.model import Cluster
from picluster.harvest.ledger import Ledger
from picluster.mac import MacAddress
from picluster.reconcile import facts, pin
from picluster.reconcile.model import Change, Outcome
from picluster.reconcile.places import find_places
from picluster.reconcile.positions import apply_positions
from picluster.reconcile.state import State
from picluster.registry.model import Registry


def reconcile(
    cluster: Cluster,
    registry: Registry,
    ledger: Ledger,
    *,
    moves: frozenset[MacAddress] = frozenset(),
    assign: tuple[int, ...] = (),
) -> Outcome:
    """Pin every board whose place is undisputed; say everything else.

    Args:
        cluster: the description.
        registry: what is pinned so far; it has made a plan without complaint.
        ledger: what was seen.
        moves: pinned boards that may move to the port they were seen on.
        assign: banks whose free slots take the boards without a place, in order of MAC address.

    Returns:
        The registry as it would be, the changes and the findings. No pinned board moves or is
        replaced but by ``moves``.

    Raises:
        PiclusterError: a bank of ``assign`` that is not described.
    """
    state = State(cluster, registry, ledger)
    state.findings += apply_positions(cluster, state.entries, ledger.positions)
    places = find_places(cluster, state.by_mac)
    state.findings += places.findings
    pin.pin_placed(state, places, moves)
    pin.assign_free(state, pin.unplaced(state, places), assign)
    facts.check_serials(state)
    facts.check_addresses(state)
    facts.list_foreign(state)
    facts.list_remarks(state)
    return _outcome(state)


def _outcome(state: State) -> Outcome:
    keys = sorted(set(state.before) | set(state.entries))
    changes = (Change(state.before.get(key), state.entries.get(key)) for key in keys)
    return Outcome(
        entries=tuple(state.entries[key] for key in sorted(state.entries)),
        changes=tuple(change for change in changes if change.before != change.after),
        findings=tuple(state.findings),
        seen=frozenset(key for mac, key in state.slots().items() if mac in state.by_mac),
    )
