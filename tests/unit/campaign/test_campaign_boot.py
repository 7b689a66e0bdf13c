"""A whole campaign through the real ports, with a server and PDUs that stand for real ones."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from head_servers import FakeServer
from test_campaign_power import Outlets, Session

from picluster.campaign.engine import Audience
from picluster.campaign.journal import SqliteJournal
from picluster.campaign.live.campaign import LiveCampaign, Options, settings_of
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.preview import preview
from picluster.campaign.live.status import status_of
from picluster.campaign.report import BELOW, INTERRUPTED, QUORUM
from picluster.campaign.runs import Phase
from picluster.campaign.settings import Settings, Timeouts
from picluster.campaign.state import CampaignState
from picluster.campaign.view import rack_view
from picluster.cli import main
from picluster.errors import PiclusterError
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.power.build import build_power
from picluster.power.desk import PowerDesk
from picluster.power.targets import Targets
from tests.conftest import MakeDescription

SETTINGS = Settings(
    stagger_s=0,
    off_s=0.2,
    quorum=1.0,
    power_retry_s=0.1,
    timeouts=Timeouts(powered=12, dhcp=12, tftp=12),  # a busy machine starts programs slowly
)
UNITS = {
    "dhcpd": "isc-dhcp-server.service",
    "in.tftpd": "tftpd-hpa.service",
    "picluster-messages": "picluster-messages.service",
}


class Cluster:
    """Two banks of two boards that boot in no time, but for those told not to.

    Attributes:
        silent: how often each board still stays silent, by its name.
    """

    def __init__(self, plan: AddressPlan, server: FakeServer) -> None:
        self.plan, self.server = plan, server
        self.outlets = Outlets()
        self.silent: dict[str, int] = {}
        self.boots: dict[str, int] = {}
        model = build_power(plan)
        self.desk = PowerDesk(model, Targets(plan, model), self.connect)
        services = {"dhcp": "", "tftp": "", "nfs": "", "messages": ""}
        (server.folder / "services").write_text(json.dumps(services))

    def connect(self, pdu: str) -> AbstractAsyncContextManager[Any]:
        return _Session.of(self, pdu)

    def power_on(self, outlet: int) -> None:
        for node in self.plan.nodes:
            if node.bank.number != outlet:
                continue
            if self.silent.get(node.name, 0):
                self.silent[node.name] -= 1
                continue
            boot = self.boots[node.name] = self.boots.get(node.name, 0) + 1
            asked = f"DHCPDISCOVER from {node.mac} via eth1"
            self.server.log("dhcpd", asked, UNITS["dhcpd"])
            file = f"RRQ from {node.address} filename bootcode.bin"
            self.server.log("in.tftpd", file, UNITS["in.tftpd"])
            ready = f"node {node.name} {node.address} ready mac={node.mac} boot={boot:016x}"
            self.server.log("picluster-messages", ready, UNITS["picluster-messages"])


class _Session(Session):
    @classmethod
    def of(cls, cluster: Cluster, pdu: str) -> AbstractAsyncContextManager[Any]:
        @asynccontextmanager
        async def context() -> Any:
            async with cluster.outlets.connect(pdu):
                session = cls(cluster.outlets, pdu)
                session.cluster = cluster
                yield session

        return context()

    cluster: Cluster

    async def switch(self, outlet: int, *, on: bool) -> None:
        await super().switch(outlet, on=on)
        if on:
            self.cluster.power_on(outlet)


@pytest.fixture(name="cluster")
def small_cluster(server: FakeServer, description: MakeDescription) -> Cluster:
    # the server's clock is this machine's
    path = server.folder / "server.py"
    path.write_text(path.read_text().replace('"100.00 0.00"', "time.monotonic()"))
    server.seconds = time.monotonic
    banks = [{"number": n, "size": 2, "pdu": "pdu-1", "outlet": n} for n in (1, 2)]
    rows = "".join(f"{b},{s},b8:27:eb:00:0{b}:0{s}\n" for b in (1, 2) for s in (1, 2))
    pdus = [{"name": "pdu-1", "driver": "synaccess", "address": "172.20.0.31"}]
    head = {"name": "mini-head", "address": "172.20.0.10", "boot_interface": "eth1"}
    path = description(
        registry=f"bank,slot,mac\n{rows}", banks=banks, pdus=pdus, switches=None, head=head,
        power={"stagger_s": 0},
    )  # fmt: skip
    return Cluster(read_plan(path), server)


def options(cluster: Cluster, **values: Any) -> Options:
    chosen = Options(
        settings=SETTINGS,
        journal=cluster.server.folder / "campaign.db",
        reach={"mini-head": cluster.server.reach.prefix},
    )
    return replace(chosen, **values)


def test_a_cluster_boots_through_the_real_ports(cluster: Cluster) -> None:
    cluster.silent["pi-1-2"] = 1
    said: list[str] = []
    shown: list[int] = []

    def show(state: CampaignState) -> None:
        shown.append(rack_view(state).row_count)

    audience = Audience(lambda notice: said.append(notice.text), show)
    report = LiveCampaign(cluster.plan, cluster.desk, options(cluster), audience).run()
    assert (report.status, report.ready, report.booted, report.retried) == (QUORUM, 4, 2, 2)
    assert cluster.outlets.log == ["on pdu-1:1", "on pdu-1:2", "off pdu-1:1", "on pdu-1:1"]
    assert report.down == ()
    assert any(text.startswith("cycled: 1 of 2 ready") for text in said)
    assert set(shown) == {2}


def test_what_a_board_failed_at_is_told_with_evidence_and_kept(cluster: Cluster) -> None:
    cluster.silent["pi-2-1"] = 99
    chosen = options(cluster, banks=(2,), settings=replace(SETTINGS, quorum=0.5))
    report = LiveCampaign(cluster.plan, cluster.desk, chosen).run()
    (down,) = report.down
    assert (down.name, down.stage, down.key) == ("pi-2-1", "powered", "no-discover")
    boards, unread = status_of(cluster.plan, chosen)
    assert unread == []
    assert [(board.name, board.stage, board.failed) for board in boards] == [
        ("pi-2-1", "powered", True),
        ("pi-2-2", "ready", False),
    ]
    assert boards[0].reason.startswith("no DISCOVER")
    assert boards[1].since.endswith("Z")


def test_a_service_that_is_not_ready_keeps_the_power_off(cluster: Cluster) -> None:
    (cluster.server.folder / "services").write_text(json.dumps({"nfs": "no answer"}))
    chosen = options(cluster, settings=replace(SETTINGS, services_s=0.1))
    with pytest.raises(PiclusterError, match="NFS on mini-head is not ready: no answer"):
        LiveCampaign(cluster.plan, cluster.desk, chosen).run()
    assert cluster.outlets.log == []


def test_a_cancelled_campaign_is_resumed_by_the_same_words(cluster: Cluster) -> None:
    cluster.silent = {"pi-1-1": 1, "pi-1-2": 1}
    campaign: list[LiveCampaign] = []

    def show(state: CampaignState) -> None:
        if state.runs[2].phase.over:
            campaign[0].cancel()

    campaign.append(LiveCampaign(cluster.plan, cluster.desk, options(cluster), Audience(show=show)))
    assert campaign[0].run().status == INTERRUPTED
    boards, _ = status_of(cluster.plan, options(cluster), offline=True)
    assert {board.stage for board in boards if board.bank == 2} == {"ready"}
    report = LiveCampaign(cluster.plan, cluster.desk, options(cluster)).run()
    assert (report.status, report.ready) == (QUORUM, 4)
    assert cluster.outlets.log.count("on pdu-1:2") == 1


def test_who_came_up_meanwhile_is_not_cut_by_a_campaign_that_resumes(cluster: Cluster) -> None:
    cluster.silent = {"pi-1-1": 1, "pi-1-2": 1}
    short = replace(SETTINGS, timeouts=Timeouts(powered=4, dhcp=4, tftp=4))
    chosen = options(cluster, banks=(1,), settings=short)
    campaign: list[LiveCampaign] = []

    def show(state: CampaignState) -> None:
        if state.runs[1].phase is Phase.LOADING:
            campaign[0].cancel()

    campaign.append(LiveCampaign(cluster.plan, cluster.desk, chosen, Audience(show=show)))
    asked = f"DHCPDISCOVER from {cluster.plan.nodes[0].mac} via eth1"
    cluster.server.log("dhcpd", asked, UNITS["dhcpd"])  # there is a place to go on from
    also(cluster, lambda _: cluster.server.log("dhcpd", asked, UNITS["dhcpd"]))
    assert campaign[0].run().status == INTERRUPTED
    cluster.power_on(1)  # the second time they come up
    time.sleep(4.5)  # longer than a board may be silent
    (cluster.server.folder / "slow").write_text("2")
    report = LiveCampaign(cluster.plan, cluster.desk, chosen).run()
    assert (report.status, report.ready) == (QUORUM, 2)
    assert cluster.outlets.log == ["on pdu-1:1"]


def test_a_dead_pdu_is_named(cluster: Cluster) -> None:
    cluster.outlets.dead.add("pdu-1")
    report = LiveCampaign(cluster.plan, cluster.desk, options(cluster, banks=(1,))).run()
    assert report.status == BELOW
    assert {row.key for row in report.down} == {"no-power"}
    assert "pdu-1 does not answer" in report.down[0].cause


# ---- the commands


@pytest.fixture(name="words")
def common_words(cluster: Cluster) -> list[str]:
    program = " ".join(cluster.server.reach.prefix)
    return ["-i", str(cluster.plan.cluster.path), "--via", f"mini-head={program}",
            "--journal", str(cluster.server.folder / "campaign.db")]  # fmt: skip


Said = Callable[[], Any]


def test_status_before_any_campaign(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", *words, "--json", "--bank", "1"]) == 0
    boards = json.loads(capsys.readouterr().out)
    assert [(board["name"], board["stage"], board["attempts"]) for board in boards] == [
        ("pi-1-1", "off", 0),
        ("pi-1-2", "off", 0),
    ]
    assert main(["status", *words]) == 0
    assert "0 of 4 boards are ready" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--bank", "9"], "no bank 9"),
        (["--limit", "pi-9-9"], "no node and no group of nodes is called 'pi-9-9'"),
        (["--limit", ""], "no node and no group of nodes is called ''"),
        (["--limit", "pi-1-1"], "the limit names 1 of 2 boards of bank 1"),
        (["--limit", "bank_1, pi-2-2"], "the limit names 1 of 2 boards of bank 2"),
        (["--bank", "1", "--limit", "pi-1-1"], "--bank and --limit"),
        (["--quorum", "2"], "quorum 2"),
        (["--via", "nonsense"], "not SERVER=COMMAND"),
    ],
)
def test_boot_refuses_in_words(
    words: list[str], more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["boot", *words, *more]) == 1
    assert message in capsys.readouterr().err


def test_boot_without_a_server_is_one_message(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = f"{sys.executable} -c raise\\ SystemExit(3)"
    words[words.index("--via") + 1] = f"mini-head={program}"
    assert main(["boot", *words]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "on mini-head" in said[0]
    assert tmp_path.exists()


# ---- what it would do


def test_a_preview_orders_banks_within_their_limits(cluster: Cluster) -> None:
    before = preview(cluster.plan, cluster.desk, options(cluster, settings=Settings(batch_size=2)))
    assert [(b.banks, b.batch, b.boards, b.needed, b.on, b.steps) for b in before.banks] == [
        ((1,), 1, 2, 2, False, ("pdu-1:1 (bank_1)",)),
        ((2,), 1, 2, 2, False, ("pdu-1:2 (bank_2)",)),
    ]
    assert (before.switches, before.resumes, before.unread) == (True, False, ())
    assert {one.name: one.ready for one in before.services} == {
        "DHCP on mini-head": True,
        "TFTP on mini-head": True,
        "NFS on mini-head": True,
        "receiver of messages on mini-head": True,
    }
    one = options(cluster, settings=Settings(max_banks_on=1))
    assert preview(cluster.plan, cluster.desk, one).banks[1].obstacle == (
        "max_banks_on is 1, and so many would have power"
    )
    assert cluster.outlets.log == []


def test_a_preview_of_a_dead_pdu_and_a_bad_service(cluster: Cluster) -> None:
    cluster.outlets.dead.add("pdu-1")
    (cluster.server.folder / "services").write_text(json.dumps({"nfs": "no answer"}))
    lines = preview(cluster.plan, cluster.desk, options(cluster, banks=(2,))).lines()
    assert lines[0] == "not ready: NFS on mini-head: no answer"
    assert lines[1].startswith("not read, taken for unknown: pdu-1 does not answer")
    assert lines[2] == (
        "1. bank 2 (2 boards, 2 are enough): may have power or not, would be switched on: "
        "pdu-1:2 (bank_2)"
    )


def test_the_description_limits_the_banks_that_are_on(cluster: Cluster) -> None:
    limits = replace(cluster.desk.model.limits, max_banks_on=1)
    desk = replace(cluster.desk, model=replace(cluster.desk.model, limits=limits))
    assert settings_of(Settings(), desk).max_banks_on == 1
    assert settings_of(Settings(max_banks_on=3), desk).max_banks_on == 1
    assert settings_of(Settings(max_banks_on=3), cluster.desk).max_banks_on == 3
    report = LiveCampaign(cluster.plan, desk, options(cluster)).run()
    assert [(bank.phase, bank.why) for bank in report.banks] == [
        ("accepted", "all 2 boards are ready"),
        ("held back", "max_banks_on is 1, and so many have power"),
    ]


def test_the_command_shows_what_it_would_do(
    words: list[str],
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PowerDesk, "of", lambda *_, **__: cluster.desk)
    assert main(["boot", *words, "--check", "--bank", "2"]) == 0
    assert capsys.readouterr().out == (
        "1. bank 2 (2 boards, 2 are enough): is off, would be switched on: pdu-1:2 (bank_2)\n"
    )
    assert main(["boot", *words, "-n", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["banks"]) == 2
    assert cluster.outlets.log == []


def last_word(cluster: Cluster, name: str, ago_s: float) -> None:
    """A node's state file, as the receiver of messages writes it."""
    (node,) = (node for node in cluster.plan.nodes if node.name == name)
    said = {"name": name, "address": node.address, "mac": str(node.mac), "event": "alive",
            "boot": f"{7:016x}", "received": 5000.5 - ago_s}  # fmt: skip
    (cluster.server.folder / "nodes" / f"{node.address}.json").write_text(json.dumps(said))


