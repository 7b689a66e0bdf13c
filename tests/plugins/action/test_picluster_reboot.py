"""playbooks/reboot.yml; the boot server is a program, boards are files there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from picluster.campaign.journal.lock import LockedError, lock_path, refuse_running
from picluster.rolling.record import record_path
from picluster.runner import End, Options, reboot
from tests.conftest import REPOSITORY, MakeDescription
from tests.unit.campaign.head_servers import until
from tests.unit.rolling.rebooted import NAMES, NEW, OLD, Place

pytestmark = pytest.mark.timeout(180)

#: ``board.py FOLDER NAME``: a board reboots into what it is pointed at, unless it is in "silent".
_BOARD = """
import json, pathlib, sys
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
with (folder / "asked").open("a") as log:
    log.write(name + "\\n")
silent = (folder / "silent").read_text().split() if (folder / "silent").exists() else []
states = {json.loads(path.read_text())["name"]: path for path in folder.glob("nodes/*.json")}
state = states[name]
said = json.loads(state.read_text()) | {"boot": "1" * 16, "image": "two"}
if name not in silent:
    state.write_text(json.dumps(said))
"""
_NOTE = "echo {} {{{{ rolling_nodes | join(' ') }}}} >> {{{{ hook_log }}}}"


def _hook(word: str, why: str, when: str) -> str:
    """Tasks as somebody else writes them: some of them on other hosts."""
    note = {"ansible.builtin.shell": _NOTE.format(word), "delegate_to": "localhost"}
    ask = {"ansible.builtin.raw": "true", "delegate_to": "controller", "when": "hook_away"}
    return json.dumps([note, {"ansible.builtin.fail": {"msg": why}, "when": when}, ask])


#: By name of the file.
_HOOKS = {
    "drain": ("job 7 is stuck after {{ rolling_drain_s }} s", "hook_stuck in rolling_nodes"),
    "resume": ("slurmctld is away", "hook_lame"),
}


class Cluster(Place):
    """The place, with boards and a hook that playbooks reach."""

    def __init__(self, folder: Path, make: MakeDescription) -> None:
        super().__init__(folder, make)
        (folder / "board.py").write_text(_BOARD)
        tasks = folder / "roles" / "workload_hook" / "tasks"
        tasks.mkdir(parents=True)
        for word, (why, when) in _HOOKS.items():
            (tasks / f"{word}.yml").write_text(_hook(word, why, when))
        way = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        names = dict.fromkeys((*NAMES, "small-head", "localhost"), way)
        names["controller"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
        (folder / "way.yml").write_text(json.dumps({"all": {"hosts": names}}))
        program = f"{sys.executable} {folder}/board.py {folder}"
        self.variables = {
            "hook_stuck": "",
            "hook_lame": False,
            "hook_away": False,
            "reboot_reach": {"small-head": list(self.server.reach.prefix)},
            "reboot_journal": str(self.journal),
            "reboot_report": str(folder / "report.json"),
            "reboot_command": f"{program} {{{{ inventory_hostname }}}}",
            "reboot_back_s": 2,
            "hook_log": str(folder / "hooks"),
        }

    @property
    def environment(self) -> dict[str, str]:
        roles = os.pathsep.join([str(REPOSITORY / "roles"), str(self.folder / "roles")])
        return {
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_ROLES_PATH": roles,
            "ANSIBLE_SHOW_CUSTOM_STATS": "1", "COLUMNS": "200",
        }  # fmt: skip

    def words(self, *words: str, **variables: Any) -> list[str]:
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        book = str(REPOSITORY / "playbooks" / "reboot.yml")
        given = json.dumps({**self.variables, **variables})
        return [
            program,
            "-i",
            str(self.path),
            "-i",
            str(self.folder / "way.yml"),
            "-e",
            given,
            book,
            *words,
        ]

    def play(self, *words: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run the playbook."""
        return subprocess.run(
            self.words(*words, **variables), env={**os.environ, **self.environment},
            cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=150,
        )  # fmt: skip

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    def outcomes_of(self) -> dict[str, str]:
        return {board["name"]: board["outcome"] for board in self.report()["boards"]}


@pytest.fixture
def cluster(tmp_path: Path, description: MakeDescription) -> Iterator[Cluster]:
    found = Cluster(tmp_path, description)
    yield found
    found.end()


