"""What commands share that run a playbook of the project."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.cli.progress import Progress
from picluster.cluster.load import find_description
from picluster.errors import refusal

if TYPE_CHECKING:
    from picluster.runner import Run


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add ``-i``, which may be given again for more inventory sources."""
    parser.add_argument(
        "-i",
        "--inventory",
        type=Path,
        action="append",
        required=True,
        metavar="PATH",
        help="the cluster; further inventory sources after it",
    )


def play(
    sources: list[Path],
    playbook: str,
    variables: Mapping[str, Any],
    *,
    limit: str | None = None,
    check: bool = False,
) -> Run:
    """Run a playbook and show its tasks as they begin.

    Args:
        sources: inventory sources, the cluster's first.
        playbook: path below the project's folder.
        variables: extra variables.
        limit: hosts, as Ansible takes them.
        check: change nothing.

    Raises:
        PiclusterError: a source is not there, there is no project around the cluster, or it was
            interrupted.
    """
    from picluster.runner import find_project, run_playbook  # noqa: PLC0415 - Ansible, only here

    find_description(sources[0])
    for source in sources:
        if not source.exists():
            raise refusal("no such inventory source", "correct the path", file=source)
    with interruptible(playbook):
        return run_playbook(
            find_project(sources[0]),
            playbook,
            sources,
            variables=variables,
            limit=limit,
            check=check,
            watch=Progress().say,
        )


@contextmanager
def interruptible(playbook: str) -> Iterator[None]:
    """SIGINT and SIGTERM end the playbook in order, and say that it did not come to its end."""
    old = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise refusal(f"{playbook} was interrupted", "run it again") from None
    finally:
        signal.signal(signal.SIGTERM, old)
