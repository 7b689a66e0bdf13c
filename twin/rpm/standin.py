"""A repository from which an image of Oracle Linux 9 is built that boots.

What only Oracle's own packages can show is listed in the documentation.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import os_errors
from twin.rpm import debian, kernel, package
from twin.rpm.package import LINKS, Package, Source, below
from twin.rpm.parts import BASE, DROPPED, PARTS, UNWANTED
from twin.rpm.repository import Repository, sign

if TYPE_CHECKING:
    from twin.rpm.keys import Key

VERSION = "9.0"
RELEASE = "1.el9"
#: Files with the content of Enterprise Linux's own.
FILES = Path(__file__).with_name("files")
_DIRECTORIES = tuple(
    f"{above}{name}"
    for above, names in {
        "": "boot dev etc home mnt opt proc root run srv sys tmp usr var",
        "usr/": "bin lib lib/modules libexec sbin share",
        "var/": "cache empty lib lib/rpm log spool tmp",
    }.items()
    for name in names.split()
)
_MODES = {"root": 0o550, "tmp": 0o1777, "var/tmp": 0o1777, "proc": 0o555, "sys": 0o555}
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnobody:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
    "etc/profile": "umask 022\n",
}
# Says whether a kernel's installation built an initramfs, as the one of the real package would.
_DRACUT_PLUGIN = "#!/bin/sh\necho $2 >>/var/lib/dracut-was-run\n"


def make(directory: Path, work: Path, key: Key) -> Repository:
    """Make the repository, its packages and its metadata signed.

    Args:
        directory: of the repository; made.
        work: scratch directory; made.
        key: signs packages and metadata.

    Raises:
        PiclusterError: a program is missing or failed.
    """
    tree = work / "tree"
    named = " ".join(part.debian for part in PARTS.values()).split()
    lists = debian.unpack([*BASE, *named, kernel.DEBIAN], tree)
    with os_errors("write the stand-in", tree):
        _write(tree)
    packages = [_filesystem(), *_parts(tree, lists), *kernel.packages(tree)]
    sign(package.build(Source(tree, VERSION, RELEASE), packages, directory, work / "build"), key)
    repository = Repository(directory)
    repository.index(key)
    return repository


def _write(tree: Path) -> None:
    """Write what is not Debian's."""
    for source in (path for path in FILES.rglob("*") if path.is_file()):
        target = tree / source.relative_to(FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy(source, target)
    for name, text in _ACCOUNTS.items():
        (tree / name).unlink(missing_ok=True)
        (tree / name).write_text(text)
    (tree / "etc/shadow").chmod(0)
    (tree / "etc/ssh/sshd_config").chmod(0o600)
    (tree / "var/lib/chrony").mkdir(exist_ok=True)
    plugin = tree / "usr/lib/kernel/install.d/50-dracut.install"
    plugin.write_text(_DRACUT_PLUGIN)
    plugin.chmod(0o755)
    shutil.copy(tree / "usr/lib/openssh/sftp-server", tree / "usr/libexec/openssh/sftp-server")
    for link, program in (("usr/bin/sh", "bash"), ("usr/bin/awk", "mawk")):
        (tree / link).unlink(missing_ok=True)
        (tree / link).symlink_to(program)
    for name in _DIRECTORIES:
        (tree / name).mkdir(exist_ok=True)
        (tree / name).chmod(_MODES.get(name, 0o755))


def _filesystem() -> Package:
    paths = [*_DIRECTORIES, *debian.MERGED]
    return Package("filesystem", paths, scriptlets={"pretrans": LINKS})


def _parts(tree: Path, lists: dict[str, list[str]]) -> list[Package]:
    """Share the files among the parts; what none claims is of ``basesystem``."""
    owned: dict[str, list[str]] = {}
    for name, part in PARTS.items():
        own = [path for given in part.files.split() for path in below(tree, given)]
        own += part.owners
        owned[name] = [*own, *(path for deb in part.debian.split() for path in lists.pop(deb))]
    claimed = {path for paths in owned.values() for path in paths}
    rest = {path for deb, paths in lists.items() if not DROPPED.fullmatch(deb) for path in paths}
    owned["basesystem"] += rest - claimed
    return [
        Package(
            name,
            sorted(set(filter(lambda path: _is_kept(tree, path, part.files), owned[name]))),
            part.requires.split(),
            part.provides.split(),
            scriptlets=part.scriptlets,
            owners=part.owners,
        )
        for name, part in PARTS.items()
    ]


def _is_kept(tree: Path, path: str, given: str) -> bool:
    """Tell whether a path is packaged: given by name, or there and not Debian's alone."""
    if any(path == name or path.startswith(f"{name}/") for name in given.split()):
        return path not in _DIRECTORIES
    return os.path.lexists(tree / path) and not UNWANTED.fullmatch(path)
