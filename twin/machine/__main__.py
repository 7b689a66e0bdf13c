"""Boot a board of the twin for real and show its console: ``python -m twin.machine``."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.cluster.load import find_description
from picluster.errors import PiclusterError, refusal
from picluster.plan.read import read_plan
from twin.head.places import TREE
from twin.machine import Kind, Machine, fetch
from twin.machine.machine import BOARD_MIB, LIFE_S
from twin.rack import Rack

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 when the time was over or Ctrl-C ended it; 1 for a refusal.
    """
    options = _parser().parse_args(words)
    try:
        _boot(options)
    except PiclusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _boot(options: argparse.Namespace) -> None:
    plan = read_plan(find_description(options.cluster))
    node = next((node for node in plan.nodes if node.name == options.node), None)
    if node is None:
        raise refusal(f"no node {options.node!a} in {plan.cluster.name}", "see picluster plan")
    rack = Rack(options.name, [bank.number for bank in plan.cluster.banks])
    if not rack.namespace.path.exists():
        raise refusal(f"no head {options.name!a} runs", "python -m twin.head up, then site.yml")
    with tempfile.TemporaryDirectory(prefix="picluster-machine-") as name:
        print(f"{node.name}: its boot ROM asks the head", file=sys.stderr)
        files = fetch(rack, node, Path(name, "tftp"))
        size = files.tftp_bytes / 1e6
        print(f"{node.name}: {size:.1f} MB by TFTP; Ctrl-C cuts its power", file=sys.stderr)
        machine = Machine(
            rack, node, files, Kind(options.kind), memory_mib=options.memory, echo=_echo
        )
        end = time.monotonic() + options.seconds
        with machine, contextlib.suppress(KeyboardInterrupt):
            while machine.running and time.monotonic() < end:
                time.sleep(0.2)


def _echo(text: str) -> None:
    print(text, end="", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twin.machine", description=__doc__)
    parser.add_argument("node", help="the board, such as pi-1-1")
    parser.add_argument("--name", default="demo", help="name of the head (default: %(default)s)")
    default = TREE / "inventory" / "mini"
    parser.add_argument("--cluster", type=Path, default=default, help="inventory (%(default)s)")
    parser.add_argument("--kind", choices=list(Kind), default=Kind.VIRT, help="what QEMU plays")
    parser.add_argument("--memory", type=int, default=BOARD_MIB, metavar="MIB", help="of virt")
    parser.add_argument("--seconds", type=float, default=LIFE_S, help="how long it keeps power")
    return parser


if __name__ == "__main__":
    sys.exit(main())
