"""How ``picluster image`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from picluster.errors import printable
from picluster.image.difference import Change
from picluster.image.model import Store, Version


def print_stores(out: Console, stores: Sequence[Store]) -> None:
    """One row for each version of each boot server."""
    table = Table(box=None, pad_edge=False)
    for column in ("server", "version", "built", "kernel", "root", "boots", "planned", "live"):
        table.add_column(column, no_wrap=True)
    table.add_column("MB", justify="right")
    table.add_column("state", no_wrap=True)
    for store in stores:
        for version in store.versions:
            table.add_row(*map(printable, _row(store, version)))
    out.print(table)
    for store in stores:
        for line in _remarks(store):
            out.print(printable(line))


def _row(store: Store, version: Version) -> tuple[str, ...]:
    manifest = version.manifest
    size = manifest.get("sizes", {}).get("root_bytes", 0) / 1e6
    state = version.damage or ("published" if version.published else "not published")
    return (
        store.server,
        version.name,
        str(manifest.get("built", ""))[:16],
        str(manifest.get("kernel", "")),
        str(manifest.get("root", "")),
        " ".join(version.pointers),
        str(len(version.planned)),
        str(len(version.live)),
        f"{size:.0f}",
        state,
    )


def _remarks(store: Store) -> list[str]:
    lines = []
    if not store.versions:
        lines.append(f"{store.server} has no image; playbooks/image.yml builds one")
    elif not store.pointers["current"]:
        lines.append(f"{store.server}: nothing is promoted; boards get bare boot files")
    if store.switching:
        wanted = ", ".join(f"{name} to {to or 'bare boot files'}" for name, to in store.switching)
        lines.append(f"{store.server}: a switch was killed and is ended by the next: {wanted}")
    if store.unknown:
        listed = ", ".join(store.unknown[:5])
        lines.append(f"{store.server}: {len(store.unknown)} clients of unknown version: {listed}")
    if store.trouble:
        lines.append(f"{store.server}: {store.trouble}")
    return lines


def print_version(out: Console, store: Store, version: Version) -> None:
    """Everything about one version."""
    manifest = version.manifest
    out.print(f"{version.name} on {store.server}")
    rows: list[tuple[str, str]] = [
        (key, str(manifest[key]))
        for key in ("provider", "release", "architecture", "built", "kernel", "root")
        if key in manifest
    ]
    rows += [(name.replace("_", " "), str(size)) for name, size in _sizes(manifest)]
    rows.append(("boots", " ".join(version.pointers) or "nobody by a pointer"))
    rows.append(("planned", _counted(version.planned)))
    rows.append(("live", _counted(version.live)))
    rows.append(
        ("state", version.damage or ("published" if version.published else "not published"))
    )
    for name, file in sorted(manifest.get("boot", {}).items()):
        rows.append((f"boot/{name}", f"{file['size']} bytes  {file['sha256'][:16]}"))
    rows.append(("packages", str(len(manifest.get("packages", {})))))
    width = max(len(key) for key, _ in rows) + 2
    for key, text in rows:
        out.print(f"  {key:<{width}}{printable(text)}")


def _sizes(manifest: Mapping[str, Any]) -> list[tuple[str, int]]:
    return sorted(manifest.get("sizes", {}).items())


def _counted(nodes: Sequence[str]) -> str:
    listed = ", ".join(nodes[:6]) + (", …" if len(nodes) > 6 else "")
    return f"{len(nodes)} nodes: {listed}" if nodes else "no node"


def print_changes(out: Console, old: str, new: str, changes: Sequence[Change]) -> None:
    """One line for each change, and their number by kind."""
    for change in changes:
        before, after = change.old or "-", change.new or "-"
        out.print(printable(f"{change.kind:<10} {change.name}  {before} -> {after}"))
    counts = Counter(change.kind for change in changes)
    listed = ", ".join(f"{number} of kind {kind}" for kind, number in counts.items())
    out.print(f"{old} and {new} differ: {listed}" if changes else f"{old} and {new} are alike")


def print_pruned(out: Console, pruned: Mapping[str, Any], *, dry_run: bool) -> None:
    """What went, and why the others stay."""
    verb = "would go" if dry_run else "removed"
    for server, what in pruned.items():
        for name in what["removed"]:
            out.print(f"{server}  {name}  {verb}")
        for name, why in what["kept"].items():
            out.print(printable(f"{server}  {name}  stays: {', '.join(why)}"))
        if not what["removed"]:
            out.print(f"{server}: nothing to remove")
