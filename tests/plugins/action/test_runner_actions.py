"""Boot, status and shutdown from Python, against a small cluster of programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picluster.campaign.journal.lock import Lock, lock_path
from picluster.campaign.journal.status import read_status
from picluster.campaign.live.campaign import identity
from picluster.campaign.settings import Settings, Timeouts
from picluster.errors import PiclusterError
from picluster.plan.read import read_plan
from picluster.runner import BusyError, End, Event, Options, Secrets, boot, shutdown, status
from tests.conftest import REPOSITORY, MakeDescription
from tests.plugins.action.boot_cluster import QUICK, BootCluster, wait_for

pytestmark = pytest.mark.timeout(180)
ALL = ["pi-1-1", "pi-1-2", "pi-2-1", "pi-2-2"]
SETTINGS = Settings(
    quorum=1.0,
    stagger_s=0,
    settle_s=1,
    off_s=0.1,
    power_retry_s=0.1,
    timeouts=Timeouts(powered=12, dhcp=12, tftp=12),
)
#: A bank that is silent stays in the campaign.
PATIENT = {**QUICK, "campaign_settings": {"timeouts": {"powered": 150, "dhcp": 150, "tftp": 150}}}
SECRET = "a-word-nobody-may-find"


@pytest.fixture(name="cluster")
def boot_cluster(
    tmp_path: Path, description: MakeDescription, monkeypatch: pytest.MonkeyPatch
) -> BootCluster:
    cluster = BootCluster(tmp_path, description)
    monkeypatch.setenv("XDG_STATE_HOME", str(cluster.state))
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", str(tmp_path / "local"))
    monkeypatch.setenv("PICLUSTER_PROJECT", str(REPOSITORY))
    return cluster


def sources(cluster: BootCluster) -> list[Path]:
    return [cluster.path, cluster.folder / "way.yml"]


def reach(cluster: BootCluster) -> dict[str, str]:
    return {"small-head": f"{cluster.folder / 'podman'} exec -i small-head"}


def journal(cluster: BootCluster) -> Path:
    return cluster.state / "picluster" / "small.campaign.db"


class InBackground:
    """A call in a thread of its own, and what came of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call,))
        self._thread.start()

    def _run(self, call: Callable[[], Any]) -> None:
        try:
            self.result = call()
        except BaseException as error:
            self.error = error

    def wait(self) -> Any:
        """Its result."""
        self._thread.join(90)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


def test_boot_status_and_shutdown_account_for_every_node(cluster: BootCluster) -> None:
    events: list[Event] = []
    options = Options(watch=events.append)
    booted = boot(sources(cluster), settings=SETTINGS, options=options)
    assert (booted.action, booted.cluster, booted.end, booted.status) == (
        "boot", "small", End.DONE, 0,
    )  # fmt: skip
    assert booted.ok
    assert [
        (n.name, n.bank, n.slot, n.address, n.state, n.stage, n.tries) for n in booted.nodes
    ] == [
        (f"pi-{b}-{s}", b, s, f"172.20.{b}.{s}", "ready", "ready", 1)
        for b in (1, 2)
        for s in (1, 2)
    ]
    assert [(b.bank, b.state, b.boards, b.good) for b in booted.banks] == [
        (1, "accepted", 2, 2),
        (2, "accepted", 2, 2),
    ]
    assert booted.report["switched"] == 2
    assert "4 of 4 boards are ready" in "\n".join(booted.lines)
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-1]) == ("started", "ended")
    notices = [event.text for event in events if event.kind == "notice"]
    assert "bank 2: has power (attempt 1)" in notices
    result = next(e for e in events if e.task == "Boot the banks" and e.kind == "result")
    told = next(e for e in events if e.text == "bank 1: has power (attempt 1)")
    assert told.at < result.at, "told while it happens"

    seen = status(sources(cluster), reach=reach(cluster), banks=[2])
    assert (seen.end, seen.counts(), seen.problems) == (End.DONE, {"ready": 2}, ())
    assert seen.node("pi-2-1").tries == 1

    down = shutdown(sources(cluster), options=options)
    assert (down.end, down.status, down.counts()) == (End.DONE, 0, {"off": 4})
    assert [(b.bank, b.state, b.good) for b in down.banks] == [(1, "off", 2), (2, "off", 2)]
    assert cluster.switched() == ["on 1", "on 2", "off 2", "off 1"]
    assert cluster.halted() == ALL
    json.dumps([booted.plain(), seen.plain(), down.plain()])


