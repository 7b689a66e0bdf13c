"""What a boot server holds for workloads: read it, verify it, assign, and ask nodes to look.

This file is run there by ``python3 -I -``; it uses the standard library only and knows nothing of
picluster. Whoever sends it appends a line that hands a JSON object to :func:`main` and prints what
that gives as one.

``<root>/artefacts/<workload>/<version>/`` holds the files of a version and ``SHA256SUMS``,
its folder ``secret``, if any, is root's alone and has a ``SHA256SUMS`` of its own,
``<root>/artefacts/<workload>/latest`` the version that was delivered last,
``<root>/artefacts/<workload>/wanted`` the version that was assigned last and the one before, and
``<root>/assigned/bank_<N>`` what the nodes of a bank are to run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,47}", re.ASCII)
_SUM = re.compile(r"([0-9a-f]{64})  ([^\0]+)")
_SECRETS = "secret/SHA256SUMS"
_NUMBERS = ("memory_mib", "start_s", "drain_s")
_POKE = b"picluster/1 look\n"
#: Pause between two datagrams, seconds.
_PACE_S = 0.0005
_TOLD = 5


def main(text: str) -> dict[str, Any]:
    """Do what an order says; ``error`` of the answer says why it was not done."""
    order = json.loads(text)
    root = Path(order["root"])
    try:
        found: dict[str, Any] = _DO[order["do"]](root, order)
    except OSError as error:
        return {"error": f"{error.filename or root}: {error.strerror or error}"}
    return found


def look(root: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Everything there is; what has no name of a workload or version is passed over."""
    artefacts = {}
    for path in sorted(root.glob("artefacts/*")):
        if _NAME.fullmatch(path.name) and path.is_dir():
            artefacts[path.name] = _workload(path)
    banks = sorted(root.glob("assigned/bank_*"))
    assigned = {path.name: path.read_text("ascii", "replace") for path in banks}
    works = {}
    for path in Path(order["run"]).glob("works/*.json"):
        boot = _json(path.parents[1] / "nodes" / path.name).get("boot")
        found = _json(path)
        if boot and found.get("boot") == boot:  # of an earlier boot, it is gone
            works[path.stem] = found.get("works", {})
    return {"artefacts": artefacts, "assigned": assigned, "works": works}


def _workload(path: Path) -> dict[str, Any]:
    versions = {}
    for place in sorted(path.iterdir()):
        sums = place / "SHA256SUMS"
        if _VERSION.fullmatch(place.name) and sums.is_file():
            versions[place.name] = {
                "digest": hashlib.sha256(sums.read_bytes()).hexdigest(), **_numbers(place)
            }  # fmt: skip
    return {
        "versions": versions,
        "latest": _line(path / "latest"),
        "wanted": _line(path / "wanted").split(" "),
    }


def _numbers(place: Path) -> dict[str, int]:
    found = {}
    try:
        lines = (place / "workload.conf").read_text("ascii", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition("=")
        if name in _NUMBERS and value.isdecimal():
            found[name] = int(value)
    return found


def _line(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("ascii"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def verify(root: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Hold a version against its checksums; ``wrong`` says what differs, a few at most."""
    place = root / "artefacts" / order["workload"] / order["version"]
    known = _sums(place / "SHA256SUMS")
    if _SECRETS in known:
        known |= {f"secret/{name}": sum_ for name, sum_ in _sums(place / _SECRETS).items()}
    if "" in known or "secret/" in known:
        return {"wrong": ["SHA256SUMS has a line that is none"]}
    there = {
        str(path.relative_to(place)): path
        for path in place.rglob("*")
        if not path.is_dir() and path != place / "SHA256SUMS"
    }
    wrong = [f"{name} is missing" for name in known if name not in there]
    wrong += [f"{name} does not belong to it" for name in there if name not in known]
    for name in known.keys() & there.keys():
        if _digest(there[name]) != known[name]:
            wrong.append(f"{name} has another checksum")
    hidden = [path for path in (place / "secret", *place.glob("secret/*")) if path.exists()]
    wrong += [
        f"{path.relative_to(place)} may be read by others than root"
        for path in hidden
        if path.stat().st_mode & 0o077
    ]
    return {"wrong": sorted(wrong)[:_TOLD]}


def _sums(path: Path) -> dict[str, str]:
    """Sums by name; one of no name for a line that is none."""
    found = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}  # it is missed by its name
    for line in lines:
        match = _SUM.fullmatch(line)
        found[match[2] if match else ""] = match[1] if match else ""
    return found


def _digest(path: Path) -> str:
    if path.is_symlink():
        return hashlib.sha256(str(path.readlink()).encode()).hexdigest()
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def assign(root: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Replace the file of a bank, unless it is another than was read; then ask nodes to look."""
    folder = root / "assigned"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / order["file"]
        present = path.read_text("ascii", "replace") if path.exists() else ""
        if present != order["before"]:
            return {"error": f"{path} was changed by somebody else meanwhile"}
        if order["text"] != present:
            _replace(path, order["text"])
    return poke(root, order)


def want(root: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Remember which version is assigned, and which was before."""
    _replace(root / "artefacts" / order["workload"] / "wanted", f"{' '.join(order['wanted'])}\n")
    return {}


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(0o644)
    fresh.replace(path)


def poke(_: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Ask nodes to look: a datagram each, which nobody answers here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for address in order["poke"]:
            try:
                sock.sendto(_POKE, (address, order["port"]))
            except OSError:
                continue  # who does not answer is told so
            time.sleep(_PACE_S)
    return {}


_DO = {"look": look, "verify": verify, "assign": assign, "want": want, "poke": poke}
