"""The playbooks and roles pass the linters with the project's configuration, no rule skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LINTED = ["site.yml", "playbooks", "roles"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_ansible_lint_is_asked_for_production_and_skips_nothing() -> None:
    config = yaml.safe_load((ROOT / ".ansible-lint").read_text(encoding="utf-8"))
    assert config["profile"] == "production"
    assert {"skip_list", "warn_list", "mock_modules", "mock_roles"} & set(config) == set()
    skips = [path for path in (ROOT / "roles").rglob("*.yml") if "# noqa" in path.read_text()]
    assert skips == []


@pytest.mark.slow
def test_ansible_lint_passes() -> None:
    done = run("ansible-lint", "--offline", "--nocolor", *LINTED)
    assert done.returncode == 0, done.stdout + done.stderr


def test_yamllint_passes() -> None:
    done = run("yamllint", "--strict", *LINTED, "requirements.yml", ".ansible-lint", ".yamllint")
    assert (done.returncode, done.stdout) == (0, "")