def test_a_board_that_hangs_holds_no_shutdown_up(cluster: BootCluster) -> None:
    boot(sources(cluster), settings=SETTINGS, banks=[1])
    halt = [sys.executable, str(cluster.folder / "halt.py"), str(cluster.folder), "pi-1-2"]
    hangs = f"{{{{ ['sleep', '60'] if inventory_hostname == 'pi-1-1' else {halt} }}}}"
    # the task ends after 6 s
    variables = {"shutdown_login_s": -24, "shutdown_command": hangs}
    began = time.monotonic()
    down = shutdown(sources(cluster), banks=[1], options=Options(variables=variables))
    assert time.monotonic() - began < 55
    assert (down.end, down.status) == (End.DONE, 0), down.report
    assert down.report["unreachable"] == ["pi-1-1"]
    assert cluster.halted() == ["pi-1-2"]
    assert cluster.switched() == ["on 1", "off 1"]


def test_below_the_quorum_is_a_result_and_no_error(cluster: BootCluster, tmp_path: Path) -> None:
    cluster.silence("pi-2-1")
    options = Options(variables={"campaign_max_attempts": 1}, artefacts=tmp_path / "kept")
    short = boot(sources(cluster), banks=[2], settings=SETTINGS_ONCE, options=options)
    assert (short.end, short.status, short.ok) == (End.SHORT, 3, False)
    assert [node.name for node in short.nodes] == ALL[2:]
    silent = short.node("pi-2-1")
    assert (silent.state, silent.stage, silent.tries) == ("failed", "powered", 1)
    assert silent.reason.startswith("no DISCOVER: no power, no link")
    assert silent.remedy.startswith("look at the board's lights")
    assert cluster.switched() == ["on 2"]
    folder = short.artefacts
    assert folder is not None
    kept = json.loads((folder / "result.json").read_text())
    assert kept["nodes"][0]["reason"] == silent.reason
    (failure,) = (folder / "job_events").iterdir()
    assert "below the quorum" in failure.read_text()


SETTINGS_ONCE = Settings(
    quorum=1.0, max_attempts=1, stagger_s=0, timeouts=Timeouts(powered=3, dhcp=3, tftp=3)
)


def test_a_check_says_what_would_be_and_needs_no_turn(cluster: BootCluster) -> None:
    (cluster.state / "picluster").mkdir(parents=True)
    with Lock(lock_path(journal(cluster))):
        looked = boot(
            sources(cluster), check=True, limit="bank_2", options=Options(variables=QUICK)
        )
    assert looked.end is End.DONE
    assert looked.lines == (
        "1. bank 2 (2 boards, 2 are enough): is off, would be switched on: pdu-1:2 (bank_2)",
    )
    assert looked.report["banks"][0]["steps"] == ["pdu-1:2 (bank_2)"]
    cluster.run_already()
    down = shutdown(sources(cluster), check=True, banks=[1])
    assert down.lines[0] == "bank 1: 2 of 2 boards are asked to halt"
    assert (cluster.switched(), cluster.halted()) == ([], [])


def test_a_cancel_in_mid_run_leaves_a_journal_that_goes_on(cluster: BootCluster) -> None:
    cluster.silence("pi-2-1", "pi-2-2")
    stop, events = threading.Event(), list[Event]()

    def watch(event: Event) -> None:
        events.append(event)
        if event.text == "bank 2: has power (attempt 1)":
            stop.set()

    how = Options(variables=PATIENT, cancel=stop.is_set, watch=watch)
    ended = boot(sources(cluster), options=how)
    assert (ended.end, ended.status, ended.problems) == (End.CANCELLED, 130, ())
    assert {node.name: node.state for node in ended.nodes} == {
        "pi-1-1": "ready", "pi-1-2": "ready", "pi-2-1": "open", "pi-2-2": "open",
    }  # fmt: skip
    assert ended.node("pi-2-1").stage == "powered"
    assert [e.kind for e in events if e.kind in ("cancelling", "ended")] == ["cancelling", "ended"]
    kept = read_status(journal(cluster), identity(read_plan(cluster.path)))
    assert kept is not None
    assert kept.running, "it can be resumed"
    # the campaign ended in order: it wrote its report, and nobody holds its journal
    assert cluster.report()["status"] == 130
    assert ended.report == cluster.report()
    with Lock(lock_path(journal(cluster))):
        pass
    cluster.silence()
    cluster.switch("on", 2)  # while nobody looks, they come up
    events.clear()
    again = boot(sources(cluster), options=Options(variables=PATIENT, watch=events.append))
    assert (again.end, again.counts()) == (End.DONE, {"ready": 4})
    assert "the campaign is resumed" in [event.text for event in events]
    assert cluster.switched() == ["on 1", "on 2", "on 2"], "nothing is cut, nothing done twice"


