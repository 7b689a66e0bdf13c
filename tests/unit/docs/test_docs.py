"""The pages and files that are made from others are current."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement

from picluster.cluster.load import find_description, load_cluster
from picluster.plan.build import build_plan
from picluster.registry.model import Registry
from picluster.registry.sample import sample_entries
from twin.samples.tables import samples

TREE = Path(__file__).resolve().parents[3]
ROLES = [path for path in sorted((TREE / "roles").iterdir()) if path.is_dir()]
PAGES = [
    TREE / "README.md",
    TREE / "CHANGELOG.md",
    *sorted((TREE / "docs").rglob("*.md")),
    *(role / "README.md" for role in ROLES),
]


def test_reference_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(TREE / "docs" / "make.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_links_lead_to_files() -> None:
    broken = [
        f"{page.relative_to(TREE)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_role_says_what_it_is_and_where_its_inputs_are() -> None:
    silent = [
        role.name
        for role in ROLES
        if not (text := (role / "README.md").read_text()).startswith(f"# {role.name}\n")
        or "(defaults/main.yml)" not in text
    ]
    assert silent == []


def test_decisions_are_all_listed() -> None:
    folder = TREE / "docs" / "decisions"
    listed = set(re.findall(r"\]\((\d{4}-[^)]+)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_sample_sources_are_those_of_the_sample_registry() -> None:
    cluster = load_cluster(find_description(TREE / "inventory" / "mini"))
    plan = build_plan(cluster, Registry(cluster.registry, sample_entries(cluster)))
    folder = TREE / "twin" / "samples" / "mini"
    assert {path.name: path.read_text() for path in folder.iterdir()} == samples(plan)


def test_constraints_pin_every_dependency_within_its_range() -> None:
    lines = (TREE / "constraints.txt").read_text().splitlines()
    pinned = {re.sub(r"[-_.]+", "-", name).lower(): v for name, v in (x.split("==") for x in lines)}
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]
    optional = chain.from_iterable(project["optional-dependencies"].values())
    wanted = [*project["dependencies"], *optional]
    for text in wanted:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate():
            name = re.sub(r"[-_.]+", "-", requirement.name).lower()
            assert requirement.specifier.contains(pinned[name]), text
            assert version(requirement.name) == pinned[name], "run make setup"
