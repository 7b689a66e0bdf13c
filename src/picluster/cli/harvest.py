"""``picluster harvest``: from what was seen to the registry.

Reads every source, shows how the registry would change and what is disputed, and changes it with
--write. A SOURCE is a file (FILE; SWITCH=FILE for the table of a switch it does not name; - for
standard input), or live: ssh:SWITCH, snmp:SWITCH, unifi:CONTROLLER, journal:UNIT, beacons:SECONDS,
neigh:INTERFACE. Secrets come from the environment (PICLUSTER_SSH_PASSWORD and the like, or
PICLUSTER_SSH_PASSWORD_FILE), never from the command line.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from typing import TYPE_CHECKING

from picluster.cli.common import add_inventory, argument, console, registry_title
from picluster.cli.difference import print_difference
from picluster.cli.findings import print_findings, print_summary
from picluster.cli.progress import Progress
from picluster.cluster.load import find_description, load_cluster
from picluster.cluster.model import Cluster
from picluster.errors import refusal
from picluster.harvest.collect import (
    FileSource,
    LiveOptions,
    file_facts,
    live_facts,
    parse_seconds,
    parse_source,
)
from picluster.harvest.ledger import Ledger
from picluster.mac import parse_mac
from picluster.plan.build import build_plan
from picluster.reconcile.reconcile import reconcile
from picluster.registry.file import load_registry, locked, old_text, save_registry
from picluster.registry.model import Registry

if TYPE_CHECKING:
    from argparse import _SubParsersAction

#: Exit status: done, and disagreements remain.
DISPUTED = 3


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "harvest",
        help="find boards and pin them",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 done; 1 refused, nothing written; 3 disagreements remain",
    )
    add_inventory(parser)
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="file or live source")
    parser.add_argument("--write", action="store_true", help="change the registry")
    parser.add_argument(
        "--fresh", action="store_true", help="begin an empty registry, forgetting the present one"
    )
    parser.add_argument(
        "--move", type=argument(parse_mac), action="append", default=[], metavar="MAC",
        help="this pinned board may move to where it was seen",
    )  # fmt: skip
    parser.add_argument(
        "--assign", type=int, action="append", default=[], metavar="BANK",
        help="put boards without a place into this bank's free slots, in order of MAC address",
    )  # fmt: skip
    parser.add_argument("--format", metavar="NAME", help="format of all files named")
    parser.add_argument(
        "--list-formats", action=_ListFormats, nargs=0, help="list the formats and stop"
    )
    live = parser.add_argument_group("live sources")
    live.add_argument(
        "--since", default="-1d", help="how far back the journal is read (%(default)s)"
    )
    live.add_argument(
        "--follow",
        type=argument(parse_seconds),
        metavar="SECONDS",
        help="follow the journal for so long",
    )
    live.add_argument("--interface", help="interface the beacons come in on")
    live.add_argument(
        "--accept-new-host-keys", action="store_true", help="keep a switch's first host key"
    )
    live.add_argument(
        "--timeout", type=argument(parse_seconds), default=60.0, metavar="SECONDS",
        help="longest time one switch or controller may take (%(default)g)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Harvest."""
    if not options.sources:
        raise refusal("no source named", "name files or live sources; see picluster harvest -h")
    cluster = load_cluster(find_description(options.inventory))
    with locked(cluster.registry) if options.write else nullcontext():
        registry = _registry(cluster, options)
        ledger = _collect(cluster, options)
        outcome = reconcile(
            cluster,
            registry,
            ledger,
            moves=frozenset(options.move),
            assign=tuple(options.assign),
        )
        build_plan(cluster, Registry(cluster.registry, outcome.entries))
        out = console()
        form = {"fresh": options.fresh, "title": registry_title(cluster)}
        changed = print_difference(out, registry, outcome.entries, **form)
        print_findings(out, outcome.findings)
        if options.write and changed:
            save_registry(registry, outcome.entries, **form)
        print_summary(out, cluster, outcome, changed=changed, written=options.write)
    return DISPUTED if any(finding.disputed for finding in outcome.findings) else 0


def _registry(cluster: Cluster, options: argparse.Namespace) -> Registry:
    if options.fresh:
        return Registry(cluster.registry, text=old_text(cluster.registry))
    registry = load_registry(cluster.registry)
    if registry.sample and options.write:
        raise refusal(
            "this registry is a sample: its boards are invented and would stay pinned",
            "--fresh begins your own",
            file=registry.path,
        )
    build_plan(cluster, registry)
    return registry


def _collect(cluster: Cluster, options: argparse.Namespace) -> Ledger:
    ledger, progress = Ledger(), Progress()
    live = LiveOptions(
        options.follow,
        options.since,
        options.interface,
        options.accept_new_host_keys,
        options.timeout,
    )
    for text in options.sources:
        source = parse_source(text, cluster)
        progress.say(f"reading {text}")
        if isinstance(source, FileSource):
            facts = file_facts(source, options.format)
        else:
            facts = live_facts(source, cluster, live, progress.say)
        for fact in progress.count(facts, f"reading {text}"):
            ledger.add(fact)
    return ledger


class _ListFormats(argparse.Action):
    """Lists the formats and ends, whatever else is asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print them."""
        from picluster.harvest.formats import FORMATS  # noqa: PLC0415 - loads every format

        for form in sorted(FORMATS, key=lambda form: form.name):
            print(f"{form.name:24} {form.title}")
        parser.exit()