def test_bank_by_bank_the_canary_bank_first(cluster: Cluster) -> None:
    checked = cluster.play("--check", "--diff", reboot_hooks="hook")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "+bank 2: 2 from one to two" in checked.stdout
    assert (cluster.lines("asked"), cluster.lines("hooks")) == ([], [])
    done = cluster.play(reboot_hooks="hook")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.lines("hooks") == [
        "drain pi-2-1 pi-2-2", "resume pi-2-1 pi-2-2",
        "drain pi-1-1 pi-1-2", "resume pi-1-1 pi-1-2",
    ]  # fmt: skip
    assert {*cluster.lines("asked")[:2]} == {"pi-2-1", "pi-2-2"}
    assert cluster.outcomes_of() == dict.fromkeys(NAMES, "ok")
    assert "picluster_reboot:" in done.stdout.partition("CUSTOM STATS")[2]
    again = cluster.play("--limit", "bank_1")
    assert again.returncode == 0, again.stdout
    assert cluster.outcomes_of() == dict.fromkeys(NAMES[:2], "unchanged")
    assert len(cluster.lines("asked")) == 4
    refuse_running(lock_path(cluster.journal))


def test_a_board_that_is_lost_stops_before_the_next_bank(cluster: Cluster) -> None:
    (cluster.folder / "silent").write_text("pi-2-2")
    done = cluster.play(reboot_hooks=["hook"], reboot_budget=0)
    assert done.returncode == 2, done.stdout
    assert "bank 2 lost 1 of 2 boards, 0 are allowed" in done.stdout
    assert cluster.outcomes_of() == {
        "pi-2-1": "ok", "pi-2-2": "failed", "pi-1-1": "untouched", "pi-1-2": "untouched",
    }  # fmt: skip
    assert cluster.lines("hooks") == ["drain pi-2-1 pi-2-2", "resume pi-2-1"]
    assert cluster.report()["drained"] == ["pi-2-2"]
    cluster.runs("pi-2-2", "two", NEW)  # somebody has pushed its plug
    done = cluster.play("--limit", "bank_2")
    assert done.returncode == 0, done.stdout
    assert cluster.lines("hooks")[2:] == ["resume pi-2-2"]


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"hook_stuck": "pi-2-1"}, "job 7 is stuck after 600 s"),
        ({"hook_away": True}, "a host that it needs cannot be reached"),
    ],
)
def test_a_drain_that_fails_leaves_its_bank_alone(
    cluster: Cluster, variables: dict[str, Any], why: str
) -> None:
    done = cluster.play(reboot_hooks="hook", **variables)
    assert done.returncode != 0, done.stdout
    assert cluster.lines("asked") == []
    assert cluster.report()["stopped"] == "bank 2: its drain failed"
    reasons = {board["reason"] for board in cluster.report()["boards"][:2]}
    assert reasons == {f"not drained: {why}"}
    assert cluster.lines("hooks") == ["drain pi-2-1 pi-2-2", "resume pi-2-1 pi-2-2"]


def test_a_batch_of_one_board_whose_hook_has_no_host_stops_it(cluster: Cluster) -> None:
    done = cluster.play("--limit", "pi-2-1,bank_1", reboot_hooks="hook", hook_away=True)
    assert done.returncode != 0, done.stdout
    assert cluster.lines("asked") == []
    assert cluster.outcomes_of() == {
        "pi-2-1": "undrained", "pi-1-1": "untouched", "pi-1-2": "untouched",
    }  # fmt: skip
    report = cluster.report()
    assert (report["stopped"], report["drained"]) == (
        "bank 2: its drain was not finished",
        ["pi-2-1"],
    )
    again = cluster.play("--limit", "pi-2-1,bank_1", reboot_hooks="hook")
    assert again.returncode == 0, again.stdout
    assert cluster.lines("hooks")[1:3] == ["drain pi-2-1", "resume pi-2-1"]


def test_boards_that_hang_when_they_are_asked_are_unreachable(cluster: Cluster) -> None:
    # ends the task after 5 s
    done = cluster.play("--limit", "bank_2", reboot_command="sleep 60", reboot_login_s=-25)
    assert done.returncode == 2, done.stdout
    assert cluster.outcomes_of() == dict.fromkeys(NAMES[2:], "unreachable")
    reasons = {board["reason"] for board in cluster.report()["boards"]}
    assert reasons == {"could not be asked: Task failed: Timed out after 5 second(s)."}


