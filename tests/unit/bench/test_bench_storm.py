"""What counts as a board that booted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from picluster.plan.read import read_plan
from tests.bench.clusters import description_of, make_full
from tests.bench.rom_storm import Storm, judge

if TYPE_CHECKING:
    from pathlib import Path

SERVED = {"bootcode.bin": "aa", "kernel8.img": "bb"}


def test_only_a_board_with_its_own_address_and_the_heads_files_is_complete(tmp_path: Path) -> None:
    plan = read_plan(description_of(make_full(tmp_path / "full", banks=1)))
    macs = [str(node.mac) for node in plan.nodes]

    def rom(number: int, *addresses: str, **changes: Any) -> dict[str, Any]:
        files = {name: {"size": 1, "sha256": digest} for name, digest in SERVED.items()}
        plain = {"mac": macs[number - 1], "addresses": list(addresses), "files": files}
        return plain | {"stage": "kernel", "complete": True, "reason": ""} | changes

    results = [
        {"data_bytes": 3_000_000, "roms": [
            rom(1, "172.20.0.1", "172.20.0.1"),
            rom(2, "172.20.0.3"),
            rom(3, "172.20.0.3", "172.20.0.9"),
        ]},
        {"data_bytes": 1_000_000, "roms": [
            rom(4, "172.20.0.4", files={"kernel8.img": {"size": 1, "sha256": "cc"}}),
            rom(5, "172.20.0.5", stage="tftp", complete=False, reason="no answer"),
            rom(6, stage="dhcp", complete=False, reason="no offer"),
        ]},
    ]  # fmt: skip

    assert judge(plan, SERVED, results, 7.0) == Storm(
        complete=1,
        off_plan=2,
        stopped={"kernel": 3, "tftp": 1, "dhcp": 1},
        reasons={"other files than the head's, or late": 3, "no answer": 1, "no offer": 1},
        seconds=7.0,
        megabytes=4.0,
    )
