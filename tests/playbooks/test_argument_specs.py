"""Every input of a role is in its defaults with a comment and in its argument_specs, once each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "meta").is_dir())
# What the inventory plugin hands to every boot server.
FROM_INVENTORY = re.compile(r"\bpicluster_\w+")


def load(role: str, path: str) -> Any:
    return yaml.safe_load((ROOT / "roles" / role / path).read_text(encoding="utf-8"))


def options(role: str) -> dict[str, Any]:
    return load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def keys_of(data: Any, name: str) -> list[Any]:
    """Collect the values of a key anywhere in nested data."""
    if isinstance(data, dict):
        here = [data[name]] if name in data else []
        return here + [value for item in data.values() for value in keys_of(item, name)]
    if isinstance(data, list):
        return [value for item in data for value in keys_of(item, name)]
    return []


def test_every_role_is_covered() -> None:
    assert set(ROLES) >= {
        "boot_files",
        "campaign",
        "control_node",
        "control_secret",
        "dhcp_server",
        "head_network",
        "host_authority",
        "image_versions",
        "known_hosts",
        "kubernetes_server",
        "message_server",
        "nfs_server",
        "node_image",
        "node_services",
        "rollout",
        "shutdown",
        "shutdown_timer",
        "tftp_server",
        "time_server",
        "slurm_controller",
        "workload_boinc",
        "workload_example",
        "workload_java_app",
        "workload_kubernetes",
        "workload_mpi",
        "workload_slurm",
        "workload_store",
    }


@pytest.mark.parametrize("role", ROLES)
def test_inputs_are_the_same_in_defaults_and_specs(role: str) -> None:
    assert list(load(role, "defaults/main.yml")) == list(options(role))


@pytest.mark.parametrize("role", ROLES)
def test_inputs_carry_the_role_as_prefix(role: str) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_written_once(role: str) -> None:
    """A default in the specs would be a second place for the same value."""
    assert keys_of(options(role), "default") == []


@pytest.mark.parametrize("role", ROLES)
def test_every_input_has_a_comment(role: str) -> None:
    lines = (ROOT / "roles" / role / "defaults/main.yml").read_text(encoding="utf-8").splitlines()
    inputs = {
        line.partition(":")[0]: lines[number - 1]
        for number, line in enumerate(lines)
        if line.startswith(f"{role}_")
    }
    assert [name for name, above in inputs.items() if not above.startswith("# ")] == []


@pytest.mark.parametrize("role", ROLES)
def test_required_are_those_the_inventory_gives(role: str) -> None:
    """An input is required exactly when its default only hands on what the plan says."""
    handed_on = {
        name
        for name, value in load(role, "defaults/main.yml").items()
        if isinstance(value, str) and re.fullmatch(r"\{\{ picluster_\w+ \}\}", value)
    }
    required = {name for name, option in options(role).items() if option.get("required")}
    assert required == handed_on


@pytest.mark.parametrize("role", ROLES)
def test_roles_know_no_group_and_no_host(role: str) -> None:
    """They look at other hosts, or delegate to one, by a group that is an input."""
    files = [path for path in (ROOT / "roles" / role).rglob("*.yml") if path.is_file()]
    some = r"(?: \| intersect\(\w+\))?(?: \| map\('extract', hostvars\))?"
    by_input = re.compile(
        rf"\bgroups\[{role}_\w*group\]{some}"
        rf'|delegate_to: (?:"{{{{ {role}_\w+ }}}}"|localhost$)',
        re.MULTILINE,
    )
    named = re.compile(r"\b(groups|hostvars)\b|delegate_to")
    text = {str(path): by_input.sub("", path.read_text(encoding="utf-8")) for path in files}
    assert {
        path: named.findall(content) for path, content in text.items() if named.search(content)
    } == {}


@pytest.mark.parametrize("role", ROLES)
def test_inventory_variables_enter_by_the_defaults_only(role: str) -> None:
    inside = [
        path
        for part in ("tasks", "handlers", "vars", "templates")
        for path in (ROOT / "roles" / role / part).rglob("*")
        if path.is_file() and re.search(r"\{\{[^}]*" + FROM_INVENTORY.pattern, path.read_text())
    ]
    assert inside == []