def test_a_board_that_sends_no_heartbeat_is_not_ready_any_more(cluster: Cluster) -> None:
    last_word(cluster, "pi-1-1", 30)
    last_word(cluster, "pi-1-2", 500)
    boards, _ = status_of(cluster.plan, options(cluster, banks=(1,)))
    assert [(board.stage, board.failed) for board in boards] == [("ready", False), ("ready", True)]
    assert boards[1].reason.startswith("it was ready and fell silent")


def test_a_status_knows_every_banks_last_campaign(cluster: Cluster) -> None:
    cluster.silent["pi-1-1"] = 99
    half = replace(SETTINGS, quorum=0.5)
    for bank in (1, 2):
        LiveCampaign(
            cluster.plan, cluster.desk, options(cluster, banks=(bank,), settings=half)
        ).run()
    boards, _ = status_of(cluster.plan, options(cluster), offline=True)
    assert [(board.name, board.stage, board.failed, board.attempts) for board in boards] == [
        ("pi-1-1", "powered", True, 1),
        ("pi-1-2", "ready", False, 1),
        ("pi-2-1", "ready", False, 1),
        ("pi-2-2", "ready", False, 1),
    ]


# ---- what must not be believed, or lost


def also(cluster: Cluster, action: Callable[[int], None]) -> None:
    """Do something more when an outlet gets power."""
    first = cluster.power_on

    def both(outlet: int) -> None:
        first(outlet)
        action(outlet)

    cluster.power_on = both  # type: ignore[method-assign]


