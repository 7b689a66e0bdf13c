"""Pack a workload's folder into the one file that travels to each boot server."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from picluster.errors import os_errors
from picluster.rollout import secret
from picluster.rollout.assigned import check_version, check_workload
from picluster.rollout.content import PROGRAMS, Content, contents_of

_SUMS = "SHA256SUMS"


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


@dataclass(frozen=True, slots=True)
class Parts:
    """What a version is made of.

    Attributes:
        folder: holds ``run`` and ``workload.conf``, other files of its own, and perhaps ``share``.
        files: more files of its own, by name.
        share: more of ``share``: files and folders by the name they get there.
        conf: lines of ``workload.conf`` that count instead of the folder's, by name.
        settings: what its programs find in their environment, by name.
        secrets: files that are their owner's alone, by name; in ``secret`` for root alone.
        salt: see :func:`picluster.rollout.secret.salt_of`; needed with secrets.
    """

    folder: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    share: Mapping[str, Path] = field(default_factory=dict)
    conf: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    salt: bytes = field(default=b"", repr=False)


def pack(workload: str, version: str, parts: Parts, archive: Path) -> Packed:
    """Check what a version is made of and pack it; the same content gives the same bytes.

    Args:
        workload: its name.
        version: its version.
        parts: what it is made of.
        archive: the file to write.

    Raises:
        PiclusterError: a name, file or setting cannot be one of a workload.
    """
    check_workload(workload)
    check_version(version)
    with os_errors("read the workload", parts.folder):
        contents = contents_of(parts.folder, parts.files, parts.share, parts.conf, parts.settings)
        hidden = secret.secret_contents(parts.secrets, parts.salt)
        listed = contents | {name: hidden[name] for name in hidden if name == secret.SUMS}
        lines = [f"{_digest(content)}  {name}\n" for name, content in listed.items()]
    sums = "".join(lines).encode()
    with os_errors("write the archive", archive), _private_tar(archive) as tar:
        for name, content in contents.items():
            _add(tar, name, content)
        _add_secrets(tar, hidden)
        _add(tar, _SUMS, sums)
    return Packed(workload, version, hashlib.sha256(sums).hexdigest(), archive)


def _private_tar(archive: Path) -> tarfile.TarFile:
    """A tar file to be written that is its owner's alone, whatever was there."""
    archive.unlink(missing_ok=True)
    archive.touch(mode=0o600)
    return tarfile.open(archive, "w")


def _add_secrets(tar: tarfile.TarFile, hidden: Mapping[str, bytes]) -> None:
    if not hidden:
        return
    folder = tarfile.TarInfo(secret.FOLDER)
    folder.type, folder.mode = tarfile.DIRTYPE, 0o700
    tar.addfile(folder)
    for name, content in hidden.items():
        entry = tarfile.TarInfo(name)
        entry.mode, entry.size = 0o600, len(content)
        tar.addfile(entry, io.BytesIO(content))


def _digest(content: Content) -> str:
    """Of a file's bytes, or of where a link leads."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    if content.is_symlink():
        return hashlib.sha256(str(content.readlink()).encode()).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: Content) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o755 if name in PROGRAMS else 0o644
    if isinstance(content, bytes):
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    elif content.is_symlink():
        entry.type, entry.linkname = tarfile.SYMTYPE, str(content.readlink())
        tar.addfile(entry)
    else:
        status = content.stat()
        entry.size = status.st_size
        if status.st_mode & 0o100:
            entry.mode = 0o755
        with content.open("rb") as file:
            tar.addfile(entry, file)
