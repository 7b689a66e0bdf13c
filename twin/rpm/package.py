"""Binary RPM packages out of a directory tree, by ``rpmbuild``."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from picluster.errors import os_errors
from twin.net import command

#: Scriptlets in the order a specification lists them.
SCRIPTLETS = ("pretrans", "pre", "post", "posttrans")
#: What the ``filesystem`` package of Enterprise Linux does first.
LINKS = """<lua>
for _, name in ipairs({"bin", "lib", "sbin"}) do
  posix.mkdir("/usr")
  posix.mkdir("/usr/" .. name)
  posix.symlink("usr/" .. name, "/" .. name)
end
"""
_BUILD_TIMEOUT_S = 900
# Nothing is compiled, stripped or taken apart here; the tree is packaged as it lies. ``zstd`` at
# its fastest is what EL 9 uses, at a level that costs no time.
_DEFINES = {
    "__spec_install_pre": "%{nil}",
    "__os_install_post": "%{nil}",
    "_binary_payload": "w1.zstdio",
    "_build_id_links": "none",
    "_unpackaged_files_terminate_build": "0",
    "debug_package": "%{nil}",
    "_rpmlock_path": "/dev/null",
}


@dataclass(frozen=True, slots=True)
class Package:
    """One package.

    Attributes:
        name: its name.
        paths: what it holds, relative to the tree, directories included when it owns them.
        requires: names or paths it requires.
        provides: more names it goes by.
        ghosts: paths it owns but does not hold.
        owners: user, and group of the same name, of paths that are not root's.
        scriptlets: text by the name of a scriptlet (``post``): shell, or rpm's own Lua when the
            first line is ``<lua>``.
    """

    name: str
    paths: Sequence[str] = ()
    requires: Sequence[str] = ()
    provides: Sequence[str] = ()
    ghosts: Sequence[str] = ()
    scriptlets: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """What all packages of one build have in common.

    Attributes:
        tree: directory tree the packages are cut from; owner and group become root.
        version: version of all of them.
        release: release of all of them, such as ``1.el9``.
        architecture: architecture of all of them.
    """

    tree: Path
    version: str
    release: str
    architecture: str = "aarch64"


def build(source: Source, packages: Sequence[Package], destination: Path, work: Path) -> list[Path]:
    """Build packages.

    Args:
        source: the tree and the version.
        packages: what to build.
        destination: directory for the packages; made.
        work: directory for the specification and rpm's own files; made.

    Returns:
        The packages' files.

    Raises:
        PiclusterError: rpmbuild is missing or refused something.
    """
    with os_errors("prepare a package build", work):
        for directory in (destination, work / "home"):
            directory.mkdir(parents=True, exist_ok=True)
        for package in packages:
            (work / f"{package.name}.files").write_text(_files(source.tree, package))
        specification = work / "stand-in.spec"
        specification.write_text(_specification(source, packages, work))
    defines = _DEFINES | {
        "_topdir": str(work),
        "_rpmdir": str(destination),
        "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        "_dbpath": str(work / "db"),
        "_tmppath": str(work),
    }
    options = [part for name, value in defines.items() for part in ("--define", f"{name} {value}")]
    environment = ["env", f"HOME={work / 'home'}", "LC_ALL=C.UTF-8"]
    target = ["--target", f"{source.architecture}-linux", "--buildroot", str(source.tree)]
    command(
        [*environment, "rpmbuild", "-bb", "--noclean", *target, *options, str(specification)],
        timeout_s=_BUILD_TIMEOUT_S,
    )
    stem = f"{source.version}-{source.release}.{source.architecture}.rpm"
    return [destination / f"{package.name}-{stem}" for package in packages]


def below(tree: Path, path: str) -> list[str]:
    """Give a path of a tree and all below it, relative to the tree; nothing is followed."""
    found = [path]
    for directory, directories, files in os.walk(tree / path):
        base = os.path.relpath(directory, tree)
        found += [os.path.join(base, name) for name in (*directories, *files)]  # noqa: PTH118
    return found


def _files(tree: Path, package: Package) -> str:
    lines = ["%defattr(-,root,root,-)"]
    for path in package.paths:
        status = (tree / path).lstat()
        kind = "%dir " if stat.S_ISDIR(status.st_mode) else ""
        user = package.owners.get(path)
        owner = f"%attr(-,{user},{user}) " if user else ""
        lines.append(f'{owner}{kind}"/{path}"')
    lines += [f'%ghost "/{path}"' for path in package.ghosts]
    return "\n".join(lines) + "\n"


def _specification(source: Source, packages: Sequence[Package], work: Path) -> str:
    head, *_ = packages
    text = [
        f"Name: {head.name}",
        f"Version: {source.version}",
        f"Release: {source.release}",
        *_preamble(head),
        "%description",
        "A stand-in for tests.",
    ]
    for package in packages[1:]:
        text += [f"%package -n {package.name}", *_preamble(package)]
        text += [f"%description -n {package.name}", "A stand-in for tests."]
    text += ["%install"]
    for package in packages:
        for name in SCRIPTLETS:
            if name in package.scriptlets:
                text += _scriptlet(package, name)
        text.append(f"%files -n {package.name} -f {work / package.name}.files")
    return "\n".join(text) + "\n"


def _preamble(package: Package) -> list[str]:
    return [
        f"Summary: A stand-in for {package.name}",
        "License: various",
        "AutoReqProv: no",
        *(f"Requires: {name}" for name in package.requires),
        *(f"Requires(pre): {name}" for name in package.requires),
        *(f"Provides: {name}" for name in package.provides),
    ]


def _scriptlet(package: Package, name: str) -> list[str]:
    body = package.scriptlets[name]
    interpreter = ""
    if body.startswith("<"):
        interpreter, body = body.split("\n", 1)
    head = f"%{name} -n {package.name}" + (f" -p {interpreter}" if interpreter else "")
    # A percent sign is rpm's; in a scriptlet it is the shell's.
    return [head, body.replace("%", "%%").strip("\n")]