def test_a_cancel_leaves_no_bank_half_switched(cluster: BootCluster) -> None:
    cluster.run_already()
    stop = threading.Event()

    def watch(event: Event) -> None:
        if event.kind == "task" and event.task == "Switch the banks off":
            stop.set()

    down = shutdown(sources(cluster), options=Options(watch=watch, cancel=stop.is_set))
    assert cluster.switched() == ["off 2", "off 1"]
    assert (down.end, down.status, down.counts()) == (End.DONE, 0, {"off": 4})
    kept = read_status(journal(cluster), identity(read_plan(cluster.path)))
    assert kept is not None
    assert not kept.running


def test_a_shutdown_that_is_cancelled_earlier_switches_nothing(cluster: BootCluster) -> None:
    cluster.run_already()
    stop = threading.Event()

    def watch(event: Event) -> None:
        if event.kind == "task" and event.task == "Ask the board to halt":
            stop.set()

    down = shutdown(sources(cluster), options=Options(watch=watch, cancel=stop.is_set))
    assert (down.end, down.status) == (End.CANCELLED, 130)
    assert cluster.switched() == []
    with Lock(lock_path(journal(cluster))):
        pass


def test_a_tool_that_is_killed_leaves_a_journal_that_goes_on(cluster: BootCluster) -> None:
    cluster.silence("pi-2-1", "pi-2-2")
    program = (
        "import json, pathlib, sys; from picluster.runner import Options, boot; "
        "boot(sys.argv[1:3], options=Options(variables=json.loads(sys.argv[3])))"
    )
    words = [sys.executable, "-c", program, *map(str, sources(cluster)), json.dumps(PATIENT)]
    # whoever is killed leaves its temporary folder
    environment = {**os.environ, "TMPDIR": str(cluster.folder)}
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment) as tool:
        wait_for(lambda: "on 2" in cluster.switched())
        with pytest.raises(BusyError):
            boot(sources(cluster))
        tool.kill()
    # the campaign notices, and ends in order
    wait_for((cluster.state / "picluster/small.boot.json").exists, 20)
    assert cluster.report()["status"] == 130
    cluster.silence()
    cluster.switch("on", 2)
    again = boot(sources(cluster), options=Options(variables=PATIENT, busy="wait", wait_s=20))
    assert (again.end, again.counts()) == (End.DONE, {"ready": 4})
    assert cluster.switched() == ["on 1", "on 2", "on 2"]


def test_a_second_run_is_refused_or_waits(cluster: BootCluster) -> None:
    cluster.silence("pi-1-1", "pi-1-2")
    stop, waits = threading.Event(), list[Event]()
    first = InBackground(
        lambda: boot(sources(cluster), options=Options(variables=PATIENT, cancel=stop.is_set))
    )
    try:
        wait_for(lambda: "on 2" in cluster.switched())
        for call in (boot, shutdown):
            with pytest.raises(BusyError, match="a run is running already"):
                call(sources(cluster))
        quick = Options(variables=QUICK, busy="wait", watch=waits.append)
        second = InBackground(lambda: shutdown(sources(cluster), options=quick))
        wait_for(lambda: waits)
        assert cluster.halted() == []
    finally:
        stop.set()
    assert first.wait().end is End.CANCELLED
    assert second.wait().end is End.DONE
    assert waits[0].kind == "waiting"
    assert cluster.switched()[-2:] == ["off 2", "off 1"]


def test_one_that_others_started_is_refused_too(cluster: BootCluster) -> None:
    (cluster.state / "picluster").mkdir(parents=True)
    with Lock(lock_path(journal(cluster))), pytest.raises(BusyError, match="a campaign is running"):
        boot(sources(cluster))
    assert cluster.switched() == []


