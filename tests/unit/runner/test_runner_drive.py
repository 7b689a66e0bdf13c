"""ansible-playbook followed, ended in order, and nothing secret left on the disk meanwhile."""

from __future__ import annotations

import _thread
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from picluster.errors import PiclusterError
from picluster.runner import Secrets
from picluster.runner.drive import drive
from picluster.runner.order import Order
from tests.unit.runner.plays import Tasks, project

SECRET = "a-word-nobody-may-find"
Raw = dict[str, Any]


@pytest.fixture(name="place")
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def order(folder: Path, tasks: Tasks, **changes: Any) -> Order:
    project(folder, tasks)
    return Order(folder, "playbooks/play.yml", [folder / "hosts.yml"], **changes)


def sleep(folder: Path, seconds: float = 60) -> dict[str, object]:
    """A task that says in a file that it runs."""
    program = f"import pathlib, time; pathlib.Path({str(folder / 'runs')!r}).touch(); "
    argv = [sys.executable, "-c", f"{program} time.sleep({seconds})"]
    return {"name": "Sleep", "run_once": True, "ansible.builtin.command": {"argv": argv}}


def found(place: Path, word: str) -> list[str]:
    """Files that hold a word."""
    names = []
    for path in [path for path in place.rglob("*") if path.is_file()]:
        with suppress(FileNotFoundError):  # removed meanwhile
            if word.encode() in path.read_bytes():
                names.append(str(path.relative_to(place)))
    return names