def test_forged_words_boot_nobody(cluster: Cluster) -> None:
    cluster.silent["pi-1-1"] = 99
    said = "node pi-1-1 172.20.1.1 ready mac={} boot=00000000000000aa"

    def forge(_: int) -> None:
        own, other = "b8:27:eb:00:01:01", "b8:27:eb:00:02:01"
        cluster.server.log("picluster-messages", said.format(own), "evil.service")
        unit = UNITS["picluster-messages"]
        cluster.server.log("picluster-messages", said.format(other), unit)
        cluster.server.log("picluster-messages", "refused 172.20.1.1 wrong-mac mac=" + other, unit)
        cluster.server.log("dhcpd", f"ready from {own} \x1b[2J via eth1", UNITS["dhcpd"])

    also(cluster, forge)
    chosen = options(cluster, banks=(1,), settings=replace(SETTINGS, quorum=0.5))
    report = LiveCampaign(cluster.plan, cluster.desk, chosen).run()
    assert [(row.name, row.stage) for row in report.down] == [("pi-1-1", "powered")]
    assert report.refused["line of another unit"] == 1
    assert sum(report.refused.values()) >= 3
    assert any("172.20.1.1" in alarm for alarm in report.alarms)


def test_a_log_that_is_rotated_meanwhile_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    log = tmp_path / "syslog"
    log.touch()
    cluster.silent = dict.fromkeys(("pi-1-1", "pi-1-2"), 99)  # nothing in the journal

    def write(slot: int) -> None:
        stamp = datetime.now(UTC).isoformat()
        mac, address = f"b8:27:eb:00:01:0{slot}", f"172.20.1.{slot}"
        with log.open("a") as file:
            file.write(f"{stamp} head dhcpd[9]: DHCPDISCOVER from {mac} via eth1\n")
            said = f"node pi-1-{slot} {address} ready mac={mac} boot=00000000000000aa"
            file.write(f"{stamp} head picluster-messages[8]: {said}\n")

    def rotate(_: int) -> None:
        write(1)
        log.rename(tmp_path / "syslog.1")
        write(2)

    also(cluster, rotate)
    chosen = options(cluster, banks=(1,), files=(log,))
    report = LiveCampaign(cluster.plan, cluster.desk, chosen).run()
    assert (report.status, report.booted) == (QUORUM, 2)


def test_a_status_of_a_foreign_journal_is_refused(
    cluster: Cluster, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = cluster.server.folder / "campaign.db"
    SqliteJournal(path, "other 10.0.0.0/8", SystemClock()).close()
    assert main(["status", *words, "--offline"]) == 1
    assert "is the journal of other 10.0.0.0/8, not of small" in capsys.readouterr().err
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    assert main(["status", *words, "--offline"]) == 1
    assert "is no journal of this picluster" in capsys.readouterr().err
    assert main(["boot", *words]) == 1
    assert "is a journal of version 99" in capsys.readouterr().err
    path.write_bytes(b"rubbish" * 999)
    assert main(["status", *words, "--offline"]) == 1
    assert "cannot read the journal" in capsys.readouterr().err
    assert cluster.outlets.log == []
