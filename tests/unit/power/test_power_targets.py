"""What may be named for power."""

from __future__ import annotations

import pytest
from power_cluster import MakePowered

from picluster.errors import PiclusterError


def found(powered: MakePowered, *names: str) -> tuple[list[str], int, list[str]]:
    """Outlets, number of boards meant, other loads meant."""
    selection = powered().targets.select(names)
    return sorted(map(str, selection.outlets)), len(selection.nodes), sorted(selection.loads)


@pytest.mark.parametrize(
    ("names", "outlets", "boards", "loads"),
    [
        (["bank_1"], ["pdu-1:1"], 3, []),
        (["1"], ["pdu-1:1"], 3, []),
        (["rack_1"], ["pdu-1:1", "pdu-1:2"], 7, []),
        (["side_back"], ["pdu-2:1", "pdu-2:2", "pdu-2:3"], 8, []),
        (["all"], ["pdu-1:1", "pdu-1:2", "pdu-2:1", "pdu-2:2", "pdu-2:3"], 15, []),
        (["pi"], ["pdu-1:1", "pdu-1:2", "pdu-2:1", "pdu-2:2", "pdu-2:3"], 15, []),
        (["pi-3-2"], ["pdu-2:1"], 1, []),
        (["bank_1,pi-2-1", "bank_1"], ["pdu-1:1", "pdu-1:2"], 4, []),
        (["sw-1"], ["pdu-3:1"], 0, ["sw-1"]),
        (["switches"], ["pdu-3:1", "pdu-3:2", "pdu-3:3"], 0, ["sw-1", "sw-2", "sw-core"]),
        (["small-head"], ["pdu-3:4"], 0, ["small-head"]),
        (["pdu-2:3"], ["pdu-2:3"], 0, []),
        (["pdu-2"], ["pdu-2:1", "pdu-2:2", "pdu-2:3"], 0, []),
    ],
)
def test_names_lead_to_outlets(
    powered: MakePowered, names: list[str], outlets: list[str], boards: int, loads: list[str]
) -> None:
    assert found(powered, *names) == (outlets, boards, loads)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("bank_99", "no bank 99; described are: 1, 2, 3, 4, 5"),
        ("99", "no bank 99; described are: 1, 2, 3, 4, 5"),
        ("pi-99-1", "no bank 99; described are: 1, 2, 3, 4, 5"),
        ("pi-1-4", "no board is pinned as pi-1-4; name one of small's nodes"),
        ("pdu-1:9", "no outlet pdu-1:9; pdu-1 has outlets 1 to 5"),
        ("pdu-1:3", "nothing is described at pdu-1:3; describe what is fed there"),
        (
            "r\x1b[2Jack",
            "'r\\x1b[2Jack' is nothing that has power here; name all; a group (bank_1, rack_1, "
            "side_front, …); a node (pi-1-1, pi-1-2, pi-1-3, …); one of sw-1, sw-2, sw-core, …; an "
            "outlet (pdu-1:1)",
        ),
        ("٤٢", None),
        ("", None),
    ],
)
def test_anything_else_is_one_clear_message(
    powered: MakePowered, name: str, problem: str | None
) -> None:
    cluster = powered()
    with pytest.raises(PiclusterError) as caught:
        cluster.targets.select([name])
    assert len(caught.value.problems) == 1
    if problem is not None:
        file = str(cluster.addresses.cluster.path)
        assert str(caught.value) == f"{file}: {problem}"


def test_every_offender_is_named(powered: MakePowered) -> None:
    with pytest.raises(PiclusterError) as caught:
        powered().targets.select(["bank_77", "bank_1", "bank_88"])
    assert [problem.what for problem in caught.value.problems] == ["no bank 77", "no bank 88"]


def test_a_switch_without_an_outlet(powered: MakePowered) -> None:
    cluster = powered(supplies=None, power_order=None)
    with pytest.raises(PiclusterError, match="sw-1 has no outlet; describe a supply that feeds it"):
        cluster.targets.select(["sw-1"])
    with pytest.raises(PiclusterError, match="bank_3 has no outlet; describe pdu and outlet"):
        cluster.targets.select(["bank_3"])
    with pytest.raises(PiclusterError, match="pi-3-1 has no outlet; describe pdu and outlet"):
        cluster.targets.select(["pi-3-1"])
