from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.harvest.observation import Fact, Remark
from picluster.mac import MacAddress
from picluster.plan.build import build_plan
from picluster.reconcile.reconcile import reconcile
from picluster.registry.model import Entry, Registry
from tests.unit.reconcile.reconciling import (
    CLUSTER,
    FOREIGN,
    NOON,
    A,
    B,
    C,
    D,
    leased,
    ledger,
    run,
    seen,
    wired,
)

_MACS = st.sampled_from([A, B, C, D, MacAddress("dc:a6:32:00:00:01"), FOREIGN])
_TIMES = st.one_of(st.none(), st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours)))
_SEEN = st.builds(
    seen,
    _MACS,
    port=st.sampled_from(["1", "0/1", "g1", "2", "0/2", "3", "9", "48"]),
    switch=st.sampled_from(["sw-1", "sw-2", "sw-3", "172.20.0.22", "sw-9", None]),
    seen=_TIMES,
    line=st.integers(1, 4),
    source=st.sampled_from(["a.txt", "b.txt"]),
    vlan=st.sampled_from([None, "1", "20"]),
    uplink=st.sampled_from([False, False, True]),
)
_LEASED = st.builds(
    leased,
    _MACS,
    address=st.sampled_from([None, "172.20.1.1", "172.20.1.2", "172.20.3.3", "172.20.200.1"]),
    seen=_TIMES,
    line=st.integers(1, 4),
    serial=st.sampled_from([None, "0a00000a", "0b00000b", "0c00000b"]),
)
_WIRED = st.builds(
    wired,
    st.sampled_from(["172.20.3.1", "172.20.3.2", "172.20.1.1", "172.20.9.9"]),
    st.sampled_from(["sw-3", "sw-1", "sw-9"]),
    st.sampled_from(["1", "0/1", "7", "8"]),
    line=st.integers(1, 4),
)
_REMARK = st.builds(Remark, st.sampled_from(["cut", "bent"]), st.just("x"), st.integers(1, 3))
_FACTS = st.lists(st.one_of(_SEEN, _SEEN, _LEASED, _WIRED, _REMARK), max_size=9)
_PINNED = st.lists(
    st.builds(
        Entry,
        bank=st.integers(1, 3),
        slot=st.integers(1, 3),
        mac=st.one_of(st.none(), st.sampled_from([A, B, C])),
        mac_from=st.just("old"),
    ),
    max_size=4,
    unique_by=(lambda entry: entry.key, lambda entry: entry.mac or entry.key),
).map(tuple)
_MOVES = st.frozensets(st.sampled_from([A, B, C]))
_ASSIGN = st.lists(st.integers(1, 3), max_size=2).map(tuple)


def _of_one_kind(facts: list[Fact]) -> list[Fact]:
    """Facts of which no two remarks are left: their order is that of the sources."""
    return [fact for fact in facts if not isinstance(fact, Remark)]


@settings(max_examples=150, deadline=None)
@given(_FACTS, _PINNED, _MOVES, _ASSIGN, st.randoms(use_true_random=False))
def test_the_order_of_facts_means_nothing(facts, pinned, moves, assign, chance) -> None:
    facts = _of_one_kind(facts)
    outcome = run(facts, pinned, moves=moves, assign=assign)
    shuffled = list(facts)
    chance.shuffle(shuffled)
    turned = list(pinned)
    chance.shuffle(turned)
    other = run(shuffled, tuple(turned), moves=moves, assign=assign)
    assert other.entries == outcome.entries
    assert other.changes == outcome.changes
    assert set(other.findings) == set(outcome.findings)
    assert other.seen == outcome.seen


@settings(max_examples=150, deadline=None)
@given(_FACTS, _PINNED, _MOVES, _ASSIGN)
def test_boards_are_never_lost_doubled_or_moved_untold(facts, pinned, moves, assign) -> None:
    outcome = run(facts, pinned, moves=moves, assign=assign)
    before = {entry.mac: entry.key for entry in pinned if entry.mac}
    after = [(entry.mac, entry.key) for entry in outcome.entries if entry.mac]
    assert len({mac for mac, _ in after}) == len(after)
    assert set(before) <= dict(after).keys()
    assert {mac for mac, key in after if before.get(mac, key) != key} <= moves
    build_plan(CLUSTER, Registry(CLUSTER.registry, outcome.entries))


@settings(max_examples=150, deadline=None)
@given(_FACTS, _PINNED, _MOVES, _ASSIGN)
def test_a_second_run_changes_nothing(facts, pinned, moves, assign) -> None:
    first = run(facts, pinned, moves=moves, assign=assign)
    registry = Registry(CLUSTER.registry, first.entries)
    again = reconcile(CLUSTER, registry, ledger(*facts), moves=moves, assign=assign)
    assert again.changes == ()
