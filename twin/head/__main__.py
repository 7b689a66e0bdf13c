"""``python -m twin.head``: a head in a container, from the command line."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.cluster.load import find_description, load_cluster
from picluster.errors import PiclusterError, refusal
from twin.head import Head, container, image
from twin.head.places import TREE, build_dir
from twin.rack import Rack

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Do what the arguments say.

    Returns:
        Exit status: 0, 1 for a refusal, or that of the command run by ``exec``.
    """
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.do(arguments))
    except PiclusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _up(arguments: argparse.Namespace) -> int:
    cluster = load_cluster(find_description(arguments.cluster))
    rack = Rack(arguments.name, [bank.number for bank in cluster.banks])
    head = Head.of(cluster, arguments.name, rack)
    if arguments.replace:
        head.down()
        rack.down()
    head.check_free()
    rack.up()
    try:
        head.up()
    except BaseException:
        rack.down()
        raise
    print(head.inventory)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    Head(arguments.name).down()
    Rack(arguments.name, []).down()
    return 0


def _clean(_: argparse.Namespace) -> int:
    left = build_dir() / "twin"
    names = {path.name for path in left.iterdir()} if left.is_dir() else set()
    if shutil.which("podman") is not None:
        names |= set(container.names())
    for name in sorted(names):
        Head(name).down()
        Rack(name, []).down()
    image.remove()
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    container = Head(arguments.name).places.container
    terminal = ["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    args = ["podman", "exec", "-i", *terminal, container, *(_words(arguments) or ["bash", "-l"])]
    return subprocess.run(args, check=False).returncode


def _client(arguments: argparse.Namespace) -> int:
    words = _words(arguments)
    if not words:
        raise refusal("no command to run as a client", "put it at the end, after --")
    rack = Rack(arguments.name, [] if arguments.bank is None else [arguments.bank])
    with rack.client(arguments.address, arguments.bank) as client:
        return subprocess.run(client.inside(words), check=False).returncode


def _words(arguments: argparse.Namespace) -> list[str]:
    words: list[str] = arguments.words
    return words[1:] if words[:1] == ["--"] else words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twin.head", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, do: object, text: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text)
        default = os.environ.get("PICLUSTER_HEAD", "demo")
        sub.add_argument("--name", default=default, help="name of the head (default: %(default)s)")
        sub.set_defaults(do=do)
        return sub

    up = action("up", _up, "start a head and its rack network; prints its inventory source")
    default = TREE / "inventory" / "mini"
    up.add_argument("--cluster", type=Path, default=default, help="inventory (%(default)s)")
    up.add_argument("--replace", action="store_true", help="remove one of that name first")
    action("down", _down, "remove a head, its rack network and all that belongs to them")
    client = action("client", _client, "run a command on a machine of its own on the rack network")
    client.add_argument("--address", help="its address, such as 172.20.1.42/16; none otherwise")
    client.add_argument("--bank", type=int, help="the bank whose switch it is on; else the core")
    client.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    action("clean", _clean, "remove every head of this source tree, and their image")
    run = action("exec", _exec, "run a command in a head; a shell without one")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    return parser


if __name__ == "__main__":
    sys.exit(main())
