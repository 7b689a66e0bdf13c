# SPDX-License-Identifier: GPL-3.0-or-later
"""Run dnf for a root of another architecture, in a mount namespace of its own.

Everything dnf and rpm would take from the builder is given here: configuration, repositories,
variables, keys, the place of the package database. The builder's own are neither read nor written.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .dnf_messages import reason
from .programs import run
from .provider import BuildError, Progress
from .rpm_owners import MISSING

CONFIGURATION = """\
[main]
assumeyes=1
best=1
cachedir=/var/cache/dnf
check_config_file_age=0
color=never
deltarpm=0
excludepkgs={excluded}
gpgcheck=1
install_weak_deps=0
keepcache=1
localpkg_gpgcheck=1
logdir=/var/log
metadata_expire=0
module_platform_id={platform}
plugins=0
{proxy}
reposdir={work}/repositories
retries=3
skip_if_unavailable=0
timeout=30
tsflags=nodocs
varsdir={work}/variables
zchunk=0
"""
REPOSITORY = """\
[{name}]
name={name}
baseurl={baseurl}
enabled=1
gpgcheck=1
gpgkey={keys}
repo_gpgcheck={repo_gpgcheck}
"""
# Debian's rpm keeps its database in the caller's home, EL's where its release says. rpm leaves out
# what lies below a path of _netsharedpath, and goes on as if another host had put it there.
MACROS = """\
%_dbpath {dbpath}
%_db_backend sqlite
%_pkgverify_level all
%_netsharedpath {excluded}
"""
# The scriptlets of packages find /proc and the harmless devices, and a /run that is gone
# afterwards; processes they leave behind end with the namespace. $1 root, $2 cache, then dnf.
INSIDE = """\
root=$1 cache=$2
shift 2
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755,size=1m tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 0666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 0666 "$root/dev/tty" c 5 0
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=0755,size=64m tmpfs "$root/run"
mount --bind "$cache" "$root/var/cache/dnf"
exec "$@"
"""
SAID_LINES = 4
MOUNTED = ("proc", "dev", "run", "var/cache/dnf")
NAMESPACE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private")
DOWNLOADED = re.compile(r"\((\d+)/(\d+)\): (\S+)")
INSTALLED = re.compile(r"\s*Installing\s*: (\S+)\s+(\d+)/(\d+)")
RUNNING = re.compile(r"\s*Running scriptlet: (\S+)\s")
SCRIPTLET = re.compile(r"Error in (\S+) scriptlet in rpm package (\S+)")
ENDED = re.compile(r"(?:warning|error): %\S+ scriptlet failed")


@dataclass(frozen=True)
class Repository:
    """A repository.

    Attributes:
        name: its id.
        baseurl: its address; ``$releasever``, ``$basearch`` and ``$mirror`` are dnf's to fill in.
    """

    name: str
    baseurl: str


@dataclass(frozen=True)
class Place:
    """What decides where packages come from and how they are trusted.

    Attributes:
        release: for ``$releasever``.
        platform: platform of modules, such as ``platform:el9``.
        mirror: for ``$mirror``.
        repositories: all are used.
        keys: files of public keys that packages must be signed by.
        repo_gpgcheck: metadata must be signed too.
        excluded_packages: patterns of packages that are never installed.
        proxy: URL, or empty.
        dbpath: where the release keeps its package database, an absolute path in the root.
        excluded_paths: absolute paths in the root below which nothing is written.
    """

    release: str
    platform: str
    mirror: str
    repositories: Sequence[Repository]
    keys: Sequence[Path]
    repo_gpgcheck: bool
    excluded_packages: Sequence[str]
    proxy: str
    dbpath: str
    excluded_paths: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What dnf does not call an error.

    Attributes:
        failed: packages a scriptlet of which failed, though they are installed, each with the
            reason.
        ownerless: a file was left to root because its user was not there yet.
    """

    failed: Mapping[str, str]
    ownerless: bool


