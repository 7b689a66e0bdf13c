"""``picluster mpi``: MPI jobs over the boards that are well with the workload ``mpi``.

mpirun starts OpenMPI's daemons by ssh, so it runs where the boards' network is: on the head, or on
a machine with an address there. Boards that are not ready, not well with the workload or do not
answer are left out, and named.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.cli.common import add_inventory, plan_of
from picluster.cli.nodes import add_limit, nodes_of
from picluster.cli.reach import add_reach, reach_of_options
from picluster.errors import refusal
from picluster.mpi.hosts import SLOTS, hostfile, hosts_of

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.mpi.boards import Found
    from picluster.plan.model import AddressPlan

_TOLD = 5


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "mpi", help="run MPI jobs over boards", description=__doc__, formatter_class=form
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    hosts = _action(actions, "hosts", "print OpenMPI's hostfile of the boards that take jobs")
    hosts.add_argument(
        "--all", action="store_true", help="every board of the plan; no boot server is asked"
    )
    hosts.set_defaults(run=_hosts)
    run = _action(
        actions, "run", "run a program on the boards, by mpirun; ends with mpirun's exit status"
    )
    run.add_argument("--user", default="", metavar="NAME", help="who runs mpirun, for root to say")
    run.add_argument(
        "--key", default="", metavar="FILE", help="private key for the boards; ssh's own choice"
    )
    run.add_argument(
        "--known-hosts", metavar="FILE", help="vouches for host keys; that beside the description"
    )
    run.add_argument(
        "words", nargs="+", metavar="WORD", help="after --: options of mpirun, program, arguments"
    )
    run.set_defaults(run=_run)


def _action(
    actions: _SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    add_inventory(parser, reads=True)
    add_limit(parser)
    parser.add_argument(
        "--slots",
        type=int,
        default=SLOTS,
        metavar="N",
        help="ranks that a board takes; %(default)s",
    )
    parser.add_argument(
        "--version", default="", help="of the workload; the one the boards are assigned otherwise"
    )
    add_reach(parser)
    return parser


def _hosts(options: argparse.Namespace) -> int:
    plan = plan_of(options)
    if options.all:
        names = nodes_of(plan, options.limit) or [node.name for node in plan.nodes]
        sys.stdout.write(hostfile(hosts_of(plan, names), options.slots))
        return 0
    found = _found(plan, options)
    sys.stdout.write(hostfile(found.hosts, options.slots))
    return 0


def _run(options: argparse.Namespace) -> int:
    from picluster.mpi.job import Login  # noqa: PLC0415 - later than --help
    from picluster.mpi.run import check_user, run_job  # noqa: PLC0415
    from picluster.plan.inventory import known_hosts_path  # noqa: PLC0415

    plan = plan_of(options)
    check_user(options.user)
    found = _found(plan, options)
    say = f"{len(found.hosts)} boards, {options.slots} ranks each, {shlex.join(options.words)}"
    print(f"picluster: mpi {found.version} on {say}", file=sys.stderr)
    known_hosts = options.known_hosts or str(known_hosts_path(plan.cluster))
    key = str(Path(options.key).expanduser().absolute()) if options.key else ""
    login = Login(plan.cluster.ssh_user, known_hosts, key)
    status = run_job(
        str(plan.cluster.network), found, login, options.words, slots=options.slots,
        user=options.user,
    )  # fmt: skip
    if status:
        print(
            f"picluster: mpirun ended with status {status}, and the job with it on every board; "
            "run it again: on the boards that answer then",
            file=sys.stderr,
        )
    return status


def _found(plan: AddressPlan, options: argparse.Namespace) -> Found:
    from picluster.mpi.boards import Asked, boards_for_job  # noqa: PLC0415

    asked = Asked(
        nodes=nodes_of(plan, options.limit),
        version=options.version,
        journal=options.journal,
        reach=reach_of_options(options, plan),
    )
    found = boards_for_job(plan, asked)
    if not found.hosts:
        name, why = next(iter(found.left_out.items()))
        raise refusal(f"no board takes a part: {name} {why}", "picluster deploy mpi")
    for name, why in list(found.left_out.items())[:_TOLD]:
        print(f"picluster: left out: {name} {why}", file=sys.stderr)
    if len(found.left_out) > _TOLD:
        print(f"picluster: and {len(found.left_out) - _TOLD} more", file=sys.stderr)
    return found
