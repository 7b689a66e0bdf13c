"""A server on a head with systemd: k3s is a stand-in that records how it is started."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from head_support import MINI
from kubernetes_support import program_of, sum_of

from twin.head.playbook import Outcome, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twin.head import Head

pytestmark = pytest.mark.timeout(300)
SCRIPT = "/usr/local/lib/k3s-standin"
#: A server that says that it is ready, and a client that asks whether it is.
_STANDIN = """#!/bin/bash
if [[ $1 == kubectl ]]; then
    shift
    echo "$*" >> /run/k3s-standin/asked
    [[ -e /run/k3s-standin/ready ]]
    exit
fi
mkdir -p /run/k3s-standin
printf '%s\\n' "$@" >> /run/k3s-standin/arguments
: > /run/k3s-standin/ready
exec python3 -c '
import os, signal, socket
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(os.environ["NOTIFY_SOCKET"])
sock.send(b"READY=1")
signal.pause()
'
"""
_CLEAN = """
systemctl disable --now k3s.service
rm -rf /etc/rancher /var/lib/rancher /usr/local/bin/k3s /etc/systemd/system/k3s.service \
    /run/k3s-standin /usr/local/lib/k3s-standin
systemctl daemon-reload
"""


class Servers:
    """The playbook on a head that is the only server."""

    def __init__(self, head: Head, folder: Path) -> None:
        self.head, self.folder = head, folder
        group = {"kubernetes_servers": {"hosts": {head.host: None}}}
        (folder / "group.yml").write_text(yaml.safe_dump(group))
        k3s, images = folder / "k3s", folder / "images.tar"
        k3s.write_bytes(program_of(SCRIPT))
        k3s.chmod(0o755)
        images.write_text("images")
        self.variables: dict[str, Any] = {
            "kubernetes_server_k3s": str(k3s),
            "kubernetes_server_k3s_sha256": sum_of(k3s),
            "kubernetes_server_images": [{"path": str(images), "sha256": sum_of(images)}],
        }
        for name in ("server", "agent"):
            token = folder / name
            token.write_text(f"unmistakable-{name}")
            token.chmod(0o600)
        self.variables["kubernetes_server_token_file"] = str(folder / "server")
        self.variables["kubernetes_server_agent_token_file"] = str(folder / "agent")

    def run(self, *words: str, **more: Any) -> Outcome:
        """Run it."""
        given = ["-i", str(self.folder / "group.yml"), *words]
        given += ["-e", json.dumps({**self.variables, **more})]
        return play(self.head, MINI, "playbooks/kubernetes.yml", given)

    def read(self, path: str) -> str:
        """A file of the head."""
        return self.head.exec(["cat", path])


@pytest.fixture
def servers(configured_head: Head, tmp_path: Path) -> Iterator[Servers]:
    put = 'printf %s "$1" > "$0" && chmod 755 "$0"'
    configured_head.exec(["sh", "-c", put, SCRIPT, _STANDIN])
    try:
        yield Servers(configured_head, tmp_path)
    finally:
        configured_head.exec(["sh", "-c", _CLEAN])


def test_a_server_runs_as_it_is_configured(servers: Servers) -> None:
    assert servers.run("--check").status == 0
    assert servers.head.exec(["sh", "-c", "ls -d /etc/rancher 2>/dev/null || true"]) == ""
    outcome = servers.run("--diff")
    assert outcome.status == 0, outcome.explain()
    config = yaml.safe_load(servers.read("/etc/rancher/k3s/config.yaml"))
    assert "cluster-init" not in config
    assert "server" not in config
    assert config["node-name"] == "mini-head"
    assert config["advertise-address"] == "172.20.0.10"
    assert config["node-taint"] == ["node-role.kubernetes.io/control-plane=true:NoSchedule"]
    assert servers.read("/run/k3s-standin/arguments").split() == [
        "server", "--config", "/etc/rancher/k3s/config.yaml",
    ]  # fmt: skip
    assert servers.read("/run/k3s-standin/asked").split() == ["get", "--raw", "/readyz"]
    modes = "stat -c '%n %a %U' /etc/rancher/k3s/* /var/lib/rancher/k3s/agent/images/*"
    assert servers.head.exec(["sh", "-c", modes]).splitlines() == [
        "/etc/rancher/k3s/agent-token 600 root",
        "/etc/rancher/k3s/config.yaml 600 root",
        "/etc/rancher/k3s/token 600 root",
        "/var/lib/rancher/k3s/agent/images/images.tar 644 root",
    ]
    assert servers.read(config["token-file"]) == "unmistakable-server"
    assert servers.read(config["agent-token-file"]) == "unmistakable-agent"
    assert "unmistakable" not in outcome.explain()
    again = servers.run()
    assert (again.status, again.changed()) == (0, [])
    # another setting is loaded by a restart
    three = ["172.20.0.10", "172.20.0.11", "172.20.0.12"]
    assert servers.run(kubernetes_server_addresses=three).status == 0
    config = yaml.safe_load(servers.read("/etc/rancher/k3s/config.yaml"))
    assert (config["cluster-init"], config["tls-san"]) == (True, three)
    assert servers.read("/run/k3s-standin/arguments").count("server") == 2


def test_what_cannot_be_a_server_changes_nothing(servers: Servers) -> None:
    for more, why in (
        ({"kubernetes_server_k3s": ""}, "k3s for the servers (kubernetes_server_k3s) is not named"),
        ({"kubernetes_server_architecture": "arm64"}, "is built for amd64, not arm64"),
        ({"kubernetes_server_addresses": ["172.20.0.10", "172.20.0.11"]}, "has 2 hosts"),
    ):
        outcome = servers.run(**more)
        assert outcome.status != 0
        assert why in " ".join(outcome.explain().split())
    assert servers.head.exec(["sh", "-c", "ls -d /etc/rancher 2>/dev/null || true"]) == ""