@dataclass
class _Watch:
    """Follows the lines of dnf: progress goes on, what failed is kept."""

    progress: Progress
    lines: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    ownerless: bool = False
    stage: str = ""

    def line(self, text: str) -> None:
        self.lines.append(text)
        self.ownerless |= MISSING.search(text) is not None
        if match := SCRIPTLET.search(text):
            self.failed[match[2]] = f"{match[1]}: {self._last_words()}"
        elif match := DOWNLOADED.match(text):
            self._step("download packages", int(match[1]), int(match[2]), match[3])
        elif match := INSTALLED.match(text):
            self._step("install packages", int(match[2]), int(match[3]), match[1])

    def _last_words(self) -> str:
        """Give what the scriptlet that failed last said, and how it ended."""
        ends = [number for number, line in enumerate(self.lines) if ENDED.match(line)]
        if not ends:
            return "it gave no reason"
        said = []
        for line in reversed(self.lines[: ends[-1] + 1]):
            if RUNNING.match(line) or INSTALLED.match(line):
                break
            said.append(line.strip())
        return " | ".join(reversed(said[:SAID_LINES]))

    def _step(self, stage: str, done: int, total: int, what: str) -> None:
        if stage != self.stage:
            self.stage = stage
            self.progress.stage(stage, total)
        self.progress.step(done, what)


class DnfRoot:
    """dnf on one root.

    Args:
        root: the root; is and stays empty until :meth:`install`.
        cache: directory for downloads that stays.
        work: scratch directory outside the root.
    """

    def __init__(self, root: Path, cache: Path, work: Path) -> None:
        self._root = root
        self._cache = cache
        self._work = work

    def install(self, packages: Sequence[str], place: Place, progress: Progress) -> Outcome:
        """Install packages and what they require.

        Raises:
            BuildError: the packages could not be had, were not trusted or did not fit.
        """
        self._configure(place)
        for name in MOUNTED:
            (self._root / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        watch = _Watch(progress)
        progress.stage("read repositories")
        inside = ["sh", "-euc", INSIDE, "sh", str(self._root), str(self._cache)]
        dnf = ["dnf", f"--config={self._work}/dnf.conf", f"--installroot={self._root}"]
        options = [f"--releasever={place.release}", "--forcearch=aarch64", "--refresh"]
        try:
            run(
                [*NAMESPACE, *inside, *dnf, *options, "install", *packages],
                what="install packages",
                on_line=watch.line,
                environment={"HOME": str(self._work / "home"), "PYTHONUNBUFFERED": "1"},
            )
        except BuildError as error:
            raise BuildError(reason(watch.lines) or str(error)) from error
        return Outcome(watch.failed, watch.ownerless)

    def forget(self, repositories: Sequence[Repository], kept: Collection[str]) -> None:
        """Remove downloaded packages of repositories that are not among the file names kept."""
        for repository in repositories:
            for file in self._cache.glob(f"{repository.name}-*/packages/*.rpm"):
                if file.name not in kept:
                    file.unlink()

    def _configure(self, place: Place) -> None:
        # Keys of metadata that an earlier build trusted would be trusted for ever.
        for ring in self._cache.glob("*/pubring"):
            shutil.rmtree(ring)
        keys = " ".join(path.as_uri() for path in place.keys)
        files = {
            "dnf.conf": CONFIGURATION.format(
                excluded=" ".join(place.excluded_packages),
                platform=place.platform,
                proxy=f"proxy={place.proxy}" if place.proxy else "",
                work=self._work,
            ),
            "home/.rpmmacros": MACROS.format(
                dbpath=place.dbpath, excluded=":".join(place.excluded_paths) or "%{nil}"
            ),
            "variables/mirror": place.mirror,
        }
        for repository in place.repositories:
            files[f"repositories/{repository.name}.repo"] = REPOSITORY.format(
                name=repository.name,
                baseurl=repository.baseurl,
                keys=keys,
                repo_gpgcheck=int(place.repo_gpgcheck),
            )
        _write(self._work, files)


def _write(directory: Path, files: Mapping[str, str]) -> None:
    """Write files below a directory, and the directories they need."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
