"""The collections named are those the installed package of Ansible brings along."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# Not ``from ansible.utils``: a package of ansible-core has a collection's name.
NAMED = re.compile(
    r"(?<!from )"
    r"\b((?:ansible\.(?:posix|utils|netcommon)|community\.[a-z]+|containers\.podman))\.[a-z]"
)


def shipped(name: str) -> str:
    """Give the version of a collection in the installed package ``ansible``."""
    spec = find_spec("ansible_collections")
    assert spec is not None
    assert spec.submodule_search_locations
    for place in spec.submodule_search_locations:
        manifest = Path(place, *name.split("."), "MANIFEST.json")
        if manifest.is_file():
            version = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
            return str(version)
    raise AssertionError(f"collection {name} is not in the package ansible")


def test_versions_are_those_that_ship() -> None:
    named = yaml.safe_load((ROOT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert {item["name"]: item["version"] for item in named} == {
        item["name"]: shipped(item["name"]) for item in named
    }


def test_every_collection_in_use_is_named() -> None:
    named = yaml.safe_load((ROOT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    files = [ROOT / "site.yml", ROOT / "ansible.cfg"]
    for folder in ("playbooks", "roles", "molecule", "plugins", "twin"):
        files += [*(ROOT / folder).rglob("*.yml"), *(ROOT / folder).rglob("*.py")]
    used = {match[1] for path in files for match in NAMED.finditer(path.read_text("utf-8"))}
    assert used == {item["name"] for item in named}
