"""One table of scenarios: what was pinned, what was seen, and the whole outcome."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from picluster.errors import PiclusterError
from picluster.harvest.observation import Fact, Kind, Remark
from picluster.mac import MacAddress
from picluster.reconcile.model import Change, Outcome
from picluster.registry.model import Entry, State
from tests.unit.reconcile.reconciling import (
    FOREIGN,
    NOON,
    STAMP,
    A,
    B,
    C,
    D,
    leased,
    pin,
    run,
    said,
    seen,
    wired,
)

Finding = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class Case:
    """Entries not in ``after`` stay as they were."""

    name: str
    facts: list[Fact]
    after: tuple[Entry, ...] = ()
    findings: tuple[Finding, ...] = ()
    before: tuple[Entry, ...] = ()
    gone: tuple[Entry, ...] = ()
    moves: tuple[MacAddress, ...] = ()
    assign: tuple[int, ...] = ()


def new(bank: int, slot: int, mac: MacAddress, **values: Any) -> Entry:
    """A board pinned from the table of its bank's switch, which carries no time."""
    return replace(pin(bank, slot, mac, mac_from=f"switch:sw-{bank}.txt"), **values)


def taken(bank: int, slot: int, mac: MacAddress | None, **values: Any) -> Entry:
    """A board pinned earlier."""
    return pin(bank, slot, mac, mac_from="old" if mac else "", line=9, **values)


