"""A whole cluster's power by command and by playbook: three kinds of simulated PDU, on loopback."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from power_support import SECRET

from twin.devices.outlets import Outlets
from twin.devices.pdu_apc import ApcPdu, Generation
from twin.devices.pdu_synaccess import FIRMWARE, Mode, SynaccessPdu
from twin.devices.pdu_synaccess_web import SynaccessWeb

BIN = Path(sys.executable).parent
REPOSITORY = Path(__file__).parents[2]
MACS = "bank,slot,mac\n" + "\n".join(
    f"{bank},{slot},b8:27:eb:00:0{bank}:0{slot}" for bank in (1, 2, 3, 4) for slot in (1, 2, 3)
)


@dataclass
class Cluster:
    """Four banks of 3: two behind telnet, one behind SNMP, one behind HTTP with their switches."""

    folder: Path
    history: list[tuple[str, bool]] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        self.environ = {
            **os.environ,
            "PICLUSTER_PDU_PASSWORD_FILE": str(secret),
            "PICLUSTER_PDU_COMMUNITY": SECRET,
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "COLUMNS": "200",
        }
        self.telnet = SynaccessPdu(
            self._outlets("telnet", 5),
            password=SECRET,
            firmware=FIRMWARE["np05b-login"],
            address="127.0.0.31",
        )
        self.snmp = ApcPdu(
            self._outlets("snmp", 8),
            community=SECRET,
            generation=Generation.RPDU2,
            address="127.0.0.32",
        )
        self.web = SynaccessWeb(self._outlets("web", 5), password=SECRET, address="127.0.0.33")
        self.units: tuple[SynaccessPdu | ApcPdu | SynaccessWeb, ...] = (
            self.telnet, self.snmp, self.web,
        )  # fmt: skip

    def _outlets(self, pdu: str, count: int) -> Outlets:
        return Outlets(
            count, on_switch=lambda number, on: self.history.append((f"{pdu}:{number}", on))
        )

    def start(self) -> None:
        for unit in self.units:
            unit.start()
        (self.folder / "macs.csv").write_text(MACS)
        self.path.write_text(yaml.safe_dump(self.description(), sort_keys=False))

    @property
    def path(self) -> Path:
        return self.folder / "power.picluster.yml"

    def description(self) -> dict[str, Any]:
        feeds = "feeds"
        return {
            "plugin": "picluster",
            "name": "power",
            "network": "172.20.0.0/16",
            "bank_size": 3,
            "head": {"name": "power-head", "address": "172.20.0.10", "boot_interface": "eth1"},
            "switches": [{"name": "sw-1"}, {"name": "sw-2"}],
            "pdus": [
                {"name": "telnet", "driver": "synaccess", "outlets": 5, "port": self.telnet.port,
                 "address": "127.0.0.31", "timeout_s": 8},
                {"name": "snmp", "driver": "apc", "outlets": 8, "port": self.snmp.port,
                 "address": "127.0.0.32", "timeout_s": 8},
                {"name": "web", "driver": "synaccess", "protocol": "http", "port": self.web.port,
                 "address": "127.0.0.33", "timeout_s": 8},
            ],
            "banks": [
                {"number": 1, "switch": "sw-1", "pdu": "telnet", "outlet": 1},
                {"number": 2, "switch": "sw-1", "pdu": "telnet", "outlet": 2},
                {"number": 3, "switch": "sw-2", "pdu": "snmp", "outlet": 3},
                {"number": 4, "switch": "sw-2", "pdu": "web", "outlet": 4},
            ],
            "supplies": [
                {"name": "net-1", "pdu": "web", "outlet": 1, feeds: ["sw-1"]},
                {"name": "net-2", "pdu": "snmp", "outlet": 1, feeds: ["sw-2"]},
            ],
            "power": {"stagger_s": 0.2, "off_s": 0.5, "switch_wait_s": 0.5, "max_banks_on": 3},
        }  # fmt: skip

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [BIN / "picluster", "power", *words, "-i", self.path],
            env=self.environ | environ, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=400,
        )  # fmt: skip
        assert SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def play(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [BIN / "ansible-playbook", "-i", self.path, "playbooks/power.yml", *words],
            cwd=REPOSITORY, env=self.environ, capture_output=True, text=True, check=False,
            timeout=400,
        )  # fmt: skip
        assert SECRET not in done.stdout + done.stderr
        return done


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.start()
    yield made
    for unit in made.units:
        unit.stop()


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_a_bank_goes_on_after_its_switch_and_off_again(cluster: Cluster) -> None:
    done = cluster.run("on", "bank_1", "bank_3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(cluster.history) == sorted(
        [("web:1", True), ("snmp:1", True), ("telnet:1", True), ("snmp:3", True)]
    )
    order = [outlet for outlet, _ in cluster.history]
    assert order.index("web:1") < order.index("telnet:1")
    assert order.index("snmp:1") < order.index("snmp:3")
    again = cluster.run("on", "bank_1", "bank_3")
    assert lines(again) == ["bank_1, bank_3: nothing to do, on already: snmp:3, telnet:1"]
    cluster.history.clear()
    off = cluster.run("off", "sw-2", "--yes")
    assert off.returncode == 0
    assert cluster.history == [("snmp:3", False), ("snmp:1", False)]


def test_a_dry_run_shows_everything_and_switches_nothing(cluster: Cluster) -> None:
    for flag in ("--dry-run", "--check", "-n"):
        done = cluster.run("on", "bank_4", flag)
        assert done.returncode == 0
        assert lines(done) == [
            "step do outlet feeds is boards cut after why",
            "1 on snmp:1 sw-2 off bank_4 needs it first: sw-2 carries the network of bank 4",
            "2 on web:4 bank_4 off 1 + 0.5 s asked for",
            "0.2 s between two outlets of one circuit that go on",
            "at most 3 banks may be on at a time",
        ]
    assert cluster.history == []


def test_results_come_one_line_each_as_they_happen(cluster: Cluster) -> None:
    done = cluster.run("on", "bank_2")
    said = [line for line in lines(done) if ": done in " in line]
    assert [line.split(": done")[0] for line in said] == [
        "web:1 on (sw-1)",
        "telnet:2 on (bank_2)",
    ]


def test_status_says_what_is_on(cluster: Cluster) -> None:
    cluster.run("on", "bank_1")
    done = cluster.run("status")
    assert done.returncode == 0
    assert lines(done) == [
        "outlet state feeds boards circuit",
        "snmp:1 off sw-2",
        "snmp:3 off bank_3 3",
        "telnet:1 on bank_1 3",
        "telnet:2 off bank_2 3",
        "web:1 on sw-1",
        "web:4 off bank_4 3",
        "2 of 6 outlets on; 1 banks with power of at most 3",
    ]
    rows = json.loads(cluster.run("status", "bank_1", "--json").stdout)
    assert rows == [
        {"outlet": "telnet:1", "state": "on", "feeds": ["bank_1"], "boards": 3, "problem": None}
    ]


def test_one_board_of_a_bank_is_not_cycled_by_mistake(cluster: Cluster) -> None:
    cluster.run("on", "bank_1")
    cluster.history.clear()
    done = cluster.run("cycle", "pi-1-2")
    assert done.returncode == 1
    assert "cycling outlet telnet:1 also cuts 2 boards nobody named (pi-1-1 to pi-1-3)" in (
        done.stdout
    )
    assert done.stderr == (
        "picluster: 2 more than was named would lose power (pi-1-1, pi-1-3); name all of it, or "
        "give --yes\n"
    )
    assert cluster.history == []
    assert cluster.run("cycle", "pi-1-2", "--yes").returncode == 0
    assert cluster.history == [("telnet:1", False), ("telnet:1", True)]


def test_a_person_is_asked(cluster: Cluster) -> None:
    cluster.run("on", "bank_1")
    cluster.history.clear()
    for answer, status, switched in (("n", 1, 0), ("y", 0, 2)):
        main, side = pty.openpty()
        child = subprocess.Popen(
            [BIN / "picluster", "power", "cycle", "bank_1", "-i", cluster.path],
            env=cluster.environ, stdin=side, stdout=subprocess.PIPE, stderr=side,
        )  # fmt: skip
        os.close(side)
        asked = b""
        while b"Go on? [y/N]" not in asked:
            asked += os.read(main, 1024)
        os.write(main, f"{answer}\n".encode())
        assert child.wait(200) == status
        assert child.stdout is not None
        child.stdout.close()
        os.close(main)
        assert len(cluster.history) == switched


def test_limits_hold(cluster: Cluster) -> None:
    done = cluster.run("on", "all")
    assert (done.returncode, done.stderr) == (
        1,
        "picluster: 4 banks would be on (1, 2, 3, 4), max_banks_on is 3; switch others off first, "
        "or name fewer\n",
    )
    assert cluster.history == []


def test_unknown_names_are_one_message_each(cluster: Cluster) -> None:
    done = cluster.run("on", "bank_9", "pdu-9:1")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == f"picluster: {cluster.path}: no bank 9; described are: 1, 2, 3, 4"
    assert second.startswith(f"picluster: {cluster.path}: 'pdu-9:1' is nothing that has power")


def test_a_dead_pdu_fails_its_banks_only(cluster: Cluster) -> None:
    cluster.telnet.stop()
    begin = time.monotonic()
    done = cluster.run("on", "bank_1", "bank_2", "bank_3")
    assert done.returncode == 3
    assert sorted(cluster.history) == [("snmp:1", True), ("snmp:3", True), ("web:1", True)]
    failed = [
        line for line in lines(done) if "telnet:" in line and ("FAILED" in line or "not " in line)
    ]
    assert [line.split(": telnet: 127")[0] for line in failed] == [
        "not read, taken for unknown",
        "telnet:1 on (bank_1): FAILED",
        "telnet:2 on (bank_2): not tried: telnet did not answer before; see to the PDU first",
    ]
    assert time.monotonic() - begin < 60
    status = cluster.run("status")
    assert status.returncode == 3
    assert "telnet:1 unknown bank_1 3" in lines(status)


def test_a_switch_that_stays_off_keeps_its_banks_off(cluster: Cluster) -> None:
    cluster.web.outlets.stuck.add(1)
    done = cluster.run("on", "bank_1")
    assert done.returncode == 3
    assert cluster.history == []
    assert "telnet:1 on (bank_1): not tried: sw-1 (web:1) was not switched on before" in done.stdout


def test_a_session_that_is_lost_once_is_no_failure(cluster: Cluster) -> None:
    cluster.run("on", "sw-1")
    cluster.history.clear()
    cluster.telnet.mode = Mode.DROPS_ONCE
    assert cluster.run("on", "bank_1").returncode == 0
    assert cluster.history == [("telnet:1", True)]


def test_an_interrupted_cycle_leaves_no_bank_off(cluster: Cluster) -> None:
    data = cluster.description()
    data["power"]["off_s"] = 600
    cluster.path.write_text(yaml.safe_dump(data, sort_keys=False))
    cluster.run("on", "bank_3")
    cluster.history.clear()
    child = subprocess.Popen(
        [BIN / "picluster", "power", "cycle", "bank_3", "-i", cluster.path],
        env=cluster.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(2400):
        if cluster.history:
            break
        time.sleep(0.05)
    assert cluster.history == [("snmp:3", False)]
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 128 + signal.SIGINT
    assert errors == (
        "picluster: interrupted: what was cycled is put back on, what was done stays done\n"
    )
    assert cluster.history == [("snmp:3", False), ("snmp:3", True)]


def test_json_holds_plan_and_results(cluster: Cluster) -> None:
    done = cluster.run("on", "bank_1", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert [
        (step["number"], step["action"], step["outlet"], step["feeds"], step["after"])
        for step in document["steps"]
    ] == [(1, "on", "web:1", ["sw-1"], []), (2, "on", "telnet:1", ["bank_1"], [1])]
    assert [(r["outlet"], r["done"], r["problem"]) for r in document["results"]] == [
        ("web:1", True, None),
        ("telnet:1", True, None),
    ]
    assert (document["dry_run"], document["unread"], document["collateral"]) == (False, [], [])


def test_a_playbook_switches_once_for_all_hosts(cluster: Cluster) -> None:
    check = cluster.play("--check", "--diff", "--limit", "bank_1", "-e", "power_state=on")
    assert check.returncode == 0, check.stdout + check.stderr
    assert cluster.history == []
    assert "-telnet:1 off" in check.stdout
    assert "+telnet:1 on" in check.stdout
    done = cluster.play("--limit", "bank_1", "-e", "power_state=on")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.history == [("web:1", True), ("telnet:1", True)]
    assert "changed=1" in done.stdout
    again = cluster.play("--limit", "bank_1", "-e", "power_state=on")
    assert (again.returncode, "changed=0" in again.stdout) == (0, True)
    cut = cluster.play("--limit", "pi-1-1", "-e", "power_state=cycled")
    assert cut.returncode != 0
    assert "2 more than was named would lose power" in cut.stdout
    assert len(cluster.history) == 2
    read = cluster.play("-e", '{"power_targets": ["sw-1", "bank_1"]}')
    assert read.returncode == 0
    assert read.stdout.count("state: 'on'") == 2


def test_a_playbook_fails_when_an_outlet_does_not_move(cluster: Cluster) -> None:
    cluster.telnet.outlets.stuck.add(1)
    done = cluster.play("--limit", "bank_1:bank_2", "-e", "power_state=on")
    assert done.returncode != 0
    assert "telnet:1 (bank_1): telnet: 127.0.0.31:" in done.stdout
    assert "outlet 1 was switched on and is off" in done.stdout
    assert ("telnet:2", True) in cluster.history
