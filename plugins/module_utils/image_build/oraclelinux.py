# SPDX-License-Identifier: GPL-3.0-or-later
"""Oracle Linux 8, 9 and 10 for a board, by dnf on a builder of any architecture."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from . import emulation, rpm_owners
from .dnf_root import DnfRoot, Place
from .fetch import fetch, without_credentials
from .openpgp import fingerprints, rewritten
from .oraclelinux_options import PREFIX, Options, is_fetched, read_options
from .programs import run
from .provider import BuildError, Kernel, Progress, Settings

# The releases, and where rpm of each looks for its database; it is an sqlite one everywhere, which
# rpm of EL 8 can only read.
RELEASES = {"8": "/var/lib/rpm", "9": "/var/lib/rpm", "10": "/usr/lib/sysimage/rpm"}
DATABASE = "rpmdb.sqlite"
# kernel-install would build an initramfs under emulation: minutes, for one that is thrown away.
SILENCED = ("50-dracut.install", "51-dracut-rescue.install")
INSTALL_D = "etc/kernel/install.d"
KEY_BYTES_MAX = 1 << 20
METADATA_BYTES_MAX = 4 << 20
VERSION = r"%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}.%{ARCH}\n"
FILE_NAME = r"%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm\n"
TRACES = ("var/cache/dnf", "var/lib/dnf")
# Made by dnf and by this provider; a package may own them too.
EMPTY = ("etc/dnf/modules.d", "etc/dnf", INSTALL_D, "etc/kernel")


class OracleLinux:
    """The provider (see :class:`.provider.Provider`)."""

    def programs(self) -> Mapping[str, str]:
        """Programs the builder must have, each with its Debian package."""
        programs = {
            "depmod": "kmod",
            "dnf": "dnf",
            "mount": "mount",
            "rpm": "rpm",
            "unshare": "util-linux",
        }
        if platform.machine() != "aarch64":
            programs["qemu-aarch64-static"] = "qemu-user-static"
        return programs

    def check(self, settings: Settings) -> None:
        """Refuse an unknown release, options that cannot be right and keys that are not there."""
        for key in read_options(settings, RELEASES).keys:
            if not is_fetched(key):
                _fingerprints(_key(key, settings), key)

    def inputs(self, settings: Settings) -> Mapping[str, Any]:
        """Give the repositories below the mirror, and what keys are trusted."""
        options = read_options(settings, RELEASES)
        return {
            "repositories": {item.name: item.baseurl for item in options.repositories},
            "keys": [
                key if is_fetched(key) else _fingerprints(_key(key, settings), key)
                for key in options.keys
            ],
            "fingerprints": options.fingerprints,
            "excluded_packages": options.excluded_packages,
            "excluded_paths": options.excluded_paths,
        }

    def newest(self, settings: Settings) -> str:
        """Give a digest of every repository's ``repomd.xml``.

        Oracle's metadata is not signed by itself; whoever changes it on the way can cause a build,
        not what is in it: packages are verified when they are installed.
        """
        digest = hashlib.sha256()
        for address in _addresses(settings).values():
            metadata = fetch(f"{address}repodata/repomd.xml", settings.proxy, METADATA_BYTES_MAX)
            digest.update(hashlib.sha256(metadata).digest())
        return digest.hexdigest()

    def install(self, root: Path, settings: Settings, progress: Progress) -> None:
        """Install the packages; their scriptlets run as they do on a board."""
        options = read_options(settings, RELEASES)
        emulation.check(settings.work)
        place = Place(
            release=settings.release,
            platform=f"platform:el{settings.release}",
            mirror=options.mirror,
            repositories=options.repositories,
            keys=_write_keys(options, settings),
            repo_gpgcheck=options.repo_gpgcheck,
            excluded_packages=options.excluded_packages,
            proxy=settings.proxy,
            dbpath=RELEASES[settings.release],
            excluded_paths=_excluded_paths([*settings.exclude, *options.excluded_paths]),
        )
        dnf = DnfRoot(root, settings.cache, settings.work)
        with _Silence(root):
            outcome = dnf.install(settings.packages, place, progress)
        refused = {
            name: why
            for name, why in outcome.failed.items()
            if name not in options.scriptlets_may_fail
        }
        if refused:
            raise BuildError(
                "a scriptlet failed: "
                + "; ".join(f"{name}: {why}" for name, why in sorted(refused.items()))
                + f"; add a package that is complete without it to {PREFIX}scriptlets_may_fail"
            )
        if outcome.ownerless:
            rpm_owners.make_users(root)
            rpm_owners.set_owners(root, _query(root, rpm_owners.FORM))
        dnf.forget(options.repositories, _query(root, FILE_NAME))
        _index_modules(root, self.kernel(root).version)

    def packages(self, root: Path) -> Mapping[str, str]:
        """Give each installed package's ``[epoch:]version-release.arch`` by name."""
        pairs = (line.split("\t") for line in _query(root, VERSION))
        return {name: version for name, version in sorted(pairs) if name != "gpg-pubkey"}

    def kernel(self, root: Path) -> Kernel:
        """Find the kernel: UEK keeps all of it below ``/usr/lib/modules``, older ones in /boot."""
        found = [
            Kernel(directory.name, image, trees)
            for directory in sorted((root / "usr/lib/modules").glob("*"))
            for image in _first(directory / "vmlinuz", root / f"boot/vmlinuz-{directory.name}")
            for trees in _first(directory / "dtb", root / f"boot/dtb-{directory.name}")
        ]
        if len(found) == 1:
            return found[0]
        if found:
            versions = ", ".join(kernel.version for kernel in found)
            raise BuildError(f"{len(found)} kernels are installed, one must be: {versions}")
        raise BuildError(
            "no kernel with device trees is installed; name one in node_image_packages, "
            "such as kernel-uek-core"
        )

    def source(self, settings: Settings) -> Mapping[str, Any]:
        """Give the addresses of the repositories and the fingerprints of the keys."""
        addresses = _addresses(settings)
        return {
            "repositories": {name: without_credentials(url) for name, url in addresses.items()},
            "fingerprints": list(read_options(settings, RELEASES).fingerprints),
        }

    def clean(self, root: Path) -> None:
        """Remove what dnf leaves, and make the package database one file, only to be read."""
        for path in TRACES:
            shutil.rmtree(root / path, ignore_errors=True)
        for path in EMPTY:
            with suppress(OSError):
                (root / path).rmdir()
        for log in [*(root / "var/log").glob("dnf*.log*"), root / "var/log/hawkey.log"]:
            log.unlink(missing_ok=True)
        directory = _database(root)
        with closing(sqlite3.connect(directory / DATABASE)) as database:
            database.execute("PRAGMA journal_mode=DELETE")
        (directory / ".rpm.lock").unlink(missing_ok=True)


