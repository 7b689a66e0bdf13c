"""Finished images below the build directory, and heads that get one from there."""

from __future__ import annotations

import fcntl
import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from picluster.cluster.load import find_description, load_cluster
from picluster.errors import os_errors, refusal
from twin.head import Head
from twin.head.places import TREE, cache_dir
from twin.head.playbook import command_line
from twin.image import inputs
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CLUSTER = TREE / "inventory" / "mini"
_PLAYBOOK = "twin/image/build.yml"
#: A build takes about five minutes on two idle processors, most of it under emulation.
_TIMEOUT_S = 5400
#: Where the versions are, in the head's ``/srv/picluster``.
_IMAGES = "export/images"
_KEPT = 4


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was built.

    Attributes:
        version: its name.
        archive: tar file of its directory.
        key: private key whose public part is in the image: it opens root's account on a node.
        wishes: variables of the role it was built with.
    """

    version: str
    archive: Path
    key: Path
    wishes: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """Arguments of ``ansible-playbook`` with which the role asks for this very image."""
        return ["-e", json.dumps(self.wishes)]


def ensure_image(
    wishes: Mapping[str, Any] | None = None, *, name: str = "image", show: bool = False
) -> Image:
    """Build an image on a head of its own, unless one of the same inputs is kept.

    Two callers at once build it once.

    Args:
        wishes: variables of the role beyond the authorised key, such as
            ``{"node_image_root": "squashfs"}``.
        name: name of the head that builds, see :class:`twin.head.Head`.
        show: whether the playbook's output goes to standard output, and not to a log.

    Raises:
        PiclusterError: it cannot be built; the message names the log.
    """
    place = cache_dir() / "images"
    with os_errors("make the cache of images", place):
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        private = _key_pair(place)
        public = private.with_suffix(".pub").read_text(encoding="ascii").strip()
        wanted = {"node_image_authorized_keys": [public], **(wishes or {})}
        archive = place / f"{inputs.key(wanted)}.tar"
        if not archive.exists():
            _build(archive, wanted, name, show=show)
            _forget_old(place)
        archive.touch()
        return Image(_version(archive), archive, private, wanted)


def seed(head: Head, image: Image) -> Path:
    """Put an image among a head's versions, as if it had been built there.

    Returns:
        Its directory, as the machine sees it.
    """
    images = head.exports / _IMAGES
    with os_errors("make the directory of versions", images):
        images.mkdir(parents=True, exist_ok=True)
    place = images / image.version
    if not place.exists():
        command(["tar", "--extract", *_TAR, "-C", str(images), "-f", str(image.archive)],
                timeout_s=600)  # fmt: skip
    return place


_TAR = ("--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include=*")


def _key_pair(place: Path) -> Path:
    """A key for the nodes that stays: a new one would make another image."""
    private = place / "id_ed25519"
    if not private.exists():
        command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "twin", "-f", str(private)])
    return private


def _version(archive: Path) -> str:
    """The one directory at the top of an archive; names come in the order they were packed."""
    with subprocess.Popen(
        ["tar", "--list", "-f", str(archive)], stdout=subprocess.PIPE, text=True
    ) as listing:
        first = (listing.stdout.readline() if listing.stdout else "").strip().rstrip("/")
        listing.kill()
    if not first:
        raise refusal("the kept image is empty", "remove it", file=archive)
    return first


def _build(archive: Path, wishes: Mapping[str, Any], name: str, *, show: bool) -> None:
    cluster = load_cluster(find_description(_CLUSTER))
    part = archive.with_suffix(".part")
    log = archive.with_suffix(".log")
    with Head.of(cluster, name) as head:
        words, environment = command_line(head, _CLUSTER, _PLAYBOOK, "-e", json.dumps(dict(wishes)))
        with log.open("w", encoding="utf-8") as output:
            try:
                done = subprocess.run(
                    words, env=environment, cwd=TREE, stdin=subprocess.DEVNULL, check=False,
                    stdout=None if show else output, stderr=subprocess.STDOUT, timeout=_TIMEOUT_S,
                )  # fmt: skip
            except subprocess.TimeoutExpired as error:
                raise refusal(f"no image within {_TIMEOUT_S} s", file=log) from error
        if done.returncode:
            why = _last_words(log) or f"ansible-playbook ended with status {done.returncode}"
            raise refusal(f"the image was not built: {why}", file=log)
        images = head.exports / _IMAGES
        (version,) = [path.name for path in images.iterdir() if not path.name.startswith(".")]
        try:
            command(["tar", "--create", *_TAR, "-C", str(images), "-f", str(part), version],
                    timeout_s=600)  # fmt: skip
            part.replace(archive)
        finally:
            part.unlink(missing_ok=True)


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    said = [line for line in lines if "FAILED!" in line or line.lstrip().startswith("msg:")]
    return " ".join((said or lines)[-2:]).strip()[-600:]


def _forget_old(place: Path) -> None:
    """Remove all but the images last asked for."""
    found = sorted(place.glob("*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in found[_KEPT:]:
        old.unlink(missing_ok=True)
        old.with_suffix(".log").unlink(missing_ok=True)
