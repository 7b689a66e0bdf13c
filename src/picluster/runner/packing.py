"""A private data directory for ansible-runner itself, to run here or to send to a boot server."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from picluster.cluster.load import find_description, load_cluster
from picluster.errors import os_errors, refusal
from picluster.runner.hidden import Secrets
from picluster.runner.project import find_project

#: What playbooks of the project need, and nothing of the rest.
_PROJECT = ("ansible.cfg", "site.yml", "playbooks", "roles", "plugins")
_BESIDE = ("group_vars", "host_vars", "known_hosts")
_SETTINGS = {"pexpect_timeout": 1}
#: ansible-runner switches it off where nobody says otherwise.
_ENVIRONMENT = {"ANSIBLE_HOST_KEY_CHECKING": "True", "ANSIBLE_NOCOLOR": "1"}
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def pack(
    folder: Path,
    sources: list[Path],
    *,
    variables: Mapping[str, Any] | None = None,
    secrets: Secrets | None = None,
    limit: str | None = None,
    check: bool = False,
    project: Path | None = None,
) -> None:
    """Write a private data directory: ``project``, ``inventory`` and ``env``.

    Args:
        folder: where; it must not be there yet, or be empty.
        sources: inventory sources, the cluster's first.
        variables: extra variables, into ``env/extravars``.
        secrets: variables, answers and the key go into ``env``; the environment may hold none.
        limit: hosts, as Ansible takes them.
        check: change nothing.
        project: folder of the playbooks; found from the first source when ``None``.

    Raises:
        PiclusterError: the folder holds something, a source is not there, or a secret would be in
            the environment, which ansible-runner writes into its artefacts.
    """
    hidden = secrets or Secrets()
    if hidden.environment:
        raise refusal(
            f"{', '.join(hidden.environment)} would be in ansible-runner's artefacts",
            "keep it in a file on the machine that runs the playbook: PICLUSTER_PDU_PASSWORD_FILE",
        )
    tree = project or find_project(sources[0])
    description = find_description(sources[0])
    for source in sources:
        if not source.exists():
            raise refusal("no such inventory source", "correct the path", file=source)
    with os_errors("write the private data directory", folder, "name an empty folder"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise refusal("the folder is not empty", "name another one", file=folder)
        folder.chmod(0o700)
        for name in _PROJECT:
            _copy(tree / name, folder / "project" / name)
        _inventory(description, sources, folder / "inventory")
        _environment(folder / "env", {**(variables or {}), **hidden.variables}, hidden)
        words = [*(["--limit", limit] if limit else []), *(["--check"] if check else [])]
        if words:
            _private(folder / "env" / "cmdline", shlex.join(words))


def _inventory(description: Path, sources: list[Path], target: Path) -> None:
    if sources[0].is_dir():
        _copy(sources[0], target)
    else:
        beside = [description.parent / name for name in _BESIDE]
        for path in (description, load_cluster(description).registry, *beside):
            if path.exists():
                _copy(path, target / path.relative_to(description.parent))
    for number, source in enumerate(sources[1:], 1):
        # Ansible reads them by name, and the later ones have the last word
        _copy(source, target / f"zz-{number}-{source.name}")


def _environment(folder: Path, variables: Mapping[str, Any], secrets: Secrets) -> None:
    folder.mkdir(mode=0o700)
    _private(folder / "settings", json.dumps(_SETTINGS))
    _private(folder / "envvars", json.dumps(_ENVIRONMENT))
    for name, data in (("extravars", variables), ("passwords", secrets.passwords)):
        if data:
            _private(folder / name, json.dumps(dict(data)))
    if secrets.ssh_key is not None:
        _private(folder / "ssh_key", secrets.ssh_key)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=_LEFT_OUT, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
