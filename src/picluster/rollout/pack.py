"""Pack a workload's folder into the one file that travels to each boot server."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from picluster.errors import os_errors, refusal, shown
from picluster.rollout.assigned import check_version, check_workload

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_CONF = re.compile(
    r"(?:memory_mib|start_s|drain_s)=[1-9][0-9]{0,5}|user=[a-z_][a-z0-9_-]{0,31}|#[ -~]*|", re.ASCII
)
_SETTING = re.compile(r"[A-Z][A-Z0-9_]{0,31}", re.ASCII)
_PROGRAMS = ("run", "check", "drain")
_SHARE = "share"


@dataclass(frozen=True, slots=True)
class Packed:
    """A version, packed.

    Attributes:
        workload: its name.
        version: its version.
        digest: SHA-256 of its ``SHA256SUMS``: the same for the same content.
        archive: the tar file.
    """

    workload: str
    version: str
    digest: str
    archive: Path


def pack(
    workload: str,
    version: str,
    folder: Path,
    archive: Path,
    *,
    settings: Mapping[str, object] | None = None,
    share: Mapping[str, Path] | None = None,
) -> Packed:
    """Check a workload's folder and pack it; the same content gives the same bytes.

    Args:
        workload: its name.
        version: its version.
        folder: holds ``run`` and ``workload.conf``, other files of its own, and perhaps ``share``.
        archive: the file to write.
        settings: what its programs find in their environment, by name.
        share: more of ``share``: files and folders by the name they get there.

    Raises:
        PiclusterError: a name, file or setting cannot be one of a workload.
    """
    check_workload(workload)
    check_version(version)
    with os_errors("read the workload", folder):
        entries = dict(_entries(folder, share or {}))
        if settings:
            entries["settings"] = _settings(settings, folder)
        contents = {name: _content(entry) for name, entry in sorted(entries.items())}
    _check(contents, folder)
    sums = "".join(f"{_digest(content)}  {name}\n" for name, (content, _) in contents.items())
    with os_errors("write the archive", archive), tarfile.open(archive, "w") as tar:
        for name, (content, mode) in contents.items():
            _add(tar, name, content, mode)
        _add(tar, "SHA256SUMS", sums.encode(), 0o644)
    return Packed(workload, version, hashlib.sha256(sums.encode()).hexdigest(), archive)


def _entries(folder: Path, share: Mapping[str, Path]) -> Iterator[tuple[str, Path | bytes]]:
    for path in sorted(folder.iterdir()):
        if path.name == _SHARE:
            yield from _tree(path, _SHARE)
        elif path.is_symlink() or not path.is_file() or not _FILE.fullmatch(path.name):
            raise refusal(
                f"{shown(path.name)} is no file of a workload",
                "plain files beside the folder share, of letters, digits and . _ + -",
                file=folder,
            )
        elif path.name not in ("SHA256SUMS", "settings"):
            yield path.name, path
    for name, path in share.items():
        if not all(_FILE.fullmatch(part) for part in name.split("/")):
            raise refusal(f"share: {shown(name)} is no name", "letters, digits and . _ + -")
        yield from _tree(Path(path), f"{_SHARE}/{name}")


def _tree(path: Path, name: str) -> Iterator[tuple[str, Path]]:
    if not path.is_symlink() and path.is_dir():
        for child in sorted(path.iterdir()):
            yield from _tree(child, f"{name}/{child.name}")
    elif path.is_symlink() or path.is_file():
        if "\n" in name:
            raise refusal(f"a file name holds a line break: {shown(name)}", "rename it")
        yield name, path
    else:
        raise refusal(f"{shown(str(path))} is no file", "name a file or a folder")


def _settings(settings: Mapping[str, object], folder: Path) -> bytes:
    lines = []
    for name, value in sorted(settings.items()):
        text = str(value)
        if not _SETTING.fullmatch(name) or not re.fullmatch(r"[ -~]*", text, re.ASCII):
            raise refusal(
                f"not a setting of a workload: {shown(name)}: {shown(text)}",
                "a name of capital letters, digits and _, a value of printable ASCII",
                file=folder,
            )
        lines.append(f"{name}={text}\n")
    return "".join(lines).encode()


def _content(entry: Path | bytes) -> tuple[bytes | str, int]:
    """Bytes of a file, or where a link leads as text; and the mode."""
    if isinstance(entry, bytes):
        return entry, 0o644
    if entry.is_symlink():
        return str(entry.readlink()), 0o777
    executable = entry.stat().st_mode & 0o100 or entry.name in _PROGRAMS
    return entry.read_bytes(), 0o755 if executable else 0o644


def _check(contents: Mapping[str, tuple[bytes | str, int]], folder: Path) -> None:
    for name in ("run", "workload.conf"):
        if name not in contents:
            raise refusal(f"has no {name}", "see docs/workloads.md", file=folder)
    text, _ = contents["workload.conf"]
    assert isinstance(text, bytes)  # noqa: S101 - no link is taken
    for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
        if not _CONF.fullmatch(line):
            raise refusal(
                f"not a line of a workload's settings: {shown(line)}",
                "memory_mib, start_s or drain_s with a whole number, user with a name",
                file=folder / "workload.conf",
                line=number,
            )


def _digest(content: bytes | str) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes | str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    if isinstance(content, str):
        entry.type, entry.linkname = tarfile.SYMTYPE, content
        tar.addfile(entry)
    else:
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
