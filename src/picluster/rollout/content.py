"""What a version of a workload is made of: checked names, files, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from picluster.errors import refusal, shown
from picluster.rollout.secret import FOLDER

#: A file of the control node, or bytes that are made.
Content = Path | bytes

CONF = "workload.conf"
PROGRAMS = ("run", "check", "drain")
_SHARE, _SETTINGS = "share", "settings"
_MADE = ("SHA256SUMS", _SETTINGS, FOLDER)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_CONF = re.compile(
    r"(?:memory_mib|start_s|drain_s)=[1-9][0-9]{0,5}|user=[a-z_][a-z0-9_-]{0,31}"
    r"|privileged=(?:yes|no)|#[ -~]*|",
    re.ASCII,
)
_SETTING = re.compile(r"[A-Z][A-Z0-9_]{0,31}", re.ASCII)
_VALUE = re.compile(r"[ -~]*", re.ASCII)


def contents_of(
    folder: Path,
    files: Mapping[str, Path],
    share: Mapping[str, Path],
    conf: Mapping[str, object],
    settings: Mapping[str, object],
) -> dict[str, Content]:
    """Everything of a version by its name there, in order of names.

    Args:
        folder: see :class:`picluster.rollout.pack.Parts`, as of the others.
        files: more files.
        share: more of ``share``.
        conf: lines of ``workload.conf``.
        settings: environment of the programs.

    Raises:
        PiclusterError: a name, file or setting cannot be one of a workload.
        OSError: a file cannot be read.
    """
    found = dict(_own(folder))
    for name, path in files.items():
        if not _FILE.fullmatch(name) or name in (_SHARE, *_MADE) or not path.is_file():
            raise refusal(f"{shown(name)}: {shown(str(path))} is no file of a workload", "name one")
        found[name] = path
    for name, path in share.items():
        if not all(_FILE.fullmatch(part) for part in name.split("/")):
            raise refusal(f"share: {shown(name)} is no name", "letters, digits and . _ + -")
        found |= dict(_tree(path, f"{_SHARE}/{name}"))
    for name in ("run", CONF):
        if name not in found:
            raise refusal(f"has no {name}", "see docs/workloads.md", file=folder)
    found[CONF] = _conf(Path(folder, CONF), conf)
    if settings:
        found[_SETTINGS] = _settings(settings)
    return dict(sorted(found.items()))


def _own(folder: Path) -> Iterator[tuple[str, Content]]:
    for path in sorted(folder.iterdir()):
        if path.name == _SHARE:
            yield from _tree(path, _SHARE)
        elif path.is_symlink() or not path.is_file() or not _FILE.fullmatch(path.name):
            raise refusal(
                f"{shown(path.name)} is no file of a workload",
                "plain files beside the folder share, of letters, digits and . _ + -",
                file=folder,
            )
        elif path.name in _MADE:
            raise refusal(f"{path.name} is made when it is delivered", "remove it", file=folder)
        else:
            yield path.name, path


def _tree(path: Path, name: str) -> Iterator[tuple[str, Content]]:
    if "\n" in name:
        raise refusal(f"a file name holds a line break: {shown(name)}", "rename it")
    if not path.is_symlink() and path.is_dir():
        for child in sorted(path.iterdir()):
            yield from _tree(child, f"{name}/{child.name}")
    elif path.is_symlink() or path.is_file():
        yield name, path
    else:
        raise refusal(f"{shown(str(path))} is no file and no folder", "name one")


def _conf(path: Path, instead: Mapping[str, object]) -> bytes:
    kept = [
        (number, line)
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if line.partition("=")[0] not in instead
    ]
    given = [(None, f"{name}={value}") for name, value in sorted(instead.items())]
    for number, line in (*kept, *given):
        if not _CONF.fullmatch(line):
            raise refusal(
                f"not a line of a workload's settings: {shown(line)}",
                "memory_mib, start_s or drain_s with a whole number, user with a name, privileged "
                "with yes or no",
                file=path,
                line=number,
            )
    last = dict(line.split("=", 1) for _, line in (*kept, *given) if "=" in line)
    if last.get("privileged") == "yes" and last.get("user") != "root":
        raise refusal(
            "privileged=yes without user=root", "set both, or leave privileged out", file=path
        )
    return "".join(f"{line}\n" for _, line in (*kept, *given)).encode()


def _settings(settings: Mapping[str, object]) -> bytes:
    for name, value in settings.items():
        if not _SETTING.fullmatch(name) or not _VALUE.fullmatch(str(value)):
            raise refusal(
                f"not a setting of a workload: {shown(name)}: {shown(str(value))}",
                "a name of capital letters, digits and _, a value of printable ASCII",
            )
    return "".join(f"{name}={value}\n" for name, value in sorted(settings.items())).encode()
