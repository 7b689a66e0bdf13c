"""A registry's change as a unified diff."""

from __future__ import annotations

import difflib

from rich.console import Console
from rich.text import Text

from picluster.registry.file import new_text
from picluster.registry.model import Entry, Registry

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def print_difference(
    out: Console,
    registry: Registry,
    entries: tuple[Entry, ...],
    *,
    fresh: bool = False,
    title: str = "",
) -> bool:
    """Print how the file would change (see :func:`picluster.registry.text.save_registry`).

    Returns:
        Whether it would.
    """
    before = registry.text or ""
    after = new_text(registry, entries, fresh=fresh, title=title)
    name = str(registry.path)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, f"{name} (new)", lineterm="", n=1
    )
    changed = False
    for line in lines:
        changed = True
        out.print(Text(line, style=_STYLES.get(line[:1], "")), soft_wrap=True)
    return changed
