"""Load and run the project's modules as Ansible does."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
RunModule = Callable[..., dict[str, Any]]
RunModules = Callable[[Sequence[tuple[str, dict[str, Any], bool]]], list[dict[str, Any]]]


def load(path: str, name: str) -> ModuleType:
    """Import a file of plugins/ under a name."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "plugins" / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def dhcp_probe() -> ModuleType:
    return load("modules/dhcp_probe.py", "dhcp_probe")


@pytest.fixture(scope="session")
def deb_sources() -> ModuleType:
    return load("module_utils/deb_sources.py", "ansible.module_utils.deb_sources")


@pytest.fixture(scope="session")
def release_tree() -> ModuleType:
    return load("module_utils/release_tree.py", "ansible.module_utils.release_tree")


@pytest.fixture(scope="session")
def image_tree() -> ModuleType:
    return load("module_utils/image_tree.py", "ansible.module_utils.image_tree")


@pytest.fixture(scope="session")
def deb_files() -> ModuleType:
    return importlib.import_module("plugins.module_utils.deb_files")


@pytest.fixture(scope="session")
def image_store() -> ModuleType:
    return importlib.import_module("plugins.module_utils.image_store")


@pytest.fixture(scope="session")
def image_switch() -> ModuleType:
    return importlib.import_module("plugins.module_utils.image_switch")


@pytest.fixture(scope="session")
def image_use() -> ModuleType:
    return importlib.import_module("plugins.module_utils.image_use")


@pytest.fixture(scope="session")
def image_prune() -> ModuleType:
    return importlib.import_module("plugins.module_utils.image_prune")


@pytest.fixture(scope="session")
def node_links() -> ModuleType:
    return importlib.import_module("plugins.module_utils.node_links")


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }


def _results(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The result of each task on this machine, in order."""
    found = json.loads(done.stdout[done.stdout.index("{") :])
    return [task["hosts"]["localhost"] for task in found["plays"][0]["tasks"]]


@pytest.fixture(scope="session")
def run_modules(tmp_path_factory: pytest.TempPathFactory) -> RunModules:
    """Run modules one after the other in one run of ansible; gives their results.

    Each is a name, its options, and whether it is only a check.
    """

    def run(steps: Sequence[tuple[str, dict[str, Any], bool]]) -> list[dict[str, Any]]:
        tasks = [
            {name: options, "check_mode": check, "diff": True, "ignore_errors": True}
            for name, options, check in steps
        ]
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        playbook = tmp_path_factory.mktemp("play") / "play.json"
        playbook.write_text(json.dumps([play]))
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "-i", "localhost,", "-c", "local", str(playbook)]
        done = subprocess.run(
            [*command, "-e", f"ansible_python_interpreter={sys.executable}"],
            cwd=ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return _results(done)

    return run


@pytest.fixture(scope="session")
def run_module() -> RunModule:
    """Run a module on this machine through ansible, in a namespace if asked; gives its result."""

    def run(
        name: str, options: dict[str, Any], *, check: bool = False, inside: list[str] | None = None
    ) -> dict[str, Any]:
        command = [
            str(Path(sys.executable).with_name("ansible")),
            "-i",
            "localhost,",
            "-c",
            "local",
        ]
        command += ["-m", name, "-a", json.dumps(options), "--diff", "localhost"]
        command += ["-e", f"ansible_python_interpreter={sys.executable}"]
        command += ["--check"] if check else []
        done = subprocess.run(
            [*(inside or []), *command],
            cwd=ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        (answer,) = _results(done)
        return answer

    return run
