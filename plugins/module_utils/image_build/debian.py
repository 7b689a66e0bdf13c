# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian, or Raspberry Pi OS, for a board, by mmdebstrap on a builder of any architecture."""

from __future__ import annotations

import hashlib
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..deb_archive import ArchiveError, PrivateApt
from ..deb_sources import parse_deb822
from . import deb_kernel
from .apt_messages import Follower, explain
from .debian_options import ARCHITECTURE, Options, read_options, suites
from .programs import run
from .provider import BuildError, Kernel, Progress, Settings

HOOKS = Path("/usr/share/mmdebstrap/hooks/maybe-merged-usr")
# Options of the machine's apt that a second system needs too.
_INHERITED = re.compile(
    r"Acquire::(?:https?::Proxy|https?::Timeout|Check-Valid-Until|Check-Date|ForceIPv[46]|Retries)"
    r'(?:::[\w.-]+)? "[^"\n]*";',
    re.ASCII,
)
# A key that is there is not made anew, which takes half a minute of emulation; none of them stays.
HOST_KEYS = ("rsa", "ecdsa", "ed25519")
# What the build leaves in a root; a mirror's address may hold a password.
TRACES = (
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/sources.list",
    "etc/apt/sources.list.d",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/lib/dpkg/available",
    "var/log/apt",
    "var/log/dpkg.log",
    "var/log/alternatives.log",
    "var/log/bootstrap.log",
)


class Debian:
    """The provider (see :class:`.provider.Provider`)."""

    def programs(self) -> Mapping[str, str]:
        """Programs the builder must have, each with its Debian package."""
        programs = {
            "depmod": "kmod",
            "gpgv": "gpgv",
            "mmdebstrap": "mmdebstrap",
            "mount": "mount",
            "tar": "tar",
        }
        if platform.machine() != "aarch64":
            programs |= {"arch-test": "arch-test", "qemu-aarch64-static": "qemu-user-static"}
        return programs

    def check(self, settings: Settings) -> None:
        """Refuse a release or package that has no such name, and sources that are none."""
        read_options(settings)

    def inputs(self, settings: Settings) -> Mapping[str, Any]:
        """Give suites, components and the kernel; where the archive lies is no input."""
        options = read_options(settings)
        return {
            "suites": suites(options.sources),
            "kernel": [options.kernel, options.kernel_dependency],
        }

    def newest(self, settings: Settings) -> str:
        """Ask the archive for its signed indices and give a digest of what they name."""
        apt = _apt(settings, read_options(settings))
        _update(apt, settings)
        found = sorted(
            line
            for release in (apt.state_dir / "lists").glob("*Release")
            for line in _indices(release.read_text(encoding="utf-8", errors="replace"))
        )
        return hashlib.sha256("\n".join(found).encode()).hexdigest()

    def install(self, root: Path, settings: Settings, progress: Progress) -> None:
        """Install the packages, then the kernel."""
        options = read_options(settings)
        apt = _apt(settings, options)
        progress.stage("get lists")
        _update(apt, settings)
        what = f"install {settings.provider} {settings.release}"
        # First of all, so that a name nobody knows and a mirror that stops are found at once.
        _follow(_download(apt, settings.packages), what, progress)
        environment = {"INITRD": "No", "SOURCE_DATE_EPOCH": str(settings.epoch)}
        _follow(_command(root, settings, options, apt), what, progress, environment)
        _install_kernel(apt, options, root, settings, progress)
        _forget_old(apt.state_dir / "archives", self.packages(root))

    def packages(self, root: Path) -> Mapping[str, str]:
        """Give the packages that dpkg calls installed."""
        status = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
        return {
            stanza["Package"]: stanza["Version"]
            for stanza in parse_deb822(status)
            if stanza.get("Status") == "install ok installed"
        }

    def kernel(self, root: Path) -> Kernel:
        """Give the kernel that is unpacked in a root."""
        images = sorted((root / "boot").glob("vmlinuz-*"))
        if len(images) != 1:
            names = ", ".join(image.name for image in images) or "none"
            raise BuildError(f"one kernel must be in the image, and there is {names}")
        version = images[0].name.removeprefix("vmlinuz-")
        return Kernel(version, images[0], root / f"usr/lib/linux-image-{version}")

    def source(self, settings: Settings) -> Mapping[str, Any]:
        """Give addresses, without passwords, and suites of the archives."""
        stanzas = parse_deb822(read_options(settings).sources)
        return {
            "archives": [
                {
                    "uris": re.sub(r"(https?://)[^/\s@]+@", r"\1", stanza.get("URIs", "")),
                    "suites": stanza.get("Suites", ""),
                    "components": stanza.get("Components", ""),
                }
                for stanza in stanzas
            ]
        }

    def clean(self, root: Path) -> None:
        """Remove lists, logs and what mmdebstrap set up for the build."""
        for path in [*TRACES, *(f"etc/ssh/ssh_host_{kind}_key" for kind in HOST_KEYS)]:
            target = root / path
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        for old in (root / "var/lib/dpkg").glob("*-old"):
            old.unlink()
        if "apt" not in self.packages(root):
            for path in ("etc/apt", "var/lib/apt"):
                shutil.rmtree(root / path, ignore_errors=True)


