# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the package of a kernel into a root without running anything of it.

Its scripts would build an initramfs under emulation, for a machine that has a boot loader. What is
unpacked is noted as installed all the same, so that whoever looks for vulnerable packages in the
image sees the kernel.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .programs import run
from .provider import BuildError, Progress

_RELATIONS = re.compile(
    r"^(?:Pre-Depends|Depends|Recommends|Suggests|Breaks|Conflicts):.*\n(?:[ \t].*\n)*",
    re.MULTILINE,
)


def unpack(package: Path, root: Path, exclude: tuple[str, ...], progress: Progress) -> None:
    """Unpack a kernel's package, note it as installed and list its modules.

    Args:
        package: the ``.deb`` file.
        root: an installed root.
        exclude: patterns of paths that are left out, see :class:`.provider.Settings`.
        progress: told of each file.

    Raises:
        BuildError: the package is damaged, or holds no modules.
    """
    control = _control(package)
    progress.stage("unpack the kernel")
    paths = _extract(package, root, exclude, progress)
    _register(root, control, paths)
    versions = {path.split("/")[-3] for path in paths if path.endswith("/kernel/")}
    if len(versions) != 1:
        raise BuildError(f"{package.name} holds modules of {len(versions)} kernels, not of one")
    progress.stage("list the kernel's modules")
    run(["depmod", "--basedir", str(root), *versions], what="list the kernel's modules")


def _control(package: Path) -> str:
    try:
        done = subprocess.run(
            ["dpkg-deb", "--field", str(package)], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(f"cannot read {package.name}: {error}") from error
    return done.stdout


def _extract(package: Path, root: Path, exclude: tuple[str, ...], progress: Progress) -> list[str]:
    """Extract the files; gives their paths as the package has them, folders with a final ``/``."""
    paths: list[str] = []

    def note(line: str) -> None:
        paths.append(line.removeprefix("./"))
        progress.step(len(paths))

    patterns = [pattern for item in exclude for pattern in _both_names(item)]
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
    ) as source:
        run(
            [
                *("tar", "--extract", "--verbose", "--directory", str(root)),
                *("--keep-directory-symlink", "--numeric-owner", "--same-permissions"),
                *("--anchored", "--wildcards", "--wildcards-match-slash"),
                *(f"--exclude=./{pattern}" for pattern in patterns),
            ],
            what=f"unpack {package.name}",
            on_line=note,
            stdin=source.stdout,
        )
    if source.returncode:
        raise BuildError(f"cannot unpack {package.name}: it is damaged")
    return paths


def _both_names(pattern: str) -> list[str]:
    """Give a pattern as packages of split and of merged directories spell it."""
    return [pattern, pattern[4:]] if pattern.startswith("usr/lib/") else [pattern]


def _register(root: Path, control: str, paths: list[str]) -> None:
    """Note a package as installed in dpkg's database."""
    name = control.partition("Package: ")[2].partition("\n")[0]
    # Without its relations: dpkg would call it broken for want of a maker of initramfs.
    fields = _RELATIONS.sub("", control if control.endswith("\n") else control + "\n")
    entry = fields.replace("\n", "\nStatus: install ok installed\n", 1)
    database = root / "var/lib/dpkg"
    with (database / "status").open("a", encoding="utf-8") as status:
        status.write(f"{entry}\n")
    listing = "".join(f"/{path.rstrip('/')}\n" for path in paths)
    (database / "info" / f"{name}.list").write_text(listing, encoding="utf-8")