def test_no_secret_is_in_any_artefact(
    cluster: BootCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The PDU itself says the password, as a bad one might, in the failure of a task."""
    monkeypatch.setenv("PICLUSTER_PDU_PASSWORD", f"{SECRET}-ours")
    program = cluster.folder / "pdu.py"
    leak = 'import os; sys.exit(" ".join(v for v in os.environ.values() if "nobody-may" in v))'
    program.write_text(f"import sys\n{leak}\n")
    secrets = Secrets(
        variables={"ansible_become_password": f"{SECRET}-become"},
        environment={"PICLUSTER_PDU_PASSWORD_PDU_1": f"{SECRET}-pdu"},
        passwords={"^nobody asks:": f"{SECRET}-answer"},
    )
    kept, events = tmp_path / "kept", list[Event]()
    variables = {
        "campaign_settings": {"services_s": 1, "power_tries": 1},
        "api_token": f"{SECRET}-x",
    }
    options = Options(secrets=secrets, variables=variables, artefacts=kept, watch=events.append)
    ended = boot(sources(cluster), options=options)
    assert ended.end is End.SHORT
    said = ended.node("pi-1-1").reason
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"stdout", "result.json", "rc", "status"}
    text = "".join(path.read_text() for path in files)
    assert "********" in text, "it was there, and is not any more"
    assert SECRET not in text
    assert SECRET not in "".join(event.text for event in events)
    assert SECRET not in json.dumps(dict(ended.report)) + "".join(ended.lines)
    assert SECRET not in said + ended.node("pi-2-1").reason


def test_a_failure_is_one_message(cluster: BootCluster, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with pytest.raises(PiclusterError) as refused:
        boot(sources(cluster), limit="pi-1-1", options=Options(artefacts=kept))
    assert len(refused.value.problems) == 1
    assert str(refused.value) == (
        "playbooks/boot.yml failed: the limit names 1 of 2 boards of bank 1, which has one outlet: "
        "1 others would lose power with them; name the group bank_1"
    )
    assert cluster.switched() == []
    (folder,) = kept.iterdir()
    assert (folder / "status").read_text() == "failed"
    assert json.loads((folder / "result.json").read_text()) == {"error": str(refused.value)}


def test_a_limit_that_fits_nobody(cluster: BootCluster) -> None:
    with pytest.raises(PiclusterError) as refused:
        boot(sources(cluster), limit="bank_9")
    assert str(refused.value) == (
        "playbooks/boot.yml failed: Specified inventory, host pattern and/or --limit leaves us "
        "with no hosts to target."
    )


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"banks": [9]}, "no bank 9; described are: 1, 2"),
        ({"banks": ["1"]}, "bank '1' is no number"),
        ({"banks": [True]}, "bank 'True' is no number"),
        ({"banks": [1], "limit": "bank_1"}, "banks and limit are given"),
        ({"limit": "@/etc/passwd"}, "is no pattern of hosts"),
        ({"limit": "-e{x: 1}"}, "is no pattern of hosts"),
        ({"limit": "bank_1\n"}, "is no pattern of hosts"),
        ({"options": Options(busy="queue")}, "busy is 'queue'"),  # type: ignore[arg-type]
        ({"options": Options(project=Path("/"))}, "the project has no playbooks/boot.yml"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(
    cluster: BootCluster, wish: dict[str, Any], said: str
) -> None:
    start = time.monotonic()
    with pytest.raises(PiclusterError, match=said):
        boot(sources(cluster), **wish)
    assert time.monotonic() - start < 2
    assert cluster.switched() == []


@pytest.mark.parametrize("halt_s", [-1, float("nan"), float("inf"), True])
def test_a_time_that_is_none_is_refused(cluster: BootCluster, halt_s: float) -> None:
    with pytest.raises(PiclusterError, match="halt_s"):
        shutdown(sources(cluster), halt_s=halt_s)


def test_an_inventory_that_is_not_there(cluster: BootCluster, tmp_path: Path) -> None:
    for call in (boot, shutdown, status):
        with pytest.raises(PiclusterError, match=r"none: no such inventory"):
            call(tmp_path / "none")
        with pytest.raises(PiclusterError, match="no inventory is named"):
            call([])
    with pytest.raises(PiclusterError, match=r"none\.yml: no such inventory source"):
        boot([cluster.path, tmp_path / "none.yml"])


def test_without_ansible_runner_a_playbook_is_refused_and_status_is_not(
    cluster: BootCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ansible_runner", None)
    with pytest.raises(PiclusterError, match=r"pip install 'picluster\[control\]'"):
        boot(sources(cluster))
    assert status(sources(cluster), offline=True).counts() == {"off": 4}
