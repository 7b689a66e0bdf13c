"""How much versions of workloads take on a boot server, and their removal.

Run there as ``store.py`` is. A version that an assignment names, or that is the latest, wanted or
previous one, is not removed, whatever is asked: it is looked up under the lock of the assignments.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,47}", re.ASCII)
_GOING = ".removing-"


def main(text: str) -> dict[str, Any]:
    """Do what an order says; ``error`` of the answer says why it was not done."""
    order = json.loads(text)
    root = Path(order["root"])
    try:
        return sizes(root) if order["do"] == "sizes" else prune(root, order["versions"])
    except OSError as error:
        return {"error": f"{error.filename or root}: {error.strerror or error}"}


def sizes(root: Path) -> dict[str, Any]:
    """Bytes and time of delivery of every version, by workload and version."""
    found: dict[str, dict[str, list[float]]] = {}
    for sums in sorted(root.glob("artefacts/*/*/SHA256SUMS")):
        place = sums.parent
        if _NAME.fullmatch(place.parent.name) and _VERSION.fullmatch(place.name):
            used = sum(path.lstat().st_size for path in place.rglob("*") if not path.is_dir())
            found.setdefault(place.parent.name, {})[place.name] = [used, place.stat().st_mtime]
    return {"sizes": found}


def prune(root: Path, versions: list[list[str]]) -> dict[str, Any]:
    """Remove versions, pairs of workload and version; ``kept`` says which were not, and why."""
    removed, kept = [], []
    with (root / "assigned" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for workload, version in versions:
            place = root / "artefacts" / workload / version
            why = _use(root, workload, version)
            if why:
                kept.append([workload, version, why])
            elif place.is_dir():
                # Its name goes at once; what a kill leaves goes the next time.
                place.rename(place.with_name(_GOING + version))
                removed.append([workload, version])
    for left in root.glob(f"artefacts/*/{_GOING}*"):
        shutil.rmtree(left)
    return {"removed": removed, "kept": kept}


def _use(root: Path, workload: str, version: str) -> str:
    if not _NAME.fullmatch(workload) or not _VERSION.fullmatch(version):
        return "it is no version of a workload"
    for path in sorted(root.glob("assigned/bank_*")):
        for line in path.read_text("ascii", "replace").splitlines()[1:]:
            if line.split(" ")[1:3] == [workload, version]:
                return f"{line.split(' ')[0]} is assigned it"
    for name in ("latest", "wanted"):
        path = root / "artefacts" / workload / name
        if path.exists() and version in path.read_text("ascii", "replace").split():
            return f"{name} names it"
    return ""
