"""Measuring children, and the peers they are compared with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.plan.read import read_plan
from tests.bench.clusters import description_of, make_full
from tests.bench.harvest import write_log
from tests.bench.measure import Cost, in_turn, middle, program, run
from tests.bench.static import check_same, write_static

BUSY = """
import time
block = bytearray(80_000_000)
end = time.process_time() + 0.3
while time.process_time() < end: pass
time.sleep(0.2)
"""


def test_cost_of_a_child() -> None:
    cost = run([sys.executable, "-c", BUSY])

    assert cost.seconds > 0.5
    assert 0.3 <= cost.cpu_s < cost.seconds
    assert 80 < cost.peak_mb < 160


def test_a_child_that_fails_is_not_measured() -> None:
    with pytest.raises(PiclusterError, match=r"ended with status 4: no such thing"):
        run([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); exit(4)"])


def test_peers_run_in_turn_and_the_median_counts() -> None:
    order = []
    costs = iter([Cost(1, 5, 9), Cost(7, 7, 7), Cost(3, 4, 5), Cost(8, 8, 8), Cost(2, 6, 1),
                  Cost(9, 9, 9)])  # fmt: skip

    def peer(name: str) -> Cost:
        order.append(name)
        return next(costs)

    found = in_turn({"a": lambda: peer("a"), "b": lambda: peer("b")})

    assert order == ["a", "b"] * 3
    assert middle(found["a"]) == Cost(2, 5, 5)
    assert middle(found["b"]) == Cost(8, 8, 8)


def test_full_cluster_fills_its_banks(tmp_path: Path) -> None:
    plan = read_plan(description_of(make_full(tmp_path / "full", banks=3)))

    addresses = [node.address for node in plan.nodes]
    assert addresses == [f"172.20.{bank}.{slot}" for bank in range(3) for slot in range(1, 255)]


def test_static_inventory_is_the_same_inventory(tmp_path: Path) -> None:
    ours, again, static = (tmp_path / name for name in ("ours.json", "again.json", "static.yml"))
    inventory = make_full(tmp_path / "full", banks=2)
    listing = [program("ansible-inventory"), "--list", "-i"]
    run([*listing, str(inventory)], output=ours)

    write_static(ours, static)
    run([*listing, str(static)], output=again)

    check_same(ours, again)
    assert "\n      picluster_slot: 254\n" in static.read_text()
    data = json.loads(again.read_text())
    data["bank_1"]["hosts"].pop()
    again.write_text(json.dumps(data))
    with pytest.raises(PiclusterError, match="not the same inventory"):
        check_same(ours, again)


def test_log_is_a_dhcpd_log_of_boards(tmp_path: Path) -> None:
    log = tmp_path / "short.log"

    write_log(log, 3)

    assert log.read_text() == (
        "Jan  5 08:00:00 head dhcpd[411]: DHCPDISCOVER from b8:27:eb:43:38:59 via eth1\n"
        "Jan  5 08:00:00 head dhcpd[411]: DHCPOFFER on 172.20.1.1 to b8:27:eb:43:38:59 via eth1\n"
        "Jan  5 08:00:05 head dhcpd[411]: DHCPDISCOVER from b8:27:eb:7a:b2:0a via eth1\n"
    )
