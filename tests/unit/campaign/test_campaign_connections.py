"""The way to a boot server, from what Ansible would connect by."""

from __future__ import annotations

from typing import Any

import pytest

from picluster.campaign.live.connections import given, sudo, words_of
from picluster.campaign.live.reach import SSH, Reach
from picluster.cluster.model import Server
from picluster.errors import PiclusterError
from picluster.net import parse_address

SERVER = Server("head", parse_address("172.20.0.10"), "eth1")


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("local", {}, []),
        ("ansible.builtin.ssh", {}, [*SSH, "head"]),
        (
            "ssh",
            {
                "host": "10.0.0.5", "port": 2222, "remote_user": "me", "private_key_file": "/k",
                "ssh_common_args": "-o 'ProxyCommand=nc %h %p'", "ssh_args": "-C",
            },
            [*SSH, "-p", "2222", "-i", "/k", "-l", "me", "-o", "ProxyCommand=nc %h %p", "-C",
             "10.0.0.5"],
        ),
        ("ssh", {"host_key_checking": False}, [*SSH, "-oStrictHostKeyChecking=no", "head"]),
        ("ssh", {"ssh_executable": "/opt/ssh"}, ["/opt/ssh", *SSH[1:], "head"]),
        ("containers.podman.podman", {"remote_addr": "box"}, ["podman", "exec", "-i", "box"]),
        (
            "community.docker.docker",
            {"remote_user": "root"},
            ["docker", "exec", "-i", "-u", "root", "head"],
        ),
    ],
)  # fmt: skip
def test_words(kind: str, options: dict[str, Any], words: list[str]) -> None:
    assert words_of("head", kind, options) == words
    assert words_of("head", kind, options, ["sudo", "-n"]) == [*words, "sudo", "-n"]


def test_words_after_ssh_are_quoted_for_its_shell() -> None:
    reach = Reach(SERVER, tuple(words_of("head", "ssh", {}, sudo("head", "sudo", "root"))))
    assert reach.command(["echo", "a b"])[-4:] == ["sudo", "-n", "echo", "'a b'"]
    local = Reach(SERVER, tuple(words_of("head", "local", {}, sudo("head", "sudo", "log"))))
    assert local.command(["echo", "a b"]) == ["sudo", "-n", "-u", "log", "echo", "a b"]


def test_ways_of_a_user() -> None:
    assert given({"head": "ssh -p 22 'a b'", "two": ["x", 1]}) == {
        "head": ["ssh", "-p", "22", "a b"],
        "two": ["x", "1"],
    }


@pytest.mark.parametrize("words", [7, None, "open 'quote"])
def test_ways_that_are_none(words: object) -> None:
    with pytest.raises(PiclusterError, match="the way to head is no command"):
        given({"head": words})


def test_what_no_words_lead_to() -> None:
    with pytest.raises(PiclusterError, match=r"head is reached by connection 'winrm'.*reach"):
        words_of("head", "winrm", {})
    with pytest.raises(PiclusterError, match="head wants become method 'su'"):
        sudo("head", "su", "root")
