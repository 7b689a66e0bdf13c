"""A run that was killed before its handlers: the next one completes the work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from head_support import MINI, offers

from picluster.plan.read import read_plan
from twin.head.places import TREE
from twin.head.playbook import command_line, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picluster.cluster.model import Cluster
    from twin.head import Head
    from twin.head.playbook import Outcome
    from twin.rack import Rack

pytestmark = pytest.mark.slow

CONFIG = "/etc/dhcp/dhcpd.conf"
NEW_MAC = "b8:27:eb:00:a1:b2"
#: What a run that was killed may leave newer than its daemon, and what then brings it into force.
FILES = {
    "/etc/systemd/networkd.conf.d/picluster.conf": "Restart networkd",
    "/etc/systemd/network/10-picluster-boot.network": "Reload networkd",
    "/etc/nftables.d/picluster.nft": "Load the rules",
    "/etc/chrony/chrony.conf": "Restart chrony",
    "/etc/default/tftpd-hpa": "Restart the TFTP server",
    "/etc/systemd/system/rpcbind.socket.d/picluster.conf": "Restart the socket of rpcbind",
    "/etc/ganesha/ganesha.conf": "Restart the NFS server",
    "/etc/default/isc-dhcp-server": "Restart the DHCP server",
    "/usr/local/lib/picluster/node_plan.py": "Restart the message server",
    "/etc/systemd/system/picluster-authority.socket": "Restart the host authority",
}


@pytest.fixture
def replaced(tmp_path: Path) -> Path:
    """The inventory of ``mini`` after the first board was replaced by one with ``NEW_MAC``."""
    inventory = tmp_path / "mini"
    shutil.copytree(MINI, inventory)
    registry = inventory / "macs.csv"
    old = read_plan(MINI / "cluster.picluster.yml").nodes[0]
    lines = registry.read_text().splitlines(keepends=True)
    lines = [
        f"{old.bank.number},{old.slot},{NEW_MAC},,,{old.slot},,,,,,,,,\n"
        if old.mac in line
        else line
        for line in lines
    ]
    registry.write_text("".join(lines))
    return inventory


@pytest.fixture
def shared_head(configured_head: Head) -> Iterator[Head]:
    """The session's head, put back by a run of ``mini`` as it is."""
    yield configured_head
    outcome = play(configured_head, MINI)
    assert outcome.status == 0, outcome.explain()


def _changed(outcome: Outcome) -> list[str]:
    """Names of the tasks that changed something, without their roles'."""
    return [name.rpartition(" : ")[2] for name in outcome.changed()]