class _Silence:
    """Keeps kernel-install from running dracut while packages are installed."""

    def __init__(self, root: Path) -> None:
        self._links = [root / INSTALL_D / name for name in SILENCED]

    def __enter__(self) -> None:
        for link in self._links:
            link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            link.symlink_to("/dev/null")

    def __exit__(self, *_: object) -> None:
        for link in self._links:
            link.unlink()


def _key(key: str, settings: Settings) -> str:
    """Give the ASCII armour of a key that is given as such, as a path or as an address."""
    if key.startswith("-----BEGIN"):
        return key
    if key.startswith("/"):
        try:
            return Path(key).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise BuildError(f"{PREFIX}keys: cannot read {key}: {error}") from error
    options = read_options(settings, RELEASES)
    address = options.address(key, settings.release)
    return fetch(address, settings.proxy, KEY_BYTES_MAX).decode("ascii", "replace")


def _fingerprints(armour: str, name: str) -> list[str]:
    try:
        return fingerprints(armour)
    except ValueError as error:
        raise BuildError(f"{PREFIX}keys: {_shown(name)}: {error}") from error


def _write_keys(options: Options, settings: Settings) -> list[Path]:
    """Write the keys where dnf reads them, after each was compared with the fingerprints.

    What is written is only what was compared: gpg may find more in the text than is found here.
    """
    files = []
    for number, key in enumerate(options.keys, 1):
        armour = _key(key, settings)
        unknown = sorted(set(_fingerprints(armour, key)) - set(options.fingerprints))
        if options.fingerprints and unknown:
            raise BuildError(
                f"the key {_shown(key)} has the fingerprint {', '.join(unknown)}, which is not in "
                f"{PREFIX}fingerprints for release {settings.release}; nothing was installed"
            )
        file = settings.work / f"key-{number}.asc"
        file.write_text(rewritten(armour))
        files.append(file)
    return files


def _shown(key: str) -> str:
    return "given as text" if key.startswith("-----BEGIN") else without_credentials(key)


def _addresses(settings: Settings) -> dict[str, str]:
    """Give the address of each repository by id."""
    options = read_options(settings, RELEASES)
    return {
        item.name: options.address(item.baseurl, settings.release) for item in options.repositories
    }


def _excluded_paths(patterns: Iterable[str]) -> list[str]:
    """Give the directories that patterns name whole, under every name packages give them."""
    whole = [item.removesuffix("/*") for item in patterns if item.endswith("/*")]
    plain = [f"/{item}" for item in whole if not set(item) & set("*?[")]
    # Packages of merged directories may say /lib as well as /usr/lib.
    return [*plain, *(item.removeprefix("/usr") for item in plain if item.startswith("/usr/lib/"))]


def _first(*paths: Path) -> list[Path]:
    """Give the first path that exists, in a list; an empty one when none does."""
    return [path for path in paths if path.exists()][:1]


def _database(root: Path) -> Path:
    """Give the directory of the package database of a root."""
    for place in dict.fromkeys(RELEASES.values()):
        directory = root / place.lstrip("/")
        if (directory / DATABASE).exists():
            return directory
    raise BuildError(f"no package database is in {root}")


def _query(root: Path, form: str) -> list[str]:
    """Give a line in rpm's query format for each installed package."""
    lines: list[str] = []
    run(
        ["rpm", "--dbpath", str(_database(root)), "--query", "--all", "--queryformat", form],
        what="list the installed packages",
        on_line=lines.append,
    )
    return lines


def _index_modules(root: Path, version: str) -> None:
    """Write the index of modules, if the kernel's own scriptlet did not."""
    if not (root / f"usr/lib/modules/{version}/modules.dep.bin").exists():
        run(["depmod", "--basedir", str(root), version], what="list the kernel's modules")
