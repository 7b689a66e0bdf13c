"""ansible.cfg makes a refused plan an error, and the pages of the project hold one play each."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
import yaml

INCLUDE = "ansible.builtin.include_role"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "ansible.cfg")
    return parser


def test_a_refused_plan_ends_the_run(config: configparser.ConfigParser) -> None:
    assert config.getboolean("inventory", "any_unparsed_is_failed")
    assert config["inventory"]["enable_plugins"].split(", ")[0] == "picluster"


def test_the_registry_is_no_inventory(config: configparser.ConfigParser) -> None:
    assert ".csv" in config["inventory"]["ignore_extensions"].split(", ")


def test_facts_are_gathered_by_those_who_need_them(config: configparser.ConfigParser) -> None:
    assert config["defaults"]["gathering"] == "explicit"
    assert not config.getboolean("defaults", "inject_facts_as_vars")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.name
)
def test_playbooks_are_lists_of_roles(path: Path) -> None:
    """And of entry points of roles: a task does nothing but name one."""
    for play in yaml.safe_load(path.read_text(encoding="utf-8")):
        assert {"pre_tasks", "post_tasks", "handlers"} & set(play) == set()
        assert all(set(role) <= {"role", "when"} for role in play.get("roles", ()))
        for task in play.get("tasks", ()):
            if INCLUDE in task:  # of a workload, on each boot server
                assert set(task) <= {"name", INCLUDE, "loop", "loop_control", "when"}
                assert task[INCLUDE]["name"] == "workload_{{ workload }}"
                continue
            assert set(task) <= {"name", "ansible.builtin.import_role", "when"}
            assert set(task["ansible.builtin.import_role"]) == {"name", "tasks_from"}


@pytest.mark.parametrize("cluster", ["policebox", "mini", "zurich", "bench"])
def test_the_head_of_a_fresh_cluster_is_this_machine(cluster: str) -> None:
    path = ROOT / "inventory" / cluster / "group_vars/head/connection.yml"
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {"ansible_connection": "local"}
