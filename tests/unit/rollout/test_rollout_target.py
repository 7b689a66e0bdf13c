"""Every reason to refuse a roll-out before its first batch, and who has it already."""

from __future__ import annotations

from typing import Any

import pytest
from rolling import ORDER
from stocked import D1, D2, FLEET

from picluster.errors import PiclusterError
from picluster.rollout.assigned import Version, assigned_text, parse_assigned
from picluster.rollout.shelf import Artefact, Shelf
from picluster.rollout.target import (
    DEPLOY,
    ROLLBACK,
    UNDEPLOY,
    Limits,
    Target,
    refuse_memory,
    target_of,
    unchanged,
)


def shelf(server: str = "head", **more: Any) -> Shelf:
    versions = {"hello": {"1": Artefact(D1, 100), "2": Artefact(D2, 500, 20, 5)}}
    return Shelf(server, versions, {"hello": "2"}, **more)


@pytest.mark.parametrize(
    ("action", "workload", "version", "shelves", "why"),
    [
        (
            DEPLOY,
            "nothing",
            "",
            [shelf()],
            "no boot server has a .* nothing; there are: hello",
        ),
        (DEPLOY, "nothing", "", [Shelf("head")], "nothing; none is there; ansible-playbook"),
        (DEPLOY, "hello", "3", [shelf(), shelf("b")], "hello 3 is missing on boot server head"),
        (DEPLOY, "hello", "1", [shelf(), Shelf("b")], "hello 1 is missing on boot server b"),
        (DEPLOY, "hello", "", [shelf(), Shelf("b")], "different versions: head: 2, b: none"),
        (
            DEPLOY,
            "hello",
            "1",
            [shelf(), Shelf("b", {"hello": {"1": Artefact(D2)}})],
            "hello 1 is not the same on head and b",
        ),
        (ROLLBACK, "hello", "", [shelf()], "hello has no version before the present one"),
        (UNDEPLOY, "nothing", "", [shelf()], "no boot server has a workload nothing"),
    ],
)
def test_what_is_not_everywhere_the_same_is_refused(
    action: str, workload: str, version: str, shelves: list[Shelf], why: str
) -> None:
    with pytest.raises(PiclusterError, match=why):
        target_of(action, workload, version, shelves)


def test_the_version_delivered_last_is_taken() -> None:
    assert target_of(DEPLOY, "hello", "", [shelf()]) == Target("hello", Version("2", D2), 20, 60)
    assert target_of(UNDEPLOY, "hello", "", [shelf()]) == Target("hello", Version(), 0, 60)


@pytest.mark.parametrize(
    ("board_mib", "others", "why"),
    [
        (692, {}, None),
        (691, {}, "hello 2 needs 500 MiB of memory, and a board has 499 MiB for workloads: "),
        (791, {"pi-1-2": 100}, "needs 500 MiB of memory beside the 100 MiB of other workloads, .* "
                               "has 599 MiB for workloads: pi-1-2;"),
        (792, {"pi-1-2": 100}, None),
    ],
)  # fmt: skip
def test_what_needs_more_memory_than_a_board_has_is_refused(
    board_mib: int, others: dict[str, int], why: str | None
) -> None:
    found = shelf(
        assigned={node: {"other": Version("1", D1), "hello": Version("1", D1)} for node in others}
    )
    found = Shelf(
        "head",
        {**found.versions, "other": {"1": Artefact(D1, 100)}},
        found.latest,
        assigned=found.assigned,
    )
    limits = Limits(board_mib, 192)
    wanted = target_of(DEPLOY, "hello", "2", [found])
    if why is None:
        refuse_memory(wanted, FLEET.boards, [found], limits)
        return
    with pytest.raises(PiclusterError, match=why):
        refuse_memory(wanted, FLEET.boards, [found], limits)


def test_boards_that_have_it_are_unchanged() -> None:
    one, two = Version("1", D1), Version("2", D2)
    found = shelf(
        assigned={
            "pi-1-1": {"hello": two}, "pi-1-2": {"hello": two}, "pi-1-3": {"hello": one},
            "pi-2-1": {"hello": two},
        },
        works={
            "172.20.1.1": {"hello": ("2", True)}, "172.20.1.2": {"hello": ("2", False)},
            "172.20.1.3": {"hello": ("2", True)},
        },
    )  # fmt: skip
    assert unchanged(Target("hello", Version("2", D2), 30, 60), FLEET.boards, [found]) == {"pi-1-1"}
    none = Target("hello", Version(), 0, 0)
    assert unchanged(none, FLEET.boards, [found]) == {"pi-2-2"}


def test_a_file_of_what_is_assigned_is_read_as_it_was_written() -> None:
    assigned = {"pi-1-1": {"a": Version("1.0+b", D1), "b": Version()}, "pi-1-2": {"a": Version()}}
    assert parse_assigned(assigned_text(ORDER, assigned), "bank_1") == assigned
    assert parse_assigned("", "bank_1") == {}


@pytest.mark.parametrize(
    "text",
    [
        "picluster-assigned/2 0123456789abcdef\n",
        f"picluster-assigned/1 {ORDER}\npi-1-1 a 1\n",
        f"picluster-assigned/1 {ORDER}\npi-1-1 ../a 1 {D1}\n",
        f"picluster-assigned/1 {ORDER}\npi-1-1 a $(x) {D1}\n",
        f"picluster-assigned/1 {ORDER}\npi-1-1 a 1 -\n",
        f"picluster-assigned/1 {ORDER}\npi-1-1 a - {D1}\n",
    ],
)
def test_another_file_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(PiclusterError, match=r"bank_1:[12]: not a line of what is assigned"):
        parse_assigned(text, "bank_1")