def shown(word: str) -> list[str]:
    """Processes whose command line holds a word, seen by everybody on the machine."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return [line for line in lines if word in line]


def test_no_secret_is_on_the_disk_or_a_command_line_while_it_runs(
    tmp_path: Path, place: Path
) -> None:
    words = {
        kind: f"{SECRET}-{kind}" for kind in ("variable", "variables", "environment", "answer")
    }
    said = "{{ given }} {{ hidden }} {{ lookup('ansible.builtin.env', 'HOOK_WORD') }}"
    tasks = [{"name": "Say", "ansible.builtin.debug": {"msg": said}}]
    secrets = Secrets(
        {"hidden": words["variable"]},
        {"HOOK_WORD": words["environment"]},
        {"^Give the word:": words["answer"]},
    )
    results: list[str] = []
    seen: list[str] = []

    def take(raw: Raw) -> None:
        if raw["event"] == "runner_on_ok":
            results.append(raw["event_data"]["res"]["msg"])
        if raw["event"] != "playbook_on_start":  # then the file of variables has just been read
            # results wait in a file until they are taken: a task that shows a secret is at fault
            seen.extend(name for name in found(place, SECRET) if "-partial.json" not in name)
        seen.extend(shown(SECRET))

    given = {"given": words["variables"]}
    ended = drive(order(tmp_path, tasks, variables=given, secrets=secrets), take)
    assert (ended.status, ended.cancelled) == (0, False)
    expected = f"{words['variables']} {words['variable']} {words['environment']}"
    assert results == [expected, expected], "they reached the playbook"
    assert seen == []
    assert list(place.iterdir()) == []


def test_files_before_the_start_are_the_callers_only(tmp_path: Path, place: Path) -> None:
    modes: dict[str, int] = {}

    def take(_: Raw) -> None:
        if not modes:
            modes.update({p.name: p.stat().st_mode & 0o777 for p in place.rglob("*")})

    drive(order(tmp_path, [], variables={"x": 1}), take)
    assert modes["settings"] == 0o600
    assert all(mode & 0o077 == 0 for name, mode in modes.items() if name != "artifacts"), modes


def test_a_private_key_reaches_an_agent_and_no_file(tmp_path: Path, place: Path) -> None:
    made = tmp_path / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(made)]
    subprocess.run(words, check=True)
    key = made.read_text()
    argv = ["ssh-add", "-L"]
    tasks = [{"name": "List", "run_once": True, "ansible.builtin.command": {"argv": argv}}]
    listed: list[str] = []
    seen: list[str] = []

    def take(raw: Raw) -> None:
        seen.extend(found(place, key.splitlines()[1]))
        if raw["event"] == "runner_on_ok":
            listed.append(raw["event_data"]["res"]["stdout"])

    ended = drive(order(tmp_path / "project", tasks, secrets=Secrets(ssh_key=key)), take)
    assert ended.status == 0
    assert listed[0].split()[1] == made.with_suffix(".pub").read_text().split()[1]
    assert seen == []


def test_host_keys_are_checked_unless_the_project_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "{{ lookup('ansible.builtin.config', 'HOST_KEY_CHECKING') }}"
    tasks = [{"name": "Say", "run_once": True, "ansible.builtin.debug": {"msg": said}}]

    def checked(text: str) -> str:
        one = order(tmp_path, tasks)
        (tmp_path / "ansible.cfg").write_text(text)
        results: list[Any] = []

        def take(raw: Raw) -> None:
            if raw["event"] == "runner_on_ok":
                results.append(raw["event_data"]["res"]["msg"])

        assert drive(one, take).status == 0
        return str(results[0])

    monkeypatch.delenv("ANSIBLE_HOST_KEY_CHECKING", raising=False)
    assert checked("[defaults]\ninventory = none\n") == "True"
    assert checked("[defaults]\nhost_key_checking = no\n") == "False"


def test_a_cancel_from_another_thread_ends_it(tmp_path: Path, place: Path) -> None:
    stop, told = threading.Event(), []
    tasks = [sleep(tmp_path), {"name": "Never", "ansible.builtin.debug": {"msg": "x"}}]
    begun: list[str] = []

    def take(raw: Raw) -> None:
        if raw["event"] == "playbook_on_task_start":
            begun.append(raw["event_data"]["task"])
            threading.Timer(1.0, stop.set).start()

    start = time.monotonic()
    ended = drive(order(tmp_path, tasks), take, stop.is_set, lambda: told.append("cancelling"))
    assert ended.cancelled
    assert ended.status != 0
    assert time.monotonic() - start < 20
    assert begun == ["Sleep"]
    assert told == ["cancelling"]
    assert list(place.iterdir()) == []


def test_a_cancel_before_the_start_runs_nothing(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    tasks = [{"name": "Touch", "ansible.builtin.copy": {"dest": str(touched), "content": ""}}]
    ended = drive(order(tmp_path, tasks), lambda _: None, lambda: True)
    assert ended.cancelled
    assert not touched.exists()


def test_a_cancel_waits_for_what_switches_power(tmp_path: Path) -> None:
    tasks = [sleep(tmp_path, 3), {"name": "Never", "pause": {"seconds": 60}}]
    begun: list[str] = []

    def take(raw: Raw) -> None:
        if raw["event"] in ("playbook_on_task_start", "runner_on_ok"):
            begun.append(f"{raw['event'][-5:]} {raw['event_data']['task']}")

    one = order(tmp_path, tasks, protected=frozenset({"Sleep"}))
    start = time.monotonic()
    ended = drive(one, take, (tmp_path / "runs").exists)
    assert ended.cancelled
    assert time.monotonic() - start < 30
    assert shown(str(tmp_path / "hosts.yml")) == [], "a worker that had just been started"
    assert begun[:2] == ["start Sleep", "on_ok Sleep"]
    assert "on_ok Never" not in begun


def test_what_the_watcher_raises_ends_it_and_is_raised(tmp_path: Path) -> None:
    def take(raw: Raw) -> None:
        if raw["event"] == "playbook_on_task_start":
            raise LookupError("the watcher is broken")

    start = time.monotonic()
    with pytest.raises(LookupError, match="the watcher is broken"):
        drive(order(tmp_path, [sleep(tmp_path)]), take)
    assert time.monotonic() - start < 20
    assert shown(str(tmp_path / "runs")) == []


def test_what_the_canceller_raises_ends_it_too(tmp_path: Path) -> None:
    def cancel() -> bool:
        if (tmp_path / "runs").exists():
            raise LookupError("the button is broken")
        return False

    with pytest.raises(LookupError, match="the button is broken"):
        drive(order(tmp_path, [sleep(tmp_path)]), lambda _: None, cancel)
    assert shown(str(tmp_path / "runs")) == []


def test_the_keyboard_ends_it_in_order(tmp_path: Path) -> None:
    def take(raw: Raw) -> None:
        if raw["event"] == "playbook_on_task_start":
            threading.Timer(0.5, _thread.interrupt_main).start()

    # ansible-runner by itself puts handlers of its own there, and leaves them
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            drive(order(tmp_path, [sleep(tmp_path)]), take)
    finally:
        signal.signal(signal.SIGINT, old)
    assert shown(str(tmp_path / "runs")) == []


def test_without_ansible_runner_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ansible_runner", None)
    with pytest.raises(PiclusterError) as refused:
        drive(order(tmp_path, []), lambda _: None)
    assert str(refused.value) == (
        "ansible-runner is not installed; pip install 'picluster[control]'"
    )


def test_variables_reach_the_playbook_as_they_are(tmp_path: Path) -> None:
    values = {"text": 'it\'s "quoted"', "number": 7, "list": [1, "two"], "nothing": None}
    tasks = [
        {
            "name": "Say",
            "run_once": True,
            "ansible.builtin.debug": {"msg": "{{ values | to_json }}"},
        }
    ]
    results: list[str] = []

    def take(raw: Raw) -> None:
        if raw["event"] == "runner_on_ok":
            results.append(raw["event_data"]["res"]["msg"])

    drive(order(tmp_path, tasks, variables={"values": values}), take)
    found_values = results[0] if isinstance(results[0], dict) else json.loads(results[0])
    assert found_values == values