CASES = [
    Case("nothing seen", []),
    Case(
        "new boards go where the description says their ports are",
        [seen(A, "1"), seen(B, "3"), seen(C, "0/2", "sw-2")],
        after=(new(1, 1, A), new(1, 3, B), new(2, 2, C)),
    ),
    Case(
        "a switch may be named by address or MAC address",
        [seen(A, "1", "172.20.0.21"), seen(B, "2", "78:8A:20:00:00:01")],
        after=(
            pin(1, 1, A, mac_from="switch:172.20.0.21.txt"),
            pin(1, 2, B, mac_from="switch:78:8A:20:00:00:01.txt"),
        ),
    ),
    Case(
        "VLANs and sources of one port merge, whatever they call it",
        [
            seen(A, "0/1", vlan="1"), seen(A, "0/1", vlan="20"),
            seen(A, "1", source="snmp.txt", seen=NOON), seen(A, " 0/1", source="b.txt"),
        ],
        after=(new(1, 1, A, mac_from="switch:snmp.txt", mac_seen=STAMP),),
    ),
    Case(
        "names that hold control characters are shown escaped",
        [seen(FOREIGN, "1", "e\x1b[0m", source="in/a"), Remark("cut", "b\x07.txt", 3)],
        findings=(
            ("FOREIGN", FOREIGN, (r"port 1 of 'e\x1b[0m' (in/a:1)",)),
            ("REMARK", r"'b\x07.txt':3", ("cut",)),
        ),
    ),
    Case(
        "two ports",
        [seen(A, "1"), seen(A, "2", "sw-2", line=4, seen=NOON)],
        findings=(
            ("TWO_PORTS", A, ("port 1 of sw-1 (in/sw-1.txt:1)",
                              f"port 2 of sw-2 (in/sw-2.txt:4, {STAMP})")),
        ),
    ),
    Case(
        "two ports, one of them its own: it stays pinned",
        [seen(A, "1"), seen(A, "2", "sw-2")],
        before=(taken(1, 1, A),),
        findings=(
            ("TWO_PORTS", A, ("port 1 of sw-1 (in/sw-1.txt:1)", "port 2 of sw-2 (in/sw-2.txt:1)")),
        ),
    ),
    Case(
        "shared port",
        [seen(A, "1"), seen(B, "1", line=2)],
        findings=(
            ("SHARED_PORT", "port 1 of sw-1: 2 boards, 2 MAC addresses",
             (f"{A} (in/sw-1.txt:1)", f"{B} (in/sw-1.txt:2)")),
        ),
    ),
    Case(
        "shared port, each source with another name of it",
        [seen(A, "1"), seen(B, "0/1", source="b.txt")],
        findings=(
            ("SHARED_PORT", "port 1 of sw-1: 2 boards, 2 MAC addresses",
             (f"{A} (in/sw-1.txt:1)", f"{B} (b.txt:1)")),
        ),
    ),
    Case(
        "a bank behind an undeclared uplink",
        [seen(mac, "47") for mac in (A, B, C)] + [seen(A, "1", "sw-2")],
        findings=(
            ("UPLINK", "port 47 of sw-1: 3 boards, 3 MAC addresses",
             (f"{A} (in/sw-1.txt:1), also on port 1 of sw-2 (in/sw-2.txt:1)",
              f"{B} (in/sw-1.txt:1)", f"{C} (in/sw-1.txt:1)")),
        ),
    ),
    Case(
        "uplinks, described or marked by the source, are ignored",
        [seen(A, "0/48"), seen(A, "52", uplink=True), seen(A, "1", "sw-2")],
        after=(new(2, 1, A),),
    ),
    Case(
        "one board and a stranger on a port",
        [seen(A, "1"), seen(FOREIGN, "1", line=2)],
        after=(new(1, 1, A),),
        findings=(("FOREIGN", FOREIGN, ("port 1 of sw-1 (in/sw-1.txt:2)",)),),
    ),
    Case(
        "a pinned board stays where it is until told",
        [seen(A, "2", "sw-2")],
        before=(taken(1, 1, A),),
        findings=(
            ("MOVED", A, ("pinned as pi-1-1 (registry line 9: old)",
                          "seen as pi-2-2 (in/sw-2.txt:1)")),
        ),
    ),
    Case(
        "told to, it moves, and its serial and state go with it",
        [seen(A, "2", "sw-2")],
        before=(
            taken(1, 1, A, serial="0000000a", serial_from="x", state=State.QUARANTINED),
            taken(2, 2, None, port="2", note="wired"),
        ),
        moves=(A,),
        gone=(taken(1, 1, A, serial="0000000a", serial_from="x", state=State.QUARANTINED),),
        after=(
            new(2, 2, A, serial="0000000a", serial_from="x", state=State.QUARANTINED,
                port="2", note="wired", line=9),
        ),
    ),
    Case(
        "what a slot is known by stays behind",
        [seen(A, "2", "sw-2")],
        before=(taken(1, 1, A, port="1", note="by the door"),),
        moves=(A,),
        after=(pin(1, 1, None, port="1", note="by the door", line=9), new(2, 2, A)),
    ),
    Case(
        "a swap, both told to move",
        [seen(A, "1", "sw-2"), seen(B, "1")],
        before=(taken(1, 1, A), taken(2, 1, B)),
        moves=(A, B),
        after=(new(1, 1, B), new(2, 1, A)),
    ),
    Case(
        "a swap, one told to move: neither loses its place",
        [seen(A, "1", "sw-2"), seen(B, "1")],
        before=(taken(1, 1, A), taken(2, 1, B)),
        moves=(A,),
        findings=(
            ("MOVED", A, ("pinned as pi-1-1 (registry line 9: old)",
                          "seen as pi-2-1 (in/sw-2.txt:1)",
                          f"pi-2-1: {B} is pinned there (registry line 9: old)")),
            ("MOVED", B, ("pinned as pi-2-1 (registry line 9: old)",
                          "seen as pi-1-1 (in/sw-1.txt:1)",
                          f"pi-1-1: {A} is pinned there (registry line 9: old)")),
        ),
    ),
    Case(
        "slot taken",
        [seen(B, "1")],
        before=(taken(1, 1, A, mac_seen=STAMP),),
        findings=(
            ("SLOT_TAKEN", "pi-1-1", (f"{A} is pinned there (registry line 9: old, {STAMP})",
                                      f"{B} is on its port (in/sw-1.txt:1)")),
        ),
    ),
    Case(
        "the registry's wiring goes before the description's",
        [seen(B, "2")],
        before=(taken(1, 1, None, port="2"),),
        after=(new(1, 1, B, port="2", line=9),),
    ),
    Case(
        "unknown switch",
        [seen(A, "1", "sw-9"), seen(B, "2", "sw-9"), seen(C, "1", None, source="x.txt")],
        findings=(
            ("UNKNOWN_SWITCH", "'sw-9': 2 boards on its ports", (A, B)),
            ("UNKNOWN_SWITCH", "x.txt names no switch: 1 board on its ports", (C,)),
        ),
    ),
    Case(
        "port of no slot",
        [seen(A, "9"), seen(B, "7", "sw-3")],
        before=(taken(2, 1, B),),
        findings=(
            ("NO_SLOT", "port 9 of sw-1", (f"{A} is on port 9 of sw-1 (in/sw-1.txt:1)",)),
            ("NO_SLOT", "port 7 of sw-3", (f"{B} is on port 7 of sw-3 (in/sw-3.txt:1)",
                                           "pinned as pi-2-1 (registry line 9: old)")),
        ),
    ),
    Case(
        "boards without a place, pinned ones and strangers",
        [leased(B, "172.20.1.2"), leased(A), leased(C, "172.20.2.1"), leased(FOREIGN)],
        before=(taken(2, 1, C),),
        findings=(
            ("UNPLACED", A, (f"seen (dhcpd.log:9, {STAMP})",)),
            ("UNPLACED", B, (f"seen with 172.20.1.2, the address of pi-1-2 (dhcpd.log:9, {STAMP})",
                             )),
            ("FOREIGN", FOREIGN, (f"(dhcpd.log:9, {STAMP})",)),
        ),
    ),
    Case(
        "assign fills free slots in order of MAC address",
        [leased(D), leased(B), leased(C), leased(A)],
        before=(taken(1, 2, FOREIGN), taken(1, 3, None, note="empty")),
        assign=(1, 1),
        after=(
            pin(1, 1, A, mac_from="dhcp:dhcpd.log", mac_seen=STAMP),
            pin(1, 3, B, mac_from="dhcp:dhcpd.log", mac_seen=STAMP, note="empty", line=9),
        ),
        findings=(
            ("UNPLACED", C, (f"seen (dhcpd.log:9, {STAMP})",)),
            ("UNPLACED", D, (f"seen (dhcpd.log:9, {STAMP})",)),
        ),
    ),
    Case(
        "assign takes no board a finding is about",
        [seen(A, "1"), seen(B, "1"), leased(A), leased(C)],
        assign=(2,),
        after=(pin(2, 1, C, mac_from="dhcp:dhcpd.log", mac_seen=STAMP),),
        findings=(
            ("SHARED_PORT", "port 1 of sw-1: 2 boards, 2 MAC addresses",
             (f"{A} (in/sw-1.txt:1)", f"{B} (in/sw-1.txt:1)")),
        ),
    ),
    Case(
        "a pinned board off plan",
        [leased(A, "172.20.200.7"), leased(B, "172.20.1.1")],
        before=(taken(1, 1, A), taken(1, 2, B)),
        findings=(
            ("STRAY", A, ("the plan gives pi-1-1 172.20.1.1",
                          f"seen with 172.20.200.7 (dhcpd.log:9, {STAMP})")),
            ("STRAY", B, ("the plan gives pi-1-2 172.20.1.2",
                          "seen with 172.20.1.1, the address of pi-1-1 "
                          f"(dhcpd.log:9, {STAMP})")),
        ),
    ),
    Case(
        "on plan, where its address is pinned too",
        [leased(A, "172.20.1.1"), leased(B, "172.20.1.77")],
        before=(taken(1, 1, A), taken(1, 2, B, address="172.20.1.77")),
    ),
    Case(
        "an address of a node in other hands",
        [leased(B, "172.20.1.1"), leased(FOREIGN, "172.20.1.1"), leased(C, "172.20.0.10")],
        before=(taken(1, 1, A),),
        findings=(
            ("UNPLACED", B, (f"seen with 172.20.1.1, the address of pi-1-1 (dhcpd.log:9, {STAMP})",
                             )),
            ("UNPLACED", C, (f"seen with 172.20.0.10 (dhcpd.log:9, {STAMP})",)),
            ("STRAY", FOREIGN, (f"172.20.1.1 is pi-1-1's: {A} (registry line 9: old)",
                                f"seen with 172.20.1.1 (dhcpd.log:9, {STAMP})")),
            ("STRAY", B, (f"172.20.1.1 is pi-1-1's: {A} (registry line 9: old)",
                          f"seen with 172.20.1.1 (dhcpd.log:9, {STAMP})")),
            ("STRAY", C, ("172.20.0.10 is the head's",
                          f"seen with 172.20.0.10 (dhcpd.log:9, {STAMP})")),
            ("FOREIGN", FOREIGN, (f"172.20.1.1 (dhcpd.log:9, {STAMP})",)),
        ),
    ),
    Case(
        "a stranger in an empty slot's address",
        [leased(FOREIGN, "172.20.1.3")],
        findings=(
            ("STRAY", FOREIGN, ("172.20.1.3 is pi-1-3's, and this is no board",
                                f"seen with 172.20.1.3 (dhcpd.log:9, {STAMP})")),
            ("FOREIGN", FOREIGN, (f"172.20.1.3 (dhcpd.log:9, {STAMP})",)),
        ),
    ),
    Case(
        "a new serial",
        [leased(A, serial="0a00000a"), seen(B, "2"), leased(B, serial="0b00000b")],
        before=(taken(1, 1, A),),
        after=(
            taken(1, 1, A, serial="0a00000a", serial_from="dhcp:dhcpd.log", serial_seen=STAMP),
            new(1, 2, B, serial="0b00000b", serial_from="dhcp:dhcpd.log", serial_seen=STAMP),
        ),
    ),
    Case(
        "a serial that cannot be the board's is not entered",
        [leased(A, serial="0a00000b")],
        before=(taken(1, 1, A),),
        findings=(("SERIAL", f"pi-1-1 {A}", (f"0a00000b (dhcpd.log:9, {STAMP})",)),),
    ),
    Case(
        "serials that disagree",
        [leased(A, serial="0a00000a"), leased(A, serial="0b00000a"), leased(B, serial="0b00000b")],
        before=(taken(1, 1, A), taken(1, 2, B, serial="0c00000b")),
        findings=(
            ("SERIAL", f"pi-1-1 {A}", (f"0a00000a (dhcpd.log:9, {STAMP})",
                                       f"0b00000a (dhcpd.log:9, {STAMP})")),
            ("SERIAL", f"pi-1-2 {B}", ("0c00000b (registry line 9: old)",
                                       f"0b00000b (dhcpd.log:9, {STAMP})")),
        ),
    ),
    Case(
        "one serial for two boards",
        [leased("dc:a6:32:00:00:01", serial="0a00000a"), leased(A, serial="0a00000a")],
        before=(taken(1, 1, A),),
        findings=(
            ("UNPLACED", "dc:a6:32:00:00:01", (f"seen (dhcpd.log:9, {STAMP})",)),
            ("SERIAL", f"pi-1-1 {A}", (f"0a00000a (dhcpd.log:9, {STAMP})",
                                       "0a00000a is also dc:a6:32:00:00:01's")),
        ),
    ),
    Case(
        "a serial the registry has wrong",
        [],
        before=(taken(1, 1, A, serial="0a0000ff"),),
        findings=(
            ("SERIAL", "pi-1-1", (f"{A} and 0a0000ff (registry line 9: old) cannot be one board's",
                                  )),
        ),
    ),
    Case(
        "positions wire a bank that the description leaves open",
        [wired("172.20.3.1", "sw-3", "0/7"), wired("172.20.3.2", "sw-1", "0/9"),
         seen(A, "7", "sw-3"), seen(B, "9")],
        after=(
            pin(3, 1, A, port="0/7", port_from="positions:rack.csv",
                port_seen="2026-01-31T12:00:00Z", mac_from="switch:sw-3.txt"),
            pin(3, 2, B, port="0/9", switch="sw-1", port_from="positions:rack.csv",
                port_seen="2026-01-31T12:00:00Z",
                mac_from="switch:sw-1.txt"),
        ),
    ),
    Case(
        "positions that agree change nothing",
        [wired("172.20.1.1", "172.20.0.21", "0/1"), wired("172.20.3.1", "sw-3", "7")],
        before=(taken(3, 1, None, port="0/7", port_from="x"),),
    ),
    Case(
        "positions that disagree with registry or description",
        [wired("172.20.1.1", "sw-1", "2"), wired("172.20.3.1", "sw-3", "8"),
         wired("172.20.3.2", "sw-3", "7")],
        before=(taken(3, 1, None, port="0/7", port_from="x"),),
        findings=(
            ("WIRING", "pi-1-1", ("port 1 of sw-1 (description)",
                                  "port '2' of sw-1 (rack.csv:2)")),
            ("WIRING", "pi-3-1", ("port 0/7 of sw-3 (x)", "port '8' of sw-3 (rack.csv:2)")),
            ("WIRING", "pi-3-2", ("that port is pi-3-1's", "port '7' of sw-3 (rack.csv:2)")),
        ),
    ),
    Case(
        "positions that contradict each other are all left out",
        [wired("172.20.3.1", "sw-3", "7"), wired("172.20.3.1", "sw-3", "8", 3),
         wired("172.20.3.2", "sw-3", "9", 4), wired("172.20.3.3", "sw-3", "9", 5)],
        findings=(
            ("WIRING", "pi-3-1", ("pi-3-1 on port '7' of sw-3 (rack.csv:2)",
                                  "pi-3-1 on port '8' of sw-3 (rack.csv:3)")),
            ("WIRING", "port 9 of sw-3", ("pi-3-2 on port '9' of sw-3 (rack.csv:4)",
                                          "pi-3-3 on port '9' of sw-3 (rack.csv:5)")),
        ),
    ),
    Case(
        "positions of no bank or no switch",
        [wired("172.20.9.1", "sw-1", "1"), wired("172.20.3.1", "sw-9", "1", 3)],
        findings=(
            ("STRAY", "172.20.9.1", ("slot address 172.20.9.1 (rack.csv:2)",)),
            ("UNKNOWN_SWITCH", "'sw-9'", ("port '1' (rack.csv:3)",)),
        ),
    ),
    Case(
        "hostile names of files come out escaped",
        [seen(A, "1", source="a\x1b[31m\n.txt"), leased(B, source="b\udcff")],
        after=(pin(1, 1, A, mac_from="switch:'a\\x1b[31m\\n.txt'"),),
        findings=(("UNPLACED", B, (f"seen ('b\\udcff':9, {STAMP})",)),),
    ),
    Case(
        "remarks are passed on, the first twenty of them",
        [Remark(f"cut row {line}", "x.txt", line) for line in range(1, 24)],
        findings=(
            *(("REMARK", f"x.txt:{line}", (f"cut row {line}",)) for line in range(1, 21)),
            ("REMARK", "and 3 more rows", ()),
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_whole_outcome(case: Case) -> None:
    outcome = run(case.facts, case.before, moves=case.moves, assign=case.assign)
    before = {entry.key: entry for entry in case.before}
    after = before | {entry.key: entry for entry in case.after}
    for entry in case.gone:
        del after[entry.key]
    keys = sorted(set(before) | set(after))
    observed = {getattr(fact, "mac", None) for fact in case.facts}
    expected = Outcome(
        entries=tuple(after[key] for key in sorted(after)),
        changes=tuple(
            Change(before.get(key), after.get(key))
            for key in keys
            if before.get(key) != after.get(key)
        ),
        findings=outcome.findings,
        seen=frozenset(key for key, entry in after.items() if entry.mac and entry.mac in observed),
    )
    assert said(outcome.findings) == list(case.findings)
    assert outcome == expected


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_again_with_the_same_sources_nothing_changes(case: Case) -> None:
    first = run(case.facts, case.before, moves=case.moves, assign=case.assign)
    again = run(case.facts, first.entries, moves=case.moves, assign=case.assign)
    assert again.changes == ()
    assert again.entries == first.entries


def test_every_disagreement_has_a_remedy_and_notices_are_no_disagreement() -> None:
    seen_kinds = {}
    for case in CASES:
        for finding in run(case.facts, case.before, moves=case.moves, assign=case.assign).findings:
            seen_kinds[finding.kind.name] = (finding.disputed, bool(finding.remedy))
    assert {kind for kind, (disputed, _) in seen_kinds.items() if not disputed} == {
        "FOREIGN", "UNPLACED", "REMARK",
    }  # fmt: skip
    assert [
        kind for kind, (disputed, remedy) in seen_kinds.items() if disputed and not remedy
    ] == []
    assert len(seen_kinds) == 13


def test_assign_to_a_bank_that_is_not_there() -> None:
    with pytest.raises(PiclusterError) as refused:
        run([leased(A)], assign=(7,))
    assert str(refused.value) == "small.picluster.yml: no bank 7; described are: 1, 2, 3"


def test_a_port_of_two_names_never_chooses_a_board() -> None:
    """Where names cannot be merged, two boards of one slot are still a disagreement."""
    facts: list[Fact] = [seen(A, "0/1"), seen(B, "g1"), seen(C, "1", kind=Kind.SWITCH)]
    outcome = run(facts)
    assert outcome.entries == ()
    assert said(outcome.findings)[0][:2] == ("SHARED_PORT", "pi-1-1")
