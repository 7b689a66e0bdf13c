"""What the command makes of the description and its options when it asks live sources."""

import json
import socket
from pathlib import Path

import pytest

from picluster.cluster.load import load_cluster
from tests.conftest import MakeDescription
from tests.unit.cli.commanding import picluster


def test_timeout_ends_a_switch_that_is_silent(
    description: MakeDescription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICLUSTER_SNMP_COMMUNITY", "s3cret")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        switches = [{"name": "sw-1", "address": "127.0.0.1", "snmp_port": port}]
        path = description(switches=switches, banks=[{"number": 1, "size": 4, "switch": "sw-1"}])
        ran = picluster("harvest", "-i", path, "snmp:sw-1", "--timeout", "0.5")
    assert ran.returncode == 1
    assert ran.stderr.startswith(
        f"picluster: snmp:sw-1: 127.0.0.1:{port}/udp: no complete answer within 0.5 s "
    )
    assert "s3cret" not in ran.stderr


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "86401", "a minute"])
def test_times_that_are_none(description: MakeDescription, text: str) -> None:
    path, said = description(), f"not a time of at most 86400 seconds: '{text}'"
    ran = picluster("harvest", "-i", path, "snmp:sw-1", f"--timeout={text}")
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (
        2, f"picluster harvest: error: argument --timeout: {said}"
    )  # fmt: skip
    ran = picluster("harvest", "-i", path, f"beacons:{text}")
    assert (ran.returncode, ran.stderr) == (1, f"picluster: beacons: {said}; write beacons:60\n")


def test_what_is_described_of_live_sources(description: MakeDescription, tmp_path: Path) -> None:
    path = description(
        switches=[{"name": "sw-1", "address": "172.20.0.21", "snmp_contexts": [1, 20]}],
        controllers=[
            {"name": "house", "url": "https://172.20.0.2:8443", "ca_file": "ca.pem"},
            {"name": "yard", "url": "https://172.20.0.3", "ca_file": "/etc/ssl/yard.pem"},
            {"name": "shed", "url": "https://172.20.0.4"},
        ],
        banks=[{"number": 1, "size": 4, "switch": "sw-1"}],
    )
    cluster = load_cluster(path)
    assert cluster.switches[0].snmp_contexts == (1, 20)
    assert [controller.ca_file for controller in cluster.controllers] == [
        tmp_path / "ca.pem", Path("/etc/ssl/yard.pem"), None,
    ]  # fmt: skip


def test_a_controller_without_tls_is_refused(description: MakeDescription) -> None:
    path = description(controllers=[{"name": "house", "url": "http://172.20.0.2:8443"}])
    ran = picluster("plan", "-i", path)
    assert ran.returncode == 1
    assert "controllers.0.url is 'http://172.20.0.2:8443'; wanted is" in ran.stderr


def test_no_name_a_controller_gives_reaches_the_terminal(tmp_path: Path) -> None:
    ports = [{"port_idx": 7, "mac_table": [{"mac": "b8:27:eb:00:00:0a", "vlan": 1}]}]
    device = {"type": "usw", "name": "a\x1b[2J\nb", "mac": "78:8a:20:00:00:01", "port_table": ports}
    answer = tmp_path / "stat.json"
    answer.write_text(json.dumps({"meta": {"rc": "ok"}, "data": [device]}))
    ran = picluster("observe", answer)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[1].split()[:4] == [
        "b8:27:eb:00:00:0a", "yes", r"'a\x1b[2J\nb'", "7",
    ]  # fmt: skip
