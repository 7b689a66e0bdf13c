"""How these tests read a text: as the harvest does, by the one format that matches it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.harvest.formats.base import Context
from picluster.harvest.formats.switch import FORMATS
from picluster.harvest.observation import Observation, Position

if TYPE_CHECKING:
    from picluster.harvest.formats.base import Format
    from picluster.harvest.observation import Fact

MODIFIED = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[4]
FIXTURES = ROOT / "tests" / "fixtures" / "switch"
SHARED = Path(os.environ.get("PICLUSTER_SHARED_DATA") or ROOT.parent / "shared" / "data")


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def format_of(text: str) -> Format:
    matching = [form for form in FORMATS if form.matches(text[: 64 * 1024])]
    assert len(matching) == 1, [form.name for form in matching]
    return matching[0]


def facts_of(text: str, form: Format | None = None) -> list[Fact]:
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    return list((form or format_of(text)).parse(lines, Context("table", MODIFIED)))


def plain(fact: Fact) -> str:
    """One line with everything a fact says, to compare whole results."""
    if isinstance(fact, Observation):
        age = "" if fact.seen is None else f"{(MODIFIED - fact.seen).total_seconds():g}s"
        return (
            f"{fact.line} {fact.mac} switch={fact.switch} port={fact.port} vlan={fact.vlan}"
            f" address={fact.address} age={age}{' uplink' if fact.uplink else ''}"
        )
    if isinstance(fact, Position):
        return f"{fact.line} position switch={fact.switch} port={fact.port} {fact.address}"
    return f"{fact.line} remark {fact.what}"


def stations(text: str) -> list[tuple[str, str | None, str | None]]:
    """MAC address, port and VLAN of each observation, in order."""
    return [
        (fact.mac, fact.port, fact.vlan) for fact in facts_of(text) if isinstance(fact, Observation)
    ]
