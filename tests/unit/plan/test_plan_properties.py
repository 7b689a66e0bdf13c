import csv
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.cluster.load import load_cluster
from picluster.cluster.model import Bank, Cluster, Pdu, Server, Switch
from picluster.errors import PiclusterError
from picluster.mac import MacAddress
from picluster.net import Ipv4Block, dotted, parse_address
from picluster.plan.build import build_plan
from picluster.registry.file import load_registry
from picluster.registry.model import Entry, Registry
from picluster.registry.text import format_entry
from picluster.render.configuration import render
from tests.conftest import MakeDescription

_NET = parse_address("172.20.0.0")


def mac(number: int) -> MacAddress:
    octets = (number >> 16 & 255, number >> 8 & 255, number & 255)
    return MacAddress("b8:27:eb:" + ":".join(f"{octet:02x}" for octet in octets))


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Clusters whose banks may overlap, leave the network or cover the infrastructure."""
    prefix = draw(st.integers(16, 28))
    network = Ipv4Block(_NET, prefix)
    stride_bits = draw(st.integers(1, 8))
    host = st.integers(0, network.size - 1).map(lambda offset: network.first + offset)
    numbers = draw(st.lists(st.integers(0, 20), min_size=1, max_size=6, unique=True))
    banks = tuple(
        Bank(
            number=number,
            block=Ipv4Block(network.first + (number << stride_bits), 32 - stride_bits),
            size=draw(st.integers(1, (1 << stride_bits) + 1)),
            boot_server="head",
            image="current",
        )
        for number in sorted(numbers)
    )
    return Cluster(
        path=Path("c.picluster.yml"),
        name="c",
        network=network,
        head=Server("head", draw(host), "eth1"),
        banks=banks,
        canary_bank=banks[0].number,
        domain_name="c.internal",
        registry=Path("macs.csv"),
        switches=(Switch("sw", draw(host)),),
        pdus=(Pdu("pdu", draw(host)),),
    )


@st.composite
def entries(draw: st.DrawFn, cluster: Cluster) -> list[Entry]:
    """Entries of mostly good and now and then bad slots, boards and addresses."""
    bank = st.sampled_from(cluster.banks)
    found = []
    for _ in range(draw(st.integers(0, 12))):
        chosen = draw(bank)
        pinned = ""
        if draw(st.integers(0, 5)) == 0:
            pinned = dotted(chosen.block.first + draw(st.integers(-1, chosen.block.size)))
        found.append(
            Entry(
                bank=chosen.number,
                slot=draw(st.integers(1, chosen.size)),
                mac=draw(st.one_of(st.none(), st.integers(1, 40).map(mac))),
                address=pinned,
            )
        )
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Cluster, list[Entry]]:
    cluster = draw(clusters())
    return cluster, draw(entries(cluster))


def plan_or_none(cluster: Cluster, rows: Sequence[Entry]) -> dict[str, str] | None:
    try:
        plan = build_plan(cluster, Registry(Path("macs.csv"), tuple(rows)))
    except PiclusterError:
        return None
    return {node.name: node.address for node in plan.nodes}


@settings(max_examples=150, deadline=None)
@given(cases())
def test_what_is_not_refused_is_unique_in_its_bank_and_nobody_elses(
    case: tuple[Cluster, list[Entry]],
) -> None:
    cluster, rows = case
    planned = plan_or_none(cluster, rows)
    if planned is None:
        return
    pinned = {f"pi-{row.bank}-{row.slot}": row for row in rows if row.mac is not None}
    assert set(planned) == set(pinned)
    assert len(set(planned.values())) == len(planned)
    assert len({row.mac for row in pinned.values()}) == len(pinned)
    taken = {cluster.head.address, cluster.network.first, cluster.network.last}
    taken |= {cluster.switches[0].address or 0, cluster.pdus[0].address or 0}
    banks = {bank.number: bank for bank in cluster.banks}
    for name, text in planned.items():
        address = parse_address(text)
        assert address not in taken
        assert address in cluster.network
        assert address in banks[pinned[name].bank].block
        holders = [bank.number for bank in cluster.banks if address in bank.block]
        assert holders == [pinned[name].bank]


@settings(max_examples=100, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_no_board_gets_another_address_when_others_come_go_or_change_places(
    case: tuple[Cluster, list[Entry]], chance: random.Random
) -> None:
    cluster, rows = case
    planned = plan_or_none(cluster, rows)
    if planned is None:
        return
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert plan_or_none(cluster, shuffled) == planned
    fewer = [row for row in rows if chance.random() < 0.5]
    left = plan_or_none(cluster, fewer)
    assert left is not None
    assert left.items() <= planned.items()


@settings(max_examples=100, deadline=None)
@given(cases())
def test_every_refusal_has_its_reason(case: tuple[Cluster, list[Entry]]) -> None:
    """A plan is refused only where an independent look finds something wrong."""
    cluster, rows = case
    banks = {bank.number: bank for bank in cluster.banks}
    fixed = {
        cluster.network.first, cluster.network.last, cluster.head.address,
        cluster.switches[0].address, cluster.pdus[0].address,
    }  # fmt: skip
    where = [
        parse_address(row.address) if row.address else banks[row.bank].block.first + row.slot
        for row in rows
    ]
    macs = [row.mac for row in rows if row.mac is not None]
    good = (
        all(bank.size < bank.block.size for bank in cluster.banks)
        and all(bank.block.first + bank.size in cluster.network for bank in cluster.banks)
        and len(fixed) == 5
        and len({row.key for row in rows}) == len(rows)
        and len(set(macs)) == len(macs)
        and len(set(where)) == len(where)
        and fixed.isdisjoint(where)
        and all(at in banks[row.bank].block for at, row in zip(where, rows, strict=True))
    )
    assert (plan_or_none(cluster, rows) is not None) is good


@settings(max_examples=100, deadline=None)
@given(cases())
def test_every_node_is_in_the_csv_of_its_boot_server_and_nowhere_else(
    case: tuple[Cluster, list[Entry]],
) -> None:
    cluster, rows = case
    other = Server("other", 0, "eth1")
    moved = tuple(
        replace(bank, boot_server=other.name, image=f"v{bank.number}") if index % 2 else bank
        for index, bank in enumerate(cluster.banks)
    )
    split = replace(cluster, banks=moved, boot_servers=(other,))
    try:
        plan = build_plan(split, Registry(Path("macs.csv"), tuple(rows)))
    except PiclusterError:
        return
    found = {}
    for server in split.servers:
        text = render(plan, "nodes", "csv", server.name)
        for row in csv.DictReader(text.splitlines()):
            assert row["name"] not in found
            found[row["name"]] = (server.name, row["address"], row["mac"], row["image"])
    assert found == {
        node.name: (node.bank.boot_server, node.address, node.mac, node.bank.image)
        for node in plan.nodes
    }


def _full(description: MakeDescription, banks: range, head: str) -> Path:
    return description(
        head={"name": "h", "address": head, "boot_interface": "eth1"},
        bank_size=254, switches=None, banks=[{"number": number} for number in banks],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("banks", "head", "nodes"),
    [(range(1, 255), "172.20.0.10", 254 * 254), (range(256), "172.20.0.255", 65_024)],
)
@pytest.mark.timeout(90)
def test_a_full_network(description: MakeDescription, banks: range, head: str, nodes: int) -> None:
    path = _full(description, banks, head)
    rows = [Entry(number, slot) for number in banks for slot in range(1, 255)]
    texts = [
        format_entry(Entry(row.bank, row.slot, mac=mac(ordinal)))
        for ordinal, row in enumerate(rows, 1)
    ]
    header = "bank,slot,mac,serial,switch,port,address,state,mac_from,mac_seen,serial_from,"
    header += "serial_seen,port_from,port_seen,note\n"
    (path.parent / "macs.csv").write_text(header + "\n".join(texts) + "\n")
    started = time.process_time()
    cluster = load_cluster(path)
    plan = build_plan(cluster, load_registry(cluster.registry))
    spent = time.process_time() - started
    assert len(plan.nodes) == nodes
    assert len({node.address for node in plan.nodes}) == nodes
    assert {node.address for node in plan.nodes} == {
        f"172.20.{row.bank}.{row.slot}" for row in rows
    }
    assert spent < 20
