"""Which image boards boot next, and which they run, on their boot server.

This file is run there by ``python3 -I -``; it uses the standard library only and knows nothing of
picluster. It reads one JSON object from its last argument and writes one to standard output: for
each address the version its link in the TFTP server's jail leads to, and the last message of the
board: event, image, boot id.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_SAID = ("event", "image", "boot", "name")


def main(text: str) -> dict[str, Any]:
    """Look at every address that is named, or at all that are there."""
    order = json.loads(text)
    root, states = Path(order["root"]), Path(order["states"])
    addresses = order["addresses"] or sorted(path.name for path in root.glob("nodes/*"))
    return {
        address: {"next": _version(root, address), **_said(states / f"{address}.json")}
        for address in addresses
    }


def _version(root: Path, address: str) -> str:
    """The version a board at an address boots; empty where there is none."""
    try:
        place = (root / "nodes" / address).resolve(strict=True)
    except (OSError, RuntimeError):
        return ""
    return place.name if place.parent == (root / "images").resolve() else ""


def _said(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("ascii"))
    except (OSError, ValueError):
        found = None
    known = found if isinstance(found, dict) else {}
    return {key: str(known.get(key) or "") for key in _SAID}


if __name__ == "__main__":
    json.dump(main(sys.argv[-1]), sys.stdout)
