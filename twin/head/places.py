"""Where the head keeps its files, and what its parts are called; all names follow from one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from picluster.errors import os_errors, refusal, shown

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}", re.ASCII)
#: Root of the source tree.
TREE = Path(__file__).resolve().parents[2]
#: File systems on which the user-space NFS server gets no file handles.
_NO_HANDLES = frozenset({"overlay", "tmpfs", "ramfs", "fuse", "9p", "virtiofs"})


def build_dir() -> Path:
    """Where everything built is kept: ``PICLUSTER_BUILD_DIR`` or ``build/`` of the tree."""
    return Path(os.environ.get("PICLUSTER_BUILD_DIR") or TREE / "build").absolute()


def cache_dir() -> Path:
    """What is kept between runs: the head's image and downloaded packages."""
    return build_dir() / "cache"


def check_name(name: str) -> str:
    """Give the name back.

    Raises:
        PiclusterError: not 1 to 24 lower-case letters, digits and dashes.
    """
    if not _NAME.fullmatch(name):
        raise refusal(
            f"not a name for a head: {shown(name)}",
            "use at most 24 lower-case letters, digits and dashes",
        )
    return name


@dataclass(frozen=True, slots=True)
class Places:
    """Names and directories of one head.

    Attributes:
        name: the name the user gave; everything else follows from it.
    """

    name: str

    @property
    def container(self) -> str:
        """Name of the container."""
        return f"picluster-{self.name}"

    @property
    def namespace(self) -> str:
        """Name of the head's network namespace."""
        return f"picluster-{self.name}-head"

    @property
    def directory(self) -> Path:
        """Directory of what belongs to this head alone."""
        return build_dir() / "twin" / self.name

    @property
    def exports(self) -> Path:
        """What the head sees as ``/srv/picluster``: a real file system, for NFS file handles."""
        return self.directory / "srv"

    @property
    def packages(self) -> Path:
        """What the head sees as ``/var/cache/apt/archives``."""
        return self.directory / "packages"

    @property
    def key(self) -> Path:
        """Private key that opens the head by ssh."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The head's host keys, for ``UserKnownHostsFile``."""
        return self.directory / "known_hosts"

    @property
    def nodes_known_hosts(self) -> Path:
        """Whose host keys Ansible trusts among the nodes this head boots."""
        return self.directory / "known_hosts_nodes"

    @property
    def inventory(self) -> Path:
        """Inventory source that tells Ansible how to reach the head."""
        return self.directory / "inventory.yml"

    def make(self) -> None:
        """Make the directories.

        Raises:
            PiclusterError: they cannot be made, or lie on a file system NFS cannot export.
        """
        with os_errors("make the head's directory", self.directory):
            for directory in (self.exports, self.packages / "partial"):
                directory.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o700)
        kind = file_system(self.exports)
        if kind.split(".")[0] in _NO_HANDLES:
            raise refusal(
                f"a {kind} file system cannot be exported by NFS",
                "set PICLUSTER_BUILD_DIR to a directory on ext4, xfs or btrfs",
                file=self.exports,
            )


def file_system(path: Path) -> str:
    """Type of the file system a path lies on, as ``/proc/self/mountinfo`` says (``ext4``)."""
    best, kind = "", ""
    resolved = str(path.resolve())
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        mount = fields[4]
        inside = resolved == mount or resolved.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[fields.index("-") + 1]
    return kind
