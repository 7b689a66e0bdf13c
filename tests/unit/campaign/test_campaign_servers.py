"""Journals of boot servers, reached by a command as by ssh, and their time."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from campaigning import BOOT, small_fleet
from head_servers import HEAD, MAC, FakeServer, until

from picluster.campaign.events import Event, Sign
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.inbox import LiveInbox
from picluster.campaign.live.journal_source import ServerTime
from picluster.campaign.live.reach import SSH, Reach, reach_of
from picluster.campaign.live.server_times import ServerTimes
from picluster.campaign.ports import PowerOrder, PowerResult, Verb
from picluster.campaign.watch.entry import Entry
from picluster.cluster.model import Server
from picluster.errors import PiclusterError
from picluster.net import parse_address


def test_entries_of_a_server_are_placed_by_its_monotonic_clock() -> None:
    now = [1000.0]
    times = ServerTimes(ServerTime("run-1", 900.0, -5000.0), lambda: now[0])
    entry = Entry("dhcpd", "x", wall=1e9, monotonic=90.0, boot="run-1")
    assert times.at(entry) == 990.0  # whatever its wall clock says
    assert times.at(Entry("dhcpd", "x", wall=5990.0)) == 990.0
    assert times.at(Entry("dhcpd", "x", monotonic=200.0, boot="run-1")) == 1000.0
    assert times.received(7000.0) == 1000.0


def test_a_server_that_restarts_is_placed_by_what_arrives_soonest() -> None:
    now = [1000.0]
    times = ServerTimes(ServerTime("run-1", 900.0, 0.0), lambda: now[0])
    assert times.at(Entry("dhcpd", "x", monotonic=10.0, boot="run-2")) == 1000.0
    now[0] = 1001.0
    assert times.at(Entry("dhcpd", "x", monotonic=15.0, boot="run-2")) == 1001.0
    assert times.at(Entry("dhcpd", "x", monotonic=10.0, boot="run-2")) == 996.0


def test_this_machines_clock() -> None:
    clock = SystemClock()
    assert len(clock.boot()) == 32
    assert clock.now() <= clock.now()
    assert abs(clock.wall() - time.time()) < 5


@pytest.fixture(name="inboxes")
def open_inboxes(server: FakeServer) -> Iterator[Callable[[], LiveInbox]]:
    made: list[LiveInbox] = []

    def make() -> LiveInbox:
        made.append(LiveInbox(small_fleet(), SystemClock()))
        made[-1].follow([server.reach])
        return made[-1]

    yield make
    for inbox in made:
        inbox.close()


def taken(inbox: LiveInbox, count: int) -> tuple[list[Any], str]:
    found: list[Any] = []
    position = ""
    end = time.monotonic() + 20
    while len(found) < count and time.monotonic() < end:
        batch = inbox.take(0.5)
        found += batch.arrivals
        position = batch.position
    return found, position


def test_the_journal_of_a_server_is_followed_from_now_on(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    server.discover()  # before
    inbox = inboxes()
    inbox.begin("")
    server.discover("b8:27:eb:00:01:02")
    (found,), position = taken(inbox, 1)
    assert (found.board, found.sign) == ("pi-1-2", Sign.DISCOVER)
    assert json.loads(position) == {"mini-head": "c2"}
    # second 99 of the server, which was at second 100 when it was asked
    assert -60 < found.at - (time.monotonic() - 1) < 1


def test_a_campaign_goes_on_where_the_last_one_stood(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    for _ in range(3):
        server.discover()
    inbox = inboxes()
    assert inbox.begin(json.dumps({"mini-head": "c1"})) is True
    found, position = taken(inbox, 2)
    assert len(found) == 2
    assert json.loads(position) == {"mini-head": "c3"}


def test_what_was_missed_is_read_before_the_present_is_reached(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    for _ in range(3):
        server.discover()
    (server.folder / "slow").write_text("1.5")
    inbox = inboxes()
    inbox.begin(json.dumps({"mini-head": "c1"}))
    first = inbox.take(0.1)
    assert (first.arrivals, first.behind) == ([], True)
    found, behind = [], True
    until = time.monotonic() + 20
    while behind and time.monotonic() < until:
        batch = inbox.take(0.2)
        found += batch.arrivals
        behind = batch.behind
    assert (len(found), behind) == (2, False)


def test_who_has_missed_nothing_is_not_behind(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    server.discover()
    inbox = inboxes()
    inbox.begin(json.dumps({"mini-head": "c1"}))
    assert inbox.take(0.1).behind is False
    fresh = inboxes()
    fresh.begin("")
    assert fresh.take(0.1).behind is False


def test_a_journal_that_has_lost_the_place_is_told(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    server.discover()
    assert inboxes().begin(json.dumps({"mini-head": "c9"})) is False


def test_a_broken_connection_loses_nothing(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    inbox = inboxes()
    inbox.begin("")
    server.discover()
    assert len(taken(inbox, 1)[0]) == 1
    (server.folder / "drop").touch()
    until(lambda: not (server.folder / "drop").exists())
    server.discover("b8:27:eb:00:01:03")
    (found,), _ = taken(inbox, 1)
    assert found.board == "pi-1-3"


def test_whoever_is_up_already_is_known_at_once(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    state = {"address": "172.20.1.1", "name": "pi-1-1", "mac": MAC, "event": "alive",
             "boot": BOOT, "received": 5000.0}  # fmt: skip
    (server.folder / "nodes" / "172.20.1.1.json").write_text(json.dumps(state))
    (server.folder / "nodes" / "172.20.9.9.json").write_text("{}")
    inbox = inboxes()
    inbox.begin("")
    (found,), _ = taken(inbox, 1)
    assert isinstance(found, Event)
    assert (found.board, found.sign, found.boot) == ("pi-1-1", Sign.ALIVE, BOOT)
    assert inbox.refused == {"broken state file": 1}


def test_last_words_from_long_ago_say_nothing_of_the_present(
    server: FakeServer, inboxes: Callable[[], LiveInbox]
) -> None:
    state = {"address": "172.20.1.1", "name": "pi-1-1", "mac": MAC, "event": "ready",
             "boot": BOOT, "received": 5000.0 - 300}  # fmt: skip
    (server.folder / "nodes" / "172.20.1.1.json").write_text(json.dumps(state))
    inbox = inboxes()
    inbox.begin("")
    assert inbox.take(0.5).arrivals == []


def test_results_of_orders_arrive_too(inboxes: Callable[[], LiveInbox]) -> None:
    inbox = inboxes()
    inbox.begin("")
    result = PowerResult(PowerOrder(1, Verb.ON, (1,)), 1.0, True, True)
    inbox.power_result(result)
    assert taken(inbox, 1)[0] == [result]
    assert inbox.take(0.01).arrivals == []


def test_a_server_that_cannot_be_reached_is_one_clear_message(tmp_path: Path) -> None:
    reach = Reach(HEAD, (sys.executable, "-c", "import sys; sys.exit('no route')"))
    inbox = LiveInbox(small_fleet(), SystemClock())
    inbox.follow([reach])
    with pytest.raises(PiclusterError, match="cannot run cat on mini-head: no route"):
        inbox.begin("")
    inbox.close()
    nowhere = Reach(HEAD, (str(tmp_path / "none"),))
    with pytest.raises(PiclusterError, match="No such file"):
        nowhere.run(["true"])
    with pytest.raises(PiclusterError, match="took more than"):
        Reach(HEAD).run(["sleep", "5"], limit_s=0.1)


def test_a_server_is_this_machine_or_behind_ssh() -> None:
    here = Server("here", parse_address("127.0.0.1"), "lo")
    assert reach_of(here).prefix == ()
    assert reach_of(HEAD).prefix == (*SSH, "mini-head")
    assert reach_of(HEAD, ["podman", "exec", "h"]).prefix == ("podman", "exec", "h")
    assert reach_of(HEAD).command(["echo", "a b"])[-2:] == ["echo", "'a b'"]