def test_a_resume_that_fails_is_made_good_by_the_next_run(cluster: Cluster) -> None:
    done = cluster.play(reboot_hooks="hook", hook_lame=True)
    assert done.returncode == 2, done.stdout
    report = cluster.report()
    assert report["stopped"] == "boards could not be resumed: slurmctld is away"
    assert (report["drained"], report["counts"]["untouched"]) == (["pi-2-1", "pi-2-2"], 2)
    done = cluster.play("--limit", "bank_2")
    assert done.returncode == 0, done.stdout
    assert cluster.lines("hooks")[-1] == "resume pi-2-1 pi-2-2"


def test_a_kill_in_the_middle_loses_nothing(cluster: Cluster) -> None:
    (cluster.folder / "silent").write_text(" ".join(NAMES))
    with subprocess.Popen(
        cluster.words(reboot_hooks="hook", reboot_back_s=100),
        env={**os.environ, **cluster.environment}, cwd=REPOSITORY,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as first:  # fmt: skip
        until(lambda: len(cluster.lines("asked")) == 2, 60)
        second = cluster.play()
        assert second.returncode == 2
        assert f"a rolling reboot is running already (process {first.pid})" in second.stdout
        first.send_signal(signal.SIGKILL)

    def free() -> bool:
        try:
            refuse_running(lock_path(cluster.journal))
        except LockedError:
            return False
        return True

    until(free)
    (cluster.folder / "silent").unlink()
    cluster.runs("pi-2-1", "two", NEW)
    cluster.runs("pi-2-2", "two", NEW)
    done = cluster.play(reboot_hooks="hook")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.lines("hooks")[1:] == [
        "resume pi-2-1 pi-2-2", "drain pi-1-1 pi-1-2", "resume pi-1-1 pi-1-2",
    ]  # fmt: skip
    assert cluster.outcomes_of()["pi-2-1"] == "unchanged"


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"reboot_hooks": "nothing"}, "hook nothing: no workload_nothing/tasks/drain.yml"),
        ({"reboot_budget": "many"}, "reboot_budget"),
    ],
)
def test_what_is_refused_touches_nothing(
    cluster: Cluster, variables: dict[str, Any], why: str
) -> None:
    done = cluster.play(**variables)
    assert done.returncode != 0
    assert why in done.stdout + done.stderr
    assert (cluster.lines("asked"), record_path(cluster.journal).exists()) == ([], False)


def test_from_python_and_cancelled(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_ROLES_PATH", cluster.environment["ANSIBLE_ROLES_PATH"])
    monkeypatch.setenv("XDG_STATE_HOME", str(cluster.folder / "state"))
    sources = [cluster.path, cluster.folder / "way.yml"]
    own = {name: value for name, value in cluster.variables.items() if name != "reboot_journal"}

    def options(**more: Any) -> Options:
        return Options(
            variables={**own, "reboot_back_s": 100, "reboot_report": ""},
            journal=cluster.journal, project=REPOSITORY, **more,
        )  # fmt: skip

    done = reboot(sources, limit="bank_1", hooks=["hook"], options=options())
    assert (done.action, done.end, done.counts()) == ("reboot", End.DONE, {"ok": 2})
    assert [(bank.bank, bank.state, bank.good) for bank in done.banks] == [(1, "rebooted", 2)]
    (cluster.folder / "silent").write_text("pi-2-1 pi-2-2")
    asked = len(cluster.lines("asked"))
    file = cluster.folder / "mine.json"
    how = options(cancel=lambda: len(cluster.lines("asked")) == asked + 2)
    how = replace(how, variables={**how.variables, "reboot_report": str(file)})
    stopped = reboot(sources, options=how)
    assert (stopped.end, stopped.status) == (End.CANCELLED, 130)
    assert stopped.counts() == {"open": 2, "untouched": 2}
    # what was planned is no report
    assert (stopped.lines, stopped.report) == ((), json.loads(file.read_text()))
    for name in NAMES[2:]:
        cluster.runs(name, "one", OLD)
