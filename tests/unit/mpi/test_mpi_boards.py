"""Which boards take a part of a job."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from picluster.campaign.fleet import Board
from picluster.campaign.live.status import BoardStatus
from picluster.errors import PiclusterError
from picluster.mac import MacAddress
from picluster.mpi import boards
from picluster.mpi.boards import answering, chosen
from picluster.rollout.assigned import Version
from picluster.rollout.shelf import Artefact, Shelf

D1, D2 = "1" * 64, "2" * 64
MEANT = [
    Board(f"pi-1-{n}", 1, n, f"172.20.1.{n}", MacAddress(f"b8:27:eb:00:01:0{n}"))
    for n in range(1, 7)
]


def shelf(server: str = "head", **more: Any) -> Shelf:
    versions = {"mpi": {"1": Artefact(D1), "2": Artefact(D2)}}
    assigned = {board.name: {"mpi": Version("2", D2)} for board in MEANT}
    assigned["pi-1-2"] = {"mpi": Version("1", D1)}
    works = {board.address: {"mpi": ("2", True)} for board in MEANT}
    works |= {"172.20.1.2": {"mpi": ("1", True)}, "172.20.1.3": {"mpi": ("2", False)}}
    del works["172.20.1.4"]
    parts = {"versions": versions, "latest": {"mpi": "2"}, "wanted": {"mpi": ("2", "1")}}
    return Shelf(server, **{**parts, "assigned": assigned, "works": works, **more})


def said(board: Board, stage: str = "ready", *, failed: bool = False) -> BoardStatus:
    return BoardStatus(
        board.name, 1, board.slot, board.address, str(board.mac), "", stage, "", failed, 1, None,
        "", "", "",
    )  # fmt: skip


STATUS = [*map(said, MEANT[:4]), said(MEANT[4], "nfs"), said(MEANT[5], failed=True)]


def test_only_boards_that_are_ready_and_well_with_the_version() -> None:
    found = chosen(MEANT, [shelf()], STATUS, "")
    assert (found.version, [host.name for host in found.hosts]) == ("2", ["pi-1-1"])
    not_well = "does not say that it is well with mpi 2"
    assert found.left_out == {
        "pi-1-2": not_well,
        "pi-1-3": not_well,
        "pi-1-4": not_well,
        "pi-1-5": "is at stage nfs",
        "pi-1-6": "is at stage ready, failed there",
    }
    # a roll-out to some has the last word on the workload, not on what others are assigned
    some = chosen(MEANT[:1], [shelf(wanted={"mpi": ("", "2")})], STATUS[:1], "")
    assert (some.version, [host.name for host in some.hosts]) == ("2", ["pi-1-1"])
    named = chosen(MEANT, [shelf()], STATUS, "1")
    assert (named.version, [host.name for host in named.hosts]) == ("1", ["pi-1-2"])


@pytest.mark.parametrize(
    ("shelves", "version", "why"),
    [
        ([Shelf("head")], "", "no boot server has a workload mpi"),
        ([shelf(wanted={})], "", "no version of mpi is deployed on all boot servers"),
        ([shelf(), shelf("rack", wanted={"mpi": ("1", "")})], "", "on all boot servers"),
        ([shelf()], "3", "mpi 3 is missing on boot server head"),
    ],
)
def test_a_version_that_is_not_everywhere_is_refused(
    shelves: list[Shelf], version: str, why: str
) -> None:
    with pytest.raises(PiclusterError, match=why):
        chosen(MEANT, shelves, STATUS, version)


def test_boards_are_asked_whether_they_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and says nothing does not answer either."""
    monkeypatch.setattr(boards, "_ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(boards, "_SSH", port)

        def greet() -> None:
            taken, _ = server.accept()
            with taken:
                taken.sendall(b"SSH-2.0-x\r\n")

        with socket.create_server(("127.0.0.3", port)):
            thread = threading.Thread(target=greet)
            thread.start()
            assert answering(["127.0.0.2", "127.0.0.3", "127.0.0.4"]) == {"127.0.0.2"}
            thread.join()
