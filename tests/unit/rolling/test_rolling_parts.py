"""Batches, the stop rule, who loses power, and what a boot server says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from picluster.campaign.events import Event, Sign
from picluster.errors import PiclusterError
from picluster.rolling.account import report_of
from picluster.rolling.batches import Batch, batches_of
from picluster.rolling.live import headlog, pointed
from picluster.rolling.live.comeback import Back, Comeback
from picluster.rolling.live.cycle import obstacle, settling
from picluster.rolling.options import Options
from picluster.rolling.record import Record
from picluster.rolling.report import BoardResult, Outcome, status_of, stop_reason
from tests.unit.campaign.campaigning import small_fleet

FLEET = small_fleet(banks=3, size=3)
NAMES = [board.name for board in FLEET.boards]
OLD, NEW = "0" * 16, "1" * 16


def results(*outcomes: Outcome) -> list[BoardResult]:
    return [BoardResult(f"pi-1-{n}", 1, outcome) for n, outcome in enumerate(outcomes, 1)]


def test_the_canary_bank_is_first_and_whole_where_it_shares_an_outlet() -> None:
    found = batches_of(FLEET, NAMES, 2, lambda _: False)
    assert [batch.bank for batch in found] == [2, 1, 3]
    assert found[0] == Batch(2, ("pi-2-1", "pi-2-2", "pi-2-3"))


def test_a_board_with_an_outlet_of_its_own_is_the_canary() -> None:
    found = batches_of(FLEET, NAMES, None, lambda name: name in ("pi-1-2", "pi-2-1"))
    assert found[0] == Batch(1, ("pi-1-2",), canary=True)
    assert [batch.boards for batch in found[1:3]] == [
        ("pi-1-1", "pi-1-3"), ("pi-2-1", "pi-2-2", "pi-2-3"),
    ]  # fmt: skip
    assert [batch.boards for batch in batches_of(FLEET, ["pi-3-2"], 1, lambda _: True)] == [
        ("pi-3-2",)
    ]


@pytest.mark.parametrize(
    ("outcomes", "budget", "stops"),
    [
        ((Outcome.OK, Outcome.FAILED, Outcome.UNREACHABLE), 2, False),
        ((Outcome.OK, Outcome.FAILED, Outcome.UNREACHABLE), 1, True),
        ((Outcome.UNCHANGED, Outcome.FAILED), 1, False),
        ((Outcome.FAILED,), 3, True),  # nobody is well
        ((Outcome.FAILED, Outcome.ABSENT), 3, True),
        ((Outcome.ABSENT, Outcome.UNDRAINED), 0, False),
    ],
)
def test_the_stop_rule(outcomes: tuple[Outcome, ...], budget: int, *, stops: bool) -> None:
    assert bool(stop_reason(results(*outcomes), budget, "bank 1")) is stops


@pytest.mark.parametrize(
    ("outcomes", "more", "status"),
    [
        ((Outcome.OK, Outcome.UNCHANGED, Outcome.ABSENT), {}, 0),
        ((Outcome.OK, Outcome.FAILED), {}, 3),
        ((Outcome.UNDRAINED,), {}, 3),
        ((Outcome.OK,), {"drained": True}, 3),
        ((Outcome.OK, Outcome.UNTOUCHED), {"stopped": "why"}, 3),
        ((Outcome.OK, Outcome.UNTOUCHED), {"cancelled": True}, 130),
        ((Outcome.OK,), {"cancelled": True}, 0),
    ],
)
def test_exit_statuses(outcomes: tuple[Outcome, ...], more: dict[str, object], status: int) -> None:
    known = {"stopped": "", "cancelled": False, "drained": False, **more}
    assert status_of(results(*outcomes), **known) == status  # type: ignore[arg-type]


def test_power_is_not_cut_from_boards_that_are_at_work() -> None:
    mine = ["pi-1-1", "pi-1-2"]
    assert obstacle(FLEET, [1], ["pi-1-1"], [], mine, mine) == ""
    ready = [*mine, "pi-1-3", "pi-2-1"]
    assert "pi-1-3 would lose power too" in obstacle(FLEET, [1], ["pi-1-1"], [], mine, ready)
    assert "pi-1-3,pi-2-1 would" in obstacle(FLEET, [1, 2], ["pi-1-1"], [], mine, ready)
    assert obstacle(FLEET, [1], ["pi-1-1"], ["pi-1-1"], mine, ready) == ""


def test_a_campaign_listens_long_where_boards_were_not_asked() -> None:
    assert settling(["pi-1-1"], ["pi-1-1", "pi-1-2"]) == {"settle_s": 5.0}
    assert settling(["pi-1-1", "pi-1-3"], ["pi-1-1", "pi-1-2"]) == {}


def test_a_board_that_is_absent_and_drained_is_named_and_nothing_else() -> None:
    record = Record("", Options(), batches=[Batch(1, ("pi-1-1", "pi-1-2"))])
    gone = BoardResult("pi-1-2", 1, Outcome.ABSENT, "at stage off")
    record.results = {"pi-1-1": BoardResult("pi-1-1", 1, Outcome.OK), "pi-1-2": gone}
    record.drained = {"pi-1-2": ["slurm"]}
    found = report_of(record, "small", 0.0)
    assert (found.status, found.drained) == (0, ("pi-1-2",))
    record.drained["pi-1-1"] = ["slurm"]
    assert report_of(record, "small", 0.0).status == 3


def test_who_is_back_and_why_others_are_not() -> None:
    boots = dict.fromkeys(NAMES[:3], OLD)
    waiting = Comeback(FLEET, boots)
    events = [
        Event(1, "pi-1-1", Sign.ALIVE, boot=OLD, image="a"),  # a heartbeat before it goes
        Event(2, "pi-1-2", Sign.ALIVE, boot=OLD, image="a"),
        Event(5, "pi-1-2", Sign.DISCOVER),
        Event(6, "pi-1-2", Sign.FILE, "bootcode.bin"),
        Event(7, "pi-1-1", Sign.KERNEL, boot=NEW, image="b"),
        Event(9, "pi-1-1", Sign.READY, boot=NEW, image="b"),
        Event(9, "pi-3-1", Sign.READY, boot=NEW, image="b"),
    ]
    for event in events:
        waiting.hear(event, event.at)
    assert waiting.back == {"pi-1-1": Back("b", 9)}
    assert waiting.open == ["pi-1-2", "pi-1-3"]
    assert (waiting.fresh_s(60), Comeback(FLEET, boots).fresh_s(60)) == (52, 1)
    assert waiting.why("pi-1-2", 60).startswith("at stage tftp: ")
    assert waiting.why("pi-1-3", 60) == "did not begin to boot"


def test_a_boot_server_says_what_boards_boot_and_run(tmp_path: Path) -> None:
    for name in ("images/one", "nodes", "states"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "images" / "current").symlink_to("one")
    links = {"1": "../images/current", "2": "../images/gone", "3": "../../etc", "4": "4"}
    for last, target in links.items():
        (tmp_path / "nodes" / f"172.20.1.{last}").symlink_to(target)
    said = {"event": "ready", "image": "zero", "boot": OLD, "name": "pi-1-1"}
    (tmp_path / "states" / "172.20.1.1.json").write_text(json.dumps(said))
    (tmp_path / "states" / "172.20.1.2.json").write_text("{")
    order = {"root": str(tmp_path), "states": str(tmp_path / "states")}
    found = pointed.main(json.dumps({**order, "addresses": ["172.20.1.1"]}))
    assert found == {"172.20.1.1": {"next": "one", **said}}
    program = Path(pointed.__file__).read_text()
    words = [sys.executable, "-I", "-", json.dumps({**order, "addresses": []})]
    done = subprocess.run(words, input=program, capture_output=True, text=True, check=True)
    nothing = {"next": "", "event": "", "image": "", "boot": "", "name": ""}
    everything = json.loads(done.stdout)
    assert everything.pop("172.20.1.1") == found["172.20.1.1"]
    assert everything == {f"172.20.1.{last}": nothing for last in "234"}


def test_lines_of_a_head_are_sorted_by_board_and_bounded() -> None:
    boards = {
        "pi-1-1": ["pi-1-1", "172.20.1.1", "b8:27:eb:00:01:01"],
        "pi-1-11": ["pi-1-11", "172.20.1.11", "b8:27:eb:00:01:0b"],
    }
    lines = [
        "dhcpd: DHCPDISCOVER from B8:27:EB:00:01:01 via eth1\n",
        "dhcpd: DHCPOFFER on 172.20.1.11 to b8:27:eb:00:01:0b via eth1\n",
        "in.tftpd: RRQ from 172.20.1.1 filename bootcode.bin\n",
        "nobody is meant\n",
        "rpc.mountd: authenticated mount request from 172.20.1.11:725 for /srv\n",
        "messages: node pi-1-1 172.20.1.1 ready\n",
    ]
    found = headlog.sort(lines, boards, 10_000)
    assert found == {
        "pi-1-1": "".join((lines[0], lines[2], lines[5])),
        "pi-1-11": lines[1] + lines[4],
    }
    assert headlog.sort(lines, boards, 60)["pi-1-1"] == lines[5]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"hooks": ("../x",)}, "is no name of a workload"),
        ({"budget": -1}, "budget -1 is negative"),
        ({"back_s": 0}, "no time above 0"),
        ({"drain_failed": "maybe"}, "give stop or go_on"),
        ({"campaign": {"speed": 1}}, "no setting is called speed"),
    ],
)
def test_what_means_nothing_is_refused(wish: dict[str, object], why: str) -> None:
    with pytest.raises(PiclusterError, match=why):
        Options(**wish)  # type: ignore[arg-type]
