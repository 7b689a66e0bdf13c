"""How Ansible reaches a head: ssh with the head's own sshd, through ``podman exec``.

No network is needed for it, so neither the head's firewall nor its addresses can break it, and
pipelining and a persistent connection work, which they do not with the podman connection plugin.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import yaml

from picluster.errors import os_errors
from picluster.plan.inventory import ssh_arguments
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.head.places import Places


def keys(places: Places) -> dict[str, tuple[bytes, int]]:
    """Make a host key and a key for root, and note the former in ``known_hosts``.

    Returns:
        The head's files: content and mode by path.
    """
    host_key = places.directory / "ssh_host_ed25519_key"
    for path in (places.key, host_key):
        command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)])
    public = host_key.with_suffix(".pub").read_bytes()
    with os_errors("write the head's host key", places.known_hosts):
        places.known_hosts.write_bytes(places.container.encode() + b" " + public)
    return {
        "/etc/ssh/ssh_host_ed25519_key": (host_key.read_bytes(), 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": (public, 0o644),
        "/root/.ssh/authorized_keys": (places.key.with_suffix(".pub").read_bytes(), 0o600),
    }


def ssh_options(places: Places) -> list[str]:
    """Words that lead ``ssh`` to the head, and to no other."""
    settings = {
        "ProxyCommand": f"podman exec -i {places.container} /usr/sbin/sshd -i",
        "HostKeyAlias": places.container,
        "UserKnownHostsFile": f'"{places.known_hosts}"',
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
    }
    words = ["-F", "none"]
    for key, value in settings.items():
        words += ["-o", f"{key}={value}"]
    return words


def variables(places: Places) -> dict[str, Any]:
    """Connection variables for the head's host in an inventory."""
    return {
        "ansible_connection": "ansible.builtin.ssh",
        "ansible_host": places.container,
        "ansible_user": "root",
        "ansible_become": False,
        "ansible_ssh_private_key_file": str(places.key),
        "ansible_ssh_common_args": shlex.join(ssh_options(places)),
        "ansible_ssh_pipelining": True,
        "ansible_python_interpreter": "/usr/bin/python3",
    }


def write_inventory(places: Places, host: str, extra: Mapping[str, Any]) -> None:
    """Write the inventory source: one host, its connection and what a container cannot do.

    The authority of this head's nodes is kept beside it: heads come and go, and each has its own.
    """
    known_hosts = places.nodes_known_hosts
    document = {
        "all": {
            "hosts": {host: {**variables(places), **extra}},
            "vars": {"picluster_known_hosts": str(known_hosts)},
            "children": {
                "pi": {"vars": {"ansible_ssh_common_args": ssh_arguments(known_hosts)}},
            },
        }
    }
    text = "---\n" + yaml.safe_dump(document, sort_keys=True)
    with os_errors("write the head's inventory", places.inventory):
        places.inventory.write_text(text, encoding="utf-8")


def check(places: Places) -> None:
    """Log in and out once.

    Raises:
        PiclusterError: ``ssh`` does not get in; the message holds its reason.
    """
    target = ["-i", str(places.key), f"root@{places.container}", "true"]
    command(["ssh", *ssh_options(places), *target])
