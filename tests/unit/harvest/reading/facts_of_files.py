"""Short ways to state the facts of a file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from picluster.harvest.formats.base import Context
from picluster.harvest.formats.detect import detect
from picluster.harvest.observation import Fact, Observation

TREE = Path(__file__).parents[4]
FIXTURES = TREE / "tests" / "fixtures"
MODIFIED = datetime(2024, 6, 1, 12, tzinfo=UTC)


def facts(text: str, *, modified: datetime = MODIFIED, utc_offset_s: int = 0) -> list[Fact]:
    """All facts of a text in the format its head has."""
    lines = enumerate(text.splitlines(), 1)
    return list(detect(text, "f").parse(lines, Context("f", modified, utc_offset_s)))


def fixture(name: str) -> list[Fact]:
    """All facts of one of the project's fixtures, read as if changed on 2024-06-01."""
    return facts((FIXTURES / name).read_text(encoding="utf-8"))


def short(found: list[Fact]) -> list[tuple[object, ...]]:
    """Line with what an observation holds, or what a remark says."""
    return [
        (fact.line, str(fact.mac), *filter(None, (fact.event, fact.address, fact.serial)))
        if isinstance(fact, Observation)
        else (fact.line, fact.what)
        for fact in found
    ]


def shared() -> Path:
    """The folder of captured samples; the test is skipped where there is none."""
    folder = Path(os.environ.get("PICLUSTER_SHARED_DATA", TREE.parent / "shared" / "data"))
    if not (folder / "SOURCES.md").exists():
        pytest.skip(f"no captured samples at {folder}")
    return folder
