# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian archive asked by an apt of one's own: other sources, lists and architecture."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

NEEDED = ("apt-get", "apt-cache", "dpkg-deb")


class ArchiveError(Exception):
    """A reason packages cannot be had."""


class PrivateApt:
    """apt on private sources and lists of one architecture.

    The machine's own sources, lists, architectures and installed packages stay as they are; its
    proxies and the like apply.

    Args:
        state_dir: directory for sources, lists and downloads; made when it is not there.
        sources: sources in the deb822 format of ``sources.list(5)``.
        architecture: Debian architecture of the packages.
        settings: more settings of apt, each ``Name::Of::It=value``.

    Raises:
        ArchiveError: the machine has no apt.
    """

    def __init__(
        self, state_dir: Path, sources: str, architecture: str, settings: Iterable[str] = ()
    ) -> None:
        for program in NEEDED:
            if not shutil.which(program):
                raise ArchiveError(
                    f"{program} is not here; run this on a machine of the Debian family"
                )
        self.state_dir = state_dir
        self.environment = {**os.environ, "LC_ALL": "C"}
        for part in ("lists/partial", "archives/partial", "parts"):
            (state_dir / part).mkdir(mode=0o755, parents=True, exist_ok=True)
        (state_dir / "status").write_text("")
        (state_dir / "debian.sources").write_text(sources)
        self.options = [
            f"-oDir::State={state_dir}",
            f"-oDir::State::status={state_dir}/status",
            f"-oDir::Cache={state_dir}",
            f"-oDir::Etc::sourcelist={state_dir}/debian.sources",
            f"-oDir::Etc::sourceparts={state_dir}/parts",
            f"-oAPT::Architecture={architecture}",
            f"-oAPT::Architectures={architecture}",
            "-oAcquire::Languages=none",
            "-oAPT::Update::Error-Mode=any",
            "-oAPT::Sandbox::User=root",
            *(f"-o{setting}" for setting in settings),
        ]

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        """Run an apt program and give its output; a failure names its errors."""
        done = subprocess.run(
            [program, *self.options, *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=cwd,
            check=False,
        )
        if done.returncode:
            errors = "; ".join(
                line for line in done.stderr.splitlines() if line[:2] in ("E:", "W:")
            )
            raise ArchiveError(f"{program} {' '.join(arguments)}: {errors or done.stderr.strip()}")
        return done.stdout

    def update(self) -> None:
        """Bring the lists up to date; their signatures are verified."""
        self.run("apt-get", "-q", "update")

    def show(self, package: str) -> dict[str, str]:
        """Give the fields of the version apt would install."""
        text = self.run("apt-cache", "show", "--no-all-versions", package)
        fields = (
            line.partition(": ") for line in text.splitlines() if re.match(r"[A-Z][\w-]*: ", line)
        )
        return {name: value for name, _, value in fields}

    def resolve(self, package: str, dependency: str | None) -> tuple[str, str]:
        """Give name and version of a package, or of its dependency that matches a pattern."""
        fields = self.show(package)
        if dependency is None:
            return package, fields["Version"]
        names = [
            item.split()[0] for item in re.split(r"[,|]", fields.get("Depends", "")) if item.strip()
        ]
        for name in names:
            if fnmatch.fnmatchcase(name, dependency):
                return name, self.show(name)["Version"]
        raise ArchiveError(f"package {package} depends on no {dependency}: {', '.join(names)}")

    def download(self, name: str, version: str, into: Path) -> Path:
        """Download one version of a package, verified against the signed lists.

        A file of an earlier download that is right is kept.
        """
        self.run("apt-get", "-q", "download", f"{name}={version}", cwd=into)
        (package,) = into.glob(f"{name}_{version.replace(':', '%3a')}_*.deb")
        return package
