"""A playbook to run, and how ansible-runner is told of it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picluster.errors import refusal
from picluster.runner.hidden import Secrets

_INSTALL = "pip install 'picluster[control]'"
#: Tasks that switch power and cannot be left half done: a cancel waits for their end.
PROTECTED = frozenset({"Switch the banks off"})


@dataclass(frozen=True, slots=True)
class Order:
    """A playbook to run.

    Attributes:
        project: its folder, see :func:`picluster.runner.project.find_project`.
        playbook: path below it.
        inventories: inventory sources.
        variables: extra variables.
        limit: as ``--limit`` takes it.
        check: change nothing.
        secrets: what nobody may read.
        protected: tasks that a cancel waits for.
        mortal: it ends in order when this process is killed, instead of going on unattended.
    """

    project: Path
    playbook: str
    inventories: Sequence[Path]
    variables: Mapping[str, Any] = field(default_factory=dict)
    limit: str | None = None
    check: bool = False
    secrets: Secrets = field(default_factory=Secrets)
    protected: frozenset[str] = PROTECTED
    mortal: bool = False


def ansible_runner() -> Any:
    """The package of that name.

    Raises:
        PiclusterError: it, or ansible-playbook, is not installed beside this Python.
    """
    try:
        # Only what talks to Ansible needs it: the library and its other commands do not.
        import ansible_runner  # noqa: PLC0415
    except ImportError as error:
        raise refusal("ansible-runner is not installed", _INSTALL) from error
    if not _program().exists():
        raise refusal("ansible-playbook is not installed beside picluster", _INSTALL)
    return ansible_runner


def _program() -> Path:
    return Path(sys.executable).with_name("ansible-playbook")


def words(order: Order) -> dict[str, str | None]:
    """Program, playbook and flags, as ansible-runner wants them."""
    playbook = str(order.project / order.playbook)
    flags = ["--check"] if order.check else []
    setpriv = shutil.which("setpriv") if order.mortal else None
    if setpriv is None:
        return {"playbook": playbook, "cmdline": shlex.join(flags) or None}
    # the kernel signals the playbook when the thread that started it dies
    words = ["--pdeathsig", "TERM", str(_program()), playbook, *flags]
    return {"binary": setpriv, "cmdline": shlex.join(words)}


def environment(order: Order) -> dict[str, str]:
    """Variables of the playbook beyond the caller's own."""
    project = order.project
    return {
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        # ansible-runner switches it off where nobody says otherwise
        "ANSIBLE_HOST_KEY_CHECKING": os.environ.get(
            "ANSIBLE_HOST_KEY_CHECKING", _host_key_checking(project)
        ),
        "PATH": os.pathsep.join([str(_program().parent), os.environ.get("PATH", os.defpath)]),
        **order.secrets.environment,
    }


def _host_key_checking(project: Path) -> str:
    """What the project's ansible.cfg says of host keys; on unless it says otherwise."""
    parser = ConfigParser(interpolation=None)
    parser.read(project / "ansible.cfg", encoding="utf-8")
    return parser.get("defaults", "host_key_checking", fallback="True")
