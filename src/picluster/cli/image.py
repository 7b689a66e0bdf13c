"""``picluster image``: versions of images on the boot servers.

The boot servers are asked by Ansible, so it works on the head itself and from elsewhere. More
inventory sources (``-i``) may say how to reach them.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from picluster.cli.common import console
from picluster.cli.image_show import print_changes, print_pruned, print_stores, print_version
from picluster.cli.playbook import add_sources, play
from picluster.errors import PiclusterError, Problem, refusal
from picluster.image.difference import difference
from picluster.image.model import Store, Version, store_of

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.runner import Run

#: Exit status: a version is damaged.
DAMAGED = 3


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "image", help="versions of images", description=__doc__, formatter_class=form
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "list the versions, the newest first", _list)
    show = _action(actions, "show", "show one version", _show)
    show.add_argument("version", metavar="VERSION", help="its name, current, canary or previous")
    for sub in (listing, show):
        sub.add_argument(
            "--verify", action="store_true", help="read every file again and compare checksums"
        )
    differ = _action(actions, "diff", "what differs between two versions", _diff)
    differ.add_argument("old", metavar="OLD", help="a version, or a pointer")
    differ.add_argument("new", metavar="NEW", help="a version, or a pointer")
    prune = _action(actions, "prune", "remove versions that nothing uses", _prune)
    prune.add_argument("--keep", type=int, default=3, metavar="N", help="newest that stay (3)")
    prune.add_argument("--dry-run", action="store_true", help="say what would go")
    prune.add_argument(
        "--force", action="store_true", help="though connected clients' versions are not known"
    )


def _action(
    actions: _SubParsersAction[argparse.ArgumentParser], name: str, text: str, run: object
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    add_sources(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)
    return parser


def _list(options: argparse.Namespace) -> int:
    stores = _stores(options, verify=options.verify)
    if options.json:
        _print_json([store.as_dict() for store in stores])
    else:
        print_stores(console(), stores)
    damaged = any(version.damage for store in stores for version in store.versions)
    return DAMAGED if damaged else 0


def _show(options: argparse.Namespace) -> int:
    stores = _stores(options, verify=options.verify)
    found = [(store, _find(store, options.version)) for store in stores]
    if options.json:
        _print_json([{"server": store.server, **version.as_dict()} for store, version in found])
    else:
        for store, version in found:
            print_version(console(), store, version)
    return DAMAGED if any(version.damage for _, version in found) else 0


def _diff(options: argparse.Namespace) -> int:
    stores = _stores(options, verify=False)
    old, new = (_find_anywhere(stores, name) for name in (options.old, options.new))
    changes = difference(old.manifest, new.manifest)
    if options.json:
        _print_json([change.as_dict() for change in changes])
    else:
        print_changes(console(), old.name, new.name, changes)
    return 0


def _prune(options: argparse.Namespace) -> int:
    if options.keep < 1:
        raise refusal(f"--keep is {options.keep}", "keep at least one version")
    variables = {"image_versions_keep": options.keep, "image_versions_force": options.force}
    run = _run(options, "playbooks/prune.yml", variables, check=options.dry_run)
    pruned = {
        result.host: {"removed": result.data["removed"], "kept": result.data["kept"]}
        for result in run.of("Remove versions that nothing uses")
    }
    if options.json:
        _print_json(pruned)
    else:
        print_pruned(console(), pruned, dry_run=options.dry_run)
    return 0


def _stores(options: argparse.Namespace, *, verify: bool) -> list[Store]:
    run = _run(options, "playbooks/images.yml", {"image_versions_verify": verify})
    stores = [store_of(result.host, result.data) for result in run.of("Look at the versions")]
    if not stores:
        raise refusal("no boot server answered", "see the inventory", file=options.inventory[0])
    return stores


def _run(
    options: argparse.Namespace,
    playbook: str,
    variables: dict[str, Any],
    *,
    check: bool = False,
) -> Run:
    run = play(options.inventory, playbook, variables, check=check)
    run.check(playbook)
    return run


def _find(store: Store, name: str) -> Version:
    version = store.find(name)
    if version is None:
        known = ", ".join(version.name for version in store.versions) or "none"
        raise PiclusterError(Problem(f"{store.server} has no version {name!a}", f"it has: {known}"))
    return version


def _find_anywhere(stores: list[Store], name: str) -> Version:
    """A version of the first boot server that has it: it is the same on all of them."""
    found = (store.find(name) for store in stores)
    return next((version for version in found if version is not None), None) or _find(
        stores[0], name
    )


def _print_json(data: object) -> None:
    json.dump(data, sys.stdout, indent=1)
    print()
