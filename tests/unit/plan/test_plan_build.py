import re
from pathlib import Path

import pytest

from picluster.cluster.load import load_cluster
from picluster.errors import PiclusterError
from picluster.plan.build import build_plan
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.registry.file import load_registry
from picluster.registry.sample import sample_text
from tests.conftest import MakeDescription

_HEADER = "bank,slot,mac,switch,port,address\n"


def mac(number: int) -> str:
    return f"b8:27:eb:00:{number >> 8:02x}:{number & 255:02x}"


def problems(path: Path) -> list[str]:
    """What the plan refuses, with file names instead of paths."""
    with pytest.raises(PiclusterError) as refused:
        read_plan(path)
    return [str(problem).replace(f"{path.parent}/", "") for problem in refused.value.problems]


def addresses(plan: AddressPlan) -> dict[str, str]:
    return {node.name: node.address for node in plan.nodes}


def test_a_slot_gives_name_and_address(description: MakeDescription) -> None:
    path = description(
        banks=[{"number": 12, "size": 42}, {"number": 35, "size": 42}],
        switches=None,
        registry="bank,slot,mac\n35,42,b827eb000002\n12,3,B8-27-EB-00-00-01\n12,4,\n",
    )
    plan = read_plan(path)
    assert [(node.name, node.address, node.mac) for node in plan.nodes] == [
        ("pi-12-3", "172.20.12.3", "b8:27:eb:00:00:01"),
        ("pi-35-42", "172.20.35.42", "b8:27:eb:00:00:02"),
    ]


@pytest.mark.parametrize(
    ("network", "changes", "banks", "expected"),
    [
        ("10.0.0.0/8", {}, [{"number": 300, "size": 2}], {"pi-300-2": "10.1.44.2"}),
        ("192.168.83.0/24", {"bank_stride": 64}, [{"number": 2, "size": 8}],
         {"pi-2-2": "192.168.83.130"}),
        ("192.168.83.0/29", {"bank_stride": 4}, [{"number": 0, "size": 3}],
         {"pi-0-2": "192.168.83.2"}),
        ("172.20.0.0/16", {}, [{"number": 7, "size": 600, "network": "172.20.64.0/22"}],
         {"pi-7-2": "172.20.64.2"}),
        ("172.20.0.0/16", {"bank_stride": 512}, [{"number": 3, "size": 300}],
         {"pi-3-2": "172.20.6.2"}),
    ],
)  # fmt: skip
def test_networks_of_every_shape(
    description: MakeDescription,
    network: str,
    changes: dict[str, object],
    banks: list[dict[str, object]],
    expected: dict[str, str],
) -> None:
    first = network.rpartition(".")[0]
    head = {"name": "h", "address": f"{first}.6", "boot_interface": "eth1"}
    path = description(
        network=network, head=head, banks=banks, switches=None, **changes,
        registry=f"bank,slot,mac\n{banks[0]['number']},2,{mac(1)}\n",
    )  # fmt: skip
    assert addresses(read_plan(path)) == expected


