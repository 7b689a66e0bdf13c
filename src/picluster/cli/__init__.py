"""The ``picluster`` command."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from picluster import __version__
from picluster.cli import (
    boot,
    deploy,
    harvest,
    image,
    logs,
    mpi,
    observe,
    plan,
    power,
    reboot,
    render,
    replace,
    run,
    shutdown,
    status,
    workload,
)
from picluster.errors import PiclusterError

#: Exit status: refused, nothing was written.
REFUSED = 1

_COMMANDS = (
    boot, deploy, harvest, image, logs, mpi, observe, plan, power, reboot, render, replace, run,
    shutdown, status, workload,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line of ``picluster``."""
    top = argparse.ArgumentParser(
        prog="picluster",
        description="One head node and a thousand network-booted Raspberry Pis.",
    )
    top.add_argument("--version", action="version", version=f"picluster {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        module.add_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done; 1 refused and nothing written; 2 wrong usage; 3 done, and something remains.
    """
    options = parser().parse_args(argv)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except PiclusterError as error:
        for problem in error.problems:
            print(f"picluster: {problem}", file=sys.stderr)
        return REFUSED
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print("picluster: interrupted, nothing was written", file=sys.stderr)
        return 128 + signal.SIGINT
    return status
