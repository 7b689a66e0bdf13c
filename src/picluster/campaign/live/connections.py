"""The way to a boot server as Ansible goes it: from a connection's options to words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from picluster.campaign.live.reach import SSH
from picluster.errors import PiclusterError, refusal, shown

#: Options of the connections, by their names in Ansible.
Options = Mapping[str, object]


def words_of(server: str, kind: str, options: Options, become: Sequence[str] = ()) -> list[str]:
    """Words before a command on a server; none where it runs here.

    Args:
        server: the server's name.
        kind: name of Ansible's connection plugin, with or without its collection.
        options: the connection's options, such as ``host``, ``port``, ``remote_user``.
        become: words that make another user of who logs in, such as ``sudo -n``.

    Raises:
        PiclusterError: there are no such words for this kind of connection.
    """
    name = kind.rpartition(".")[2]
    if name == "local":
        return list(become)
    if name in ("ssh", "smart", "paramiko", "paramiko_ssh"):
        return [*_ssh(server, options), *become]
    if name in ("podman", "docker"):
        return [*_container(name, server, options), *become]
    raise refusal(
        f"{server} is reached by connection {shown(kind)}, of which a campaign knows no command",
        "say how a command runs there: campaign_reach",
    )


def sudo(server: str, method: str, user: str) -> list[str]:
    """Words that make another user of who logs in.

    Args:
        server: the server's name.
        method: Ansible's become method.
        user: who shall run the commands.

    Raises:
        PiclusterError: it is another method than ``sudo``.
    """
    if method.rpartition(".")[2] != "sudo":
        raise refusal(
            f"{server} wants become method {shown(method)}, of which a campaign knows no command",
            "use sudo without a password, or campaign_reach",
        )
    return ["sudo", "-n", *(["-u", user] if user not in ("", "root") else [])]


def given(reach: Mapping[str, object]) -> dict[str, list[str]]:
    """Ways a user gave: a server's name and the words, or one text that a shell would split.

    Raises:
        PiclusterError: a way is neither.
    """
    ways = {}
    for server, words in reach.items():
        if not isinstance(words, (str, list, tuple)):
            raise _no_words(server, words)
        try:
            ways[str(server)] = _words(words)
        except ValueError:
            raise _no_words(server, words) from None
    return ways


def _no_words(server: str, words: object) -> PiclusterError:
    return refusal(
        f"the way to {shown(server)[1:-1]} is no command: {shown(words)}",
        "give its words, such as 'ssh root@10.0.0.5'",
    )


def _ssh(server: str, options: Options) -> list[str]:
    # ssh takes the first value it finds for an option
    words = [_text(options.get("ssh_executable")) or SSH[0], *SSH[1:]]
    if options.get("host_key_checking") is False:
        words.append("-oStrictHostKeyChecking=no")
    for flag, name in (("-p", "port"), ("-i", "private_key_file"), ("-l", "remote_user")):
        value = _text(options.get(name))
        if value:
            words += [flag, value]
    for name in ("ssh_common_args", "ssh_extra_args", "ssh_args"):
        words += _words(options.get(name))
    return [*words, _text(options.get("host")) or server]


def _container(name: str, server: str, options: Options) -> list[str]:
    words = [_text(options.get(f"{name}_executable")) or name, "exec", "-i"]
    user = _text(options.get("remote_user"))
    if user:
        words += ["-u", user]
    return [*words, _text(options.get("remote_addr")) or server]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _words(value: object) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [str(word) for word in value]
    return shlex.split(_text(value))