_ROWS = "1,1,{m1},,,\n1,2,{m2},,,\n2,1,{m3},,,\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,1,{m1},,,\n2,1,{m1},,,\n1,3,{m1},,,\n",
         ["macs.csv:3: MAC address b8:27:eb:00:00:01 is given to pi-1-1 (line 2), pi-2-1 (line 3), "
          "pi-1-3 (line 4); keep one of them"]),
        ("1,1,{m1},,,\n1,1,{m2},,,\n",
         ["macs.csv:3: slot pi-1-1 is given to pi-1-1 (line 2), pi-1-1 (line 3); keep one of them",
          "macs.csv:3: switch port 1 of sw-1 is given to pi-1-1 (line 2), pi-1-1 (line 3); "
          "keep one of them"]),
        ("1,1,{m1},,7,\n1,2,{m2},, 7,\n2,1,{m3},sw-1,7,\n",
         ["macs.csv:3: switch port 7 of sw-1 is given to pi-1-1 (line 2), pi-1-2 (line 3), "
          "pi-2-1 (line 4); keep one of them"]),
        ("1,1,{m1},,Gi0/7,\n1,2,{m2},,gigabitethernet0/7,\n",
         ["macs.csv:3: switch port gigabitethernet0/7 of sw-1 is given to pi-1-1 (line 2), pi-1-2 "
          "(line 3); keep one of them"]),
        ("1,1,{m1},,7,\n1,2,{m2},,0/7,\n",
         ["macs.csv:3: port 7 of sw-1 has two names: 7 to pi-1-1 (line 2), 0/7 to pi-1-2 (line 3); "
          "keep one row, or write one kind of name"]),
        ("1,1,{m1},,2,\n1,2,{m2},,,\n",
         ["macs.csv:3: switch port 2 of sw-1 is given to pi-1-1 (line 2), pi-1-2 (line 3); "
          "keep one of them"]),
        ("1,1,{m1},,,172.20.1.9\n1,2,{m2},,,172.20.1.9\n",
         ["macs.csv:3: address 172.20.1.9 is given to pi-1-1 (line 2), pi-1-2 (line 3); "
          "keep one of them"]),
        ("1,1,{m1},,,172.20.1.2\n1,2,{m2},,,\n",
         ["macs.csv:3: address 172.20.1.2 is given to pi-1-1 (line 2), pi-1-2 (line 3); "
          "keep one of them"]),
        ("1,1,{m1},,,172.20.2.1\n",
         ["macs.csv:2: address 172.20.2.1 lies outside bank 1 (172.20.1.0/24); leave the cell "
          "empty for the slot's own address"]),
        ("3,1,{m1},,,\n1,5,{m2},,,\n1,0,{m3},,,\n",
         ["macs.csv:2: bank 3 is not in the description (1 to 2); correct the row or describe the "
          "bank",
          "macs.csv:3: slot 5 of bank 1, which has slots 1 to 4; correct the row or the bank's "
          "size",
          "macs.csv:4: slot 0 of bank 1, which has slots 1 to 4; correct the row or the bank's "
          "size"]),
        ("1,1,{m1},sw-3,9,\n",
         ["macs.csv:2: switch 'sw-3' is not described; correct the cell or describe the switch"]),
    ],
)  # fmt: skip
def test_a_bad_registry_is_refused_with_every_offender(
    description: MakeDescription, rows: str, expected: list[str]
) -> None:
    path = description(
        registry=_HEADER + rows.format(m1=mac(1), m2=mac(2), m3=mac(3)),
    )
    assert problems(path) == expected


def test_all_kinds_of_offence_come_in_one_message(description: MakeDescription) -> None:
    rows = [
        f"1,1,{mac(1)},,,", f"1,2,{mac(1)},,,", f"9,1,{mac(2)},,,", f"2,1,{mac(3)},,,172.20.9.9",
        f"2,2,{mac(4)},,,172.20.2.3", f"2,3,{mac(5)},,,",
    ]  # fmt: skip
    path = description(registry=_HEADER + "\n".join(rows) + "\n")
    found = problems(path)
    assert [line.partition(";")[0] for line in found] == [
        "macs.csv:4: bank 9 is not in the description (1 to 2)",
        "macs.csv:5: address 172.20.9.9 lies outside bank 2 (172.20.2.0/24)",
        "macs.csv:3: MAC address b8:27:eb:00:00:01 is given to pi-1-1 (line 2), pi-1-2 (line 3)",
        "macs.csv:7: address 172.20.2.3 is given to pi-2-2 (line 6), pi-2-3 (line 7)",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"head": {"name": "h", "address": "172.20.1.1", "boot_interface": "e"}},
         ["macs.csv:2: pi-1-1 (line 2) would get 172.20.1.1, which is the head's; "
          "move the one or the other"]),
        ({"switches": [{"name": "sw-1", "address": "172.20.1.2"}, {"name": "sw-2"}]},
         ["macs.csv:3: pi-1-2 (line 3) would get 172.20.1.2, which is switch sw-1's; "
          "move the one or the other"]),
        ({"pdus": [{"name": "p", "address": "172.20.2.1"}]},
         ["macs.csv:4: pi-2-1 (line 4) would get 172.20.2.1, which is PDU p's; "
          "move the one or the other"]),
        ({"boot_servers": [{"name": "b", "address": "172.20.2.1", "boot_interface": "e"}]},
         ["macs.csv:4: pi-2-1 (line 4) would get 172.20.2.1, which is boot server b's; "
          "move the one or the other"]),
        ({"dhcp": {"router": "172.20.2.1"}},
         ["macs.csv:4: pi-2-1 (line 4) would get 172.20.2.1, which is the router's; "
          "move the one or the other"]),
    ],
)  # fmt: skip
def test_nobody_gets_the_address_of_the_infrastructure(
    description: MakeDescription, changes: dict[str, object], expected: list[str]
) -> None:
    rows = _ROWS.format(m1=mac(1), m2=mac(2), m3=mac(3))
    assert problems(description(registry=_HEADER + rows, **changes)) == expected