def _apt(settings: Settings, options: Options) -> PrivateApt:
    """Give an apt of this release, whose downloads stay from build to build."""
    proxy = settings.proxy
    more = [f"Acquire::{scheme}::Proxy={proxy}" for scheme in ("http", "https") if proxy]
    # What a mirror does not answer in half a minute, four times, it does not have.
    more += ["Acquire::Retries=3", "Acquire::http::Timeout=30", "Acquire::https::Timeout=30"]
    try:
        return PrivateApt(settings.cache / settings.release, options.sources, ARCHITECTURE, more)
    except ArchiveError as error:
        raise BuildError(str(error)) from error


def _update(apt: PrivateApt, settings: Settings) -> None:
    what = f"read the lists of {settings.provider} {settings.release}"
    try:
        apt.update()
    except ArchiveError as error:
        lines = re.sub(r"; ([EW]:)", r"\n\1", str(error).partition(": ")[2]).splitlines()
        raise explain(what, lines, str(error)) from error


def _follow(
    words: list[str], what: str, progress: Progress, environment: Mapping[str, str] | None = None
) -> None:
    """Run apt, or what runs it, and show how far it is."""
    follower = Follower(progress)
    try:
        run(words, what=what, on_line=follower.line, environment=environment)
    except BuildError as error:
        raise explain(what, follower.errors, str(error)) from error


def _download(apt: PrivateApt, packages: tuple[str, ...]) -> list[str]:
    """Give the words that fetch packages, with what they depend on, into the cache."""
    options = [*apt.options, "-oAPT::Install-Recommends=false"]
    return ["apt-get", *options, "-y", "-q", "--download-only", "install", *packages]


def _indices(release: str) -> list[str]:
    """Give the lines of a Release file that name lists of packages, with their checksums."""
    section = release.partition("\nSHA256:\n")[2]
    lines = []
    for line in section.splitlines():
        if not line.startswith(" "):
            break
        path = line.split()[-1]
        ours = f"binary-{ARCHITECTURE}/" in path or "binary-all/" in path or "binary-" not in path
        if ours and path.endswith("Packages"):
            lines.append(line.strip())
    return lines


def _command(root: Path, settings: Settings, options: Options, apt: PrivateApt) -> list[str]:
    """Give the words that make a root of everything but the kernel."""
    words = ["mmdebstrap", "--verbose", "--mode=root", "--variant=essential", "--format=directory"]
    words += [f"--architectures={ARCHITECTURE}", f"--include={','.join(settings.packages)}"]
    # The caches of earlier builds are mounted where apt looks for lists and packages.
    words += ["--skip=download/empty,essential/unlink"]
    words += [f"--setup-hook={_mount(apt.state_dir)}", f"--customize-hook={_unmount()}"]
    words += [f"--hook-directory={HOOKS}"] if HOOKS.is_dir() else []
    keys = " ".join(f'"$1/etc/ssh/ssh_host_{kind}_key"' for kind in HOST_KEYS)
    words += [f'--essential-hook=mkdir -p "$1/etc/ssh" && touch {keys}']
    words += [f"--aptopt={line}" for line in _apt_options(settings)]
    words += [f"--dpkgopt=path-exclude=/{pattern}" for pattern in settings.exclude]
    words += ["--dpkgopt=force-unsafe-io"]
    sources = settings.work / "debian.sources"
    sources.write_text(options.sources, encoding="utf-8")
    return [*words, settings.release, str(root), str(sources)]


_CACHED = (("archives", "var/cache/apt/archives"), ("lists", "var/lib/apt/lists"))


def _mount(state_dir: Path) -> str:
    steps = [
        f'mkdir -p "$1/{place}" && mount --bind {shlex.quote(str(state_dir / name))} "$1/{place}"'
        for name, place in _CACHED
    ]
    return " && ".join(steps)


def _unmount() -> str:
    return " && ".join(f'umount "$1/{place}"' for _, place in _CACHED)


def _apt_options(settings: Settings) -> list[str]:
    """Give lines of ``apt.conf``: the machine's for reaching archives, then ours."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    lines = [line for line in dump.stdout.splitlines() if _INHERITED.fullmatch(line)]
    if settings.proxy:
        lines += [f'Acquire::{scheme}::Proxy "{settings.proxy}";' for scheme in ("http", "https")]
    lines += ['Acquire::Retries "3";', 'Acquire::http::Timeout "30";']
    return [*lines, 'APT::Install-Recommends "false";', 'Acquire::Languages "none";']


def _install_kernel(
    apt: PrivateApt, options: Options, root: Path, settings: Settings, progress: Progress
) -> None:
    progress.stage("get the kernel")
    try:
        name, version = apt.resolve(options.kernel, options.kernel_dependency or None)
        progress.step(0, f"{name} {version}")
        package = apt.download(name, version, apt.state_dir / "archives")
    except ArchiveError as error:
        raise explain("get the kernel", [str(error).partition(": ")[2]], str(error)) from error
    deb_kernel.unpack(package, root, settings.exclude, progress)


def _forget_old(archives: Path, installed: Mapping[str, str]) -> None:
    """Remove downloads that the newest image of the release does not hold."""
    wanted = {f"{name}_{version.replace(':', '%3a')}" for name, version in installed.items()}
    for package in archives.glob("*.deb"):
        if package.name.rpartition("_")[0] not in wanted:
            package.unlink()
