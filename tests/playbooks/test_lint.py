"""What ``make lint`` asks of playbooks and roles: the strictest profile, no rule skipped."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_ansible_lint_is_asked_for_production_and_skips_nothing() -> None:
    config = yaml.safe_load((ROOT / ".ansible-lint").read_text(encoding="utf-8"))
    assert config["profile"] == "production"
    assert {"skip_list", "warn_list", "mock_modules", "mock_roles"} & set(config) == set()
    skips = [path for path in (ROOT / "roles").rglob("*.yml") if "# noqa" in path.read_text()]
    assert skips == []