@pytest.mark.parametrize(
    ("address", "whose"),
    [("172.20.0.0", "the network's own"), ("172.20.255.255", "the broadcast address")],
)
def test_nobody_gets_the_first_or_last_address(
    description: MakeDescription, address: str, whose: str
) -> None:
    number = int(address.split(".")[2])
    path = description(
        banks=[{"number": number, "size": 4}],
        registry=f"{_HEADER}{number},1,{mac(1)},,,{address}\n",
    )
    assert problems(path) == [
        f"macs.csv:2: pi-{number}-1 (line 2) would get {address}, which is {whose}; "
        "move the one or the other"
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"network": "172.20.0.0/23"},
         ["{2}: network 172.20.0.0/23 is too small for bank 2 (172.20.2.1 to "
          "172.20.2.4); take a larger network or a lower bank number"]),
        ({"banks": [{"number": 1, "size": 256}]},
         ["{1}: bank 1 has 256 slots, its block 172.20.1.0/24 fewer addresses; "
          "reduce its size or give it a larger block"]),
        ({"banks": [{"number": 1, "network": "172.20.0.0/22"}, {"number": 2}, {"number": 3}]},
         ["{2}: banks 1 (172.20.0.0/22) and 2 (172.20.2.0/24) overlap; "
          "give them blocks of their own",
          "{3}: banks 1 (172.20.0.0/22) and 3 (172.20.3.0/24) overlap; "
          "give them blocks of their own"]),
        ({"head": {"name": "h", "address": "10.0.0.1", "boot_interface": "e"},
          "dhcp": {"router": "10.0.0.2"}},
         ["{head}: h has 10.0.0.1, outside 172.20.0.0/16; give it an address of "
          "the boot network",
          "{dhcp}: the router has 10.0.0.2, outside 172.20.0.0/16; name one the "
          "boards can reach"]),
        ({"pdus": [{"name": "p", "address": "172.20.0.21"},
                   {"name": "q", "address": "172.20.0.0"}]},
         ["{pdus p}: p and sw-1 both have 172.20.0.21; give one another address",
          "{pdus q}: q has 172.20.0.0, the network's own or broadcast address; "
          "give it another one"]),
        ({"banks": [{"number": 1, "size": 4, "switch": "sw-1", "ports": "1-4"},
                    {"number": 2, "size": 4, "switch": "sw-1", "ports": "3-6"}]},
         ["{2}: banks 1 and 2 both have ports 3, 4 of sw-1; "
          "give each slot a port of its own"]),
        ({"banks": [{"number": 1, "size": 4, "switch": "sw-1", "ports": "0/45-0/48"}]},
         ["{1}: bank 1 has port 0/48 of sw-1, described as uplink; "
          "correct the bank's ports or the switch's uplinks"]),
    ],
)  # fmt: skip
def test_a_layout_that_cannot_work_is_refused(
    description: MakeDescription, changes: dict[str, object], expected: list[str]
) -> None:
    path = description(**changes)
    lines = {str(key): line for key, line in load_cluster(path).lines.items()}
    numbered = [
        re.sub(r"^\{(.*?)\}", lambda key: f"small.picluster.yml:{lines[key[1]]}", text)
        for text in expected
    ]
    assert problems(path) == numbered
    text = path.read_text().splitlines()
    assert text[lines["head"] - 1] == "head:"
    assert "number: 1" in text[lines["1"] - 1]


_CLUSTERS = ("policebox", "mini", "zurich", "bench")
_NODES = {"policebox": 1050, "mini": 84, "zurich": 12, "bench": 8}


@pytest.mark.parametrize("name", _CLUSTERS)
def test_the_ready_clusters(repository: Path, name: str) -> None:
    path = repository / "inventory" / name / "cluster.picluster.yml"
    cluster = load_cluster(path)
    assert cluster.registry.read_bytes() == sample_text(cluster).encode()
    registry = load_registry(cluster.registry)
    plan = build_plan(cluster, registry)
    assert (len(plan.nodes), plan.sample) == (_NODES[name], True)
    assert all(node.serial for node in plan.nodes)


def test_addresses_of_the_ready_clusters(repository: Path) -> None:
    found = {
        name: addresses(read_plan(repository / "inventory" / name / "cluster.picluster.yml"))
        for name in _CLUSTERS
    }
    assert found["policebox"]["pi-12-3"] == "172.20.12.3"
    assert found["policebox"]["pi-35-42"] == "172.20.35.42"
    assert sorted({name.split("-")[1] for name in found["policebox"]}, key=int) == [
        str(bank) for bank in range(11, 36)
    ]
    assert (found["mini"]["pi-1-1"], found["mini"]["pi-2-42"]) == ("172.20.1.1", "172.20.2.42")
    assert found["zurich"]["pi-3-4"] == "172.21.3.4"
    assert len(set().union(*(found["policebox"].values(),))) == 1050
