"""deploy() by playbooks/deploy.yml; the boot server is a program, boards are lines of its log."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from picluster.campaign.journal.lock import ROLLOUT, Lock, lock_path
from picluster.errors import PiclusterError
from picluster.runner import BusyError, End, Event, Options, deploy
from tests.conftest import REPOSITORY, MakeDescription
from tests.unit.rollout.served import Place

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(name="place")
def place_of(
    tmp_path: Path, description: MakeDescription, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", str(tmp_path / "local"))
    place = Place(tmp_path, description)
    way = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {"all": {"hosts": {"small-head": way}}}
    (tmp_path / "way.yml").write_text(json.dumps(hosts))
    return place


def options(place: Place, **wishes: Any) -> Options:
    reach = {"small-head": list(place.server.reach.prefix)}
    variables = {
        "rollout_reach": reach, "rollout_answer_s": 2, "workload_example_version": "2",
    }  # fmt: skip
    journal = place.folder / "journal.db"
    return Options(variables=variables, journal=journal, project=REPOSITORY, **wishes)


def sources(place: Place) -> list[Path]:
    return [place.path, place.folder / "way.yml"]


def test_boards_get_a_workload(place: Place) -> None:
    events: list[Event] = []
    looked = deploy(sources(place), "example", check=True, options=options(place))
    assert looked.lines[0] == "example 1: 4 boards would change, batch by batch"
    assert place.assigned(1) == []
    with place.boards():
        done = deploy(sources(place), "example", options=options(place, watch=events.append))
    assert (done.action, done.end, done.status) == ("deploy", End.DONE, 0)
    assert {node.name: node.state for node in done.nodes} == {
        "pi-1-1": "ok", "pi-1-2": "ok", "pi-2-1": "ok", "pi-2-2": "ok",
    }  # fmt: skip
    assert [(bank.bank, bank.state, bank.good) for bank in done.banks] == [
        (1, "deployed", 2),
        (2, "deployed", 2),
    ]
    assert done.report["version"] == "2"
    assert "bank 1, canary: 1 ok" in [event.text for event in events]
    assert [line.split()[:3] for line in place.assigned(2)] == [
        ["pi-2-1", "example", "2"],
        ["pi-2-2", "example", "2"],
    ]
    off = deploy(
        sources(place), "example", action="undeploy", limit="bank_2", check=True,
        options=options(place),
    )  # fmt: skip
    assert off.lines[0] == "example (none of it): 2 boards would change, batch by batch"


def test_boards_that_are_lost_are_a_result(place: Place) -> None:
    with place.boards("pi-2-2"):
        short = deploy(sources(place), "example", version="2", options=options(place))
    assert (short.end, short.status, short.counts()) == (
        End.SHORT, 3, {"ok": 3, "unreachable": 1},
    )  # fmt: skip
    assert short.node("pi-2-2").reason
    assert [bank.state for bank in short.banks] == ["deployed", "short"]


def test_a_cancel_in_mid_batch_is_told_of_board_by_board(place: Place) -> None:
    stop = threading.Event()

    def watch(event: Event) -> None:
        if event.text.startswith("bank 1, canary"):
            stop.set()

    slow = options(place, watch=watch, cancel=stop.is_set)
    slow = Options(
        watch=watch, cancel=stop.is_set, journal=slow.journal, project=slow.project,
        variables={**slow.variables, "rollout_answer_s": 60},
    )  # fmt: skip
    with place.boards("pi-1-2"):
        ended = deploy(sources(place), "example", options=slow)
    assert (ended.end, ended.status) == (End.CANCELLED, 130)
    assert ended.node("pi-1-1").state == "ok"
    assert ended.node("pi-1-2").state == "open"
    assert {ended.node(name).state for name in ("pi-2-1", "pi-2-2")} == {"untouched"}
    assert place.assigned(2) == []
    with Lock(lock_path(place.folder / "journal.db")):
        pass


def test_a_roll_out_that_others_started_keeps_it_out(place: Place) -> None:
    lock = lock_path(place.folder / "journal.db")
    with Lock(lock, ROLLOUT), pytest.raises(BusyError, match="a roll-out is running already"):
        deploy(sources(place), "example", options=options(place))


def test_a_workload_that_is_none_fails_with_the_reason(place: Place) -> None:
    with pytest.raises(PiclusterError, match=r"deploy\.yml failed: .*workload_nothing"):
        deploy(sources(place), "nothing", options=options(place))
