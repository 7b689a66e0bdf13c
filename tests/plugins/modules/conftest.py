"""Load and run the project's modules as Ansible does."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
RunModule = Callable[..., dict[str, Any]]


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
def deb_extract(deb_sources: ModuleType, release_tree: ModuleType) -> ModuleType:  # noqa: ARG001
    return load("modules/deb_extract.py", "deb_extract")


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
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        }
        done = subprocess.run(
            [*(inside or []), *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        result: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
        (task,) = result["plays"][0]["tasks"]
        answer: dict[str, Any] = task["hosts"]["localhost"]
        return answer

    return run
