"""``python -m twin.head``: a head in a container, from the command line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from picluster.errors import PiclusterError, refusal
from twin.head import Head
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
    rack = Rack(arguments.name, arguments.banks)
    head = Head(
        arguments.name,
        rack,
        inventory_host=arguments.host,
        variables=_variables(arguments.variables),
    )
    if arguments.replace:
        head.down()
        rack.down()
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


def _exec(arguments: argparse.Namespace) -> int:
    container = Head(arguments.name).places.container
    terminal = ["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    args = ["podman", "exec", "-i", *terminal, container, *(arguments.words or ["bash", "-l"])]
    return subprocess.run(args, check=False).returncode


def _variables(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise refusal(f"cannot read variables: {error}", file=path) from error
    if not isinstance(document, dict):
        raise refusal("not a mapping of variables", "write 'name: value' lines", file=path)
    return document


def _banks(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


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
    up.add_argument("--banks", type=_banks, default=[11, 12], help="bank numbers (11,12)")
    up.add_argument("--host", default="head", help="its name in the inventory (%(default)s)")
    up.add_argument("--variables", type=Path, help="YAML file of more host variables")
    up.add_argument("--replace", action="store_true", help="remove one of that name first")
    action("down", _down, "remove a head, its rack network and all that belongs to them")
    run = action("exec", _exec, "run a command in a head; a shell without one")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    return parser


if __name__ == "__main__":
    sys.exit(main())