def _kill_after_change(head: Head, inventory: Path) -> None:
    """Start ``site.yml`` and kill it as soon as dhcpd's configuration holds the new board."""
    words, environment = command_line(head, inventory, "site.yml")
    running = subprocess.Popen(
        words,
        env=environment,
        cwd=TREE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        watch = f"until grep -q {NEW_MAC} {CONFIG}; do sleep 0.02; done"
        head.exec(["timeout", "600", "sh", "-c", watch], timeout_s=610)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        status = running.wait(10)
    assert status == -signal.SIGKILL, "the run had ended before it could be killed"
    _wait_for_orphans(running.pid)


def _wait_for_orphans(group: int) -> None:
    """Wait until the workers of a killed run have ended: they finish their task at most."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)


def test_the_run_after_a_kill_serves_the_new_board(
    shared_head: Head, rack: Rack, mini: Cluster, replaced: Path, tmp_path: Path
) -> None:
    nodes = read_plan(mini.path).nodes
    old, other = nodes[0], nodes[-1]

    def offered() -> dict[str, list[str]]:
        places = {NEW_MAC: old, old.mac: old, other.mac: other}
        return {
            mac: offers(
                rack.namespace, rack.bank_interface(node.bank.number), mac, tmp_path / "rom.json"
            )
            for mac, node in places.items()
        }

    before = {NEW_MAC: [], old.mac: [old.address], other.mac: [other.address]}
    after = {NEW_MAC: [old.address], old.mac: [], other.mac: [other.address]}
    assert offered() == before

    _kill_after_change(shared_head, replaced)
    assert NEW_MAC in shared_head.copy_out(CONFIG).decode()
    # The old configuration is still served: nothing of it was lost, and nothing is new.
    assert offered() == before

    check = play(shared_head, replaced, args=["--check", "--diff"])
    assert check.status == 0, check.explain()
    assert offered() == before
    outcome = play(shared_head, replaced)
    assert outcome.status == 0, outcome.explain()
    found = ["isc | Find a server that runs with an older configuration", "Restart the DHCP server"]
    assert _changed(outcome) == found
    # A check tells the same, but for the restart itself.
    assert _changed(check)[:1] == found[:1]
    assert offered() == after
    assert play(shared_head, replaced).changed() == []


def test_whatever_runs_with_older_files_is_restarted_once(configured_head: Head) -> None:
    configured_head.exec(["touch", *FILES])
    outcome = play(configured_head, MINI)
    assert outcome.status == 0, outcome.explain()
    changed = [name for name in _changed(outcome) if "Find " not in name]
    assert changed == list(FILES.values())
    again = play(configured_head, MINI)
    assert again.status == 0, again.explain()
    assert again.changed() == []


# ---- the module, with a real systemd

UNIT = "picluster-outdated.service"
FILE, FAIL = "/run/picluster-outdated.conf", "/run/picluster-outdated.fail"
_UNIT_TEXT = f"""\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecReload=/usr/bin/test ! -e {FAIL}
"""


def _command(name: str, *words: str) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.command": {"argv": list(words)}}


def _ask(name: str, unit: str = UNIT, **options: Any) -> dict[str, Any]:
    return {"name": name, "service_outdated": {"unit": unit, "paths": [FILE], **options}}


def _state(outdated: bool, running: bool = True) -> dict[str, Any]:
    return {"outdated": outdated, "running": running, "newer": [FILE] if outdated else []}


STEPS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    (_ask("nothing is there", "picluster-nothing.service"), _state(False, running=False)),
    (_command("touch", "touch", FILE), None),
    (_ask("no such unit", "picluster-nothing.service"), _state(True, running=False)),
    (_ask("not started"), _state(True, running=False)),
    (_command("start", "systemctl", "start", UNIT), None),
    (_ask("started"), _state(False)),
    (_ask("started, a reload counts", reload=True), _state(False)),
    (_command("touch", "touch", FILE), None),
    (_ask("file changed"), _state(True)),
    (_ask("file changed, a reload counts", reload=True), _state(True)),
    (_command("reload", "systemctl", "reload", UNIT), None),
    (_ask("reloaded"), _state(True)),
    (_ask("reloaded, a reload counts", reload=True), _state(False)),
    (_command("restart", "systemctl", "restart", UNIT), None),
    (_ask("restarted"), _state(False)),
    (_command("fail", "touch", FAIL), None),
    (_command("reload", "sh", "-c", f"! systemctl reload {UNIT}"), None),
    (_ask("reload failed"), _state(False)),
    (_ask("reload failed, a reload counts", reload=True), _state(True)),
    (_command("stop", "systemctl", "stop", UNIT), None),
    (_ask("stopped"), _state(True, running=False)),
]


def test_a_unit_is_judged_by_what_systemd_did(configured_head: Head, tmp_path: Path) -> None:
    playbook = tmp_path / "outdated.yml"
    tasks = [task for task, _ in STEPS]
    playbook.write_text(
        yaml.safe_dump([{"hosts": "boot_servers", "gather_facts": False, "tasks": tasks}])
    )
    path = f"/run/systemd/system/{UNIT}"
    configured_head.exec(["sh", "-c", 'printf %s "$1" >"$2"', "sh", _UNIT_TEXT, path])
    configured_head.exec(["systemctl", "daemon-reload"])
    try:
        outcome = play(configured_head, MINI, playbook)
    finally:
        configured_head.exec(["rm", "-f", path, FILE, FAIL])
        configured_head.exec(["systemctl", "daemon-reload"])
    assert outcome.status == 0, outcome.explain()
    got = [
        (name, {key: result[key] for key in ("outdated", "running", "newer")})
        for name, _, result in outcome.results()
        if "outdated" in result
    ]
    assert got == [(task["name"], state) for task, state in STEPS if state is not None]
