"""Every fixture gives exactly the facts written down for it, however it was captured."""

from __future__ import annotations

import json
from typing import Any

import pytest
from switch_reading import FIXTURES, facts_of, format_of, plain, text_of

from picluster.errors import PiclusterError
from picluster.harvest.formats.base import Format
from picluster.harvest.formats.switch import FORMATS
from picluster.harvest.observation import Observation

EXPECTED: dict[str, Any] = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))
NAMES = sorted(EXPECTED)
#: Kinds whose rows are told from noise line by line (JSON and CSV are whole documents).
TABLES = [name for name in NAMES if not name.endswith((".json", ".csv"))]


def read(text: str) -> list[str]:
    try:
        return [plain(fact) for fact in facts_of(text)]
    except PiclusterError as error:
        return [f"refused {problem}" for problem in error.problems]


def seen(text: str) -> list[tuple[object, ...]]:
    return [
        (fact.mac, fact.port, fact.vlan, fact.uplink, fact.address, fact.seen)
        for fact in facts_of(text)
        if isinstance(fact, Observation)
    ]


def test_each_fixture_is_listed() -> None:
    files = {path.name for path in FIXTURES.iterdir()}
    assert files == {*NAMES, "expected.json"}


def test_each_format_has_a_fixture() -> None:
    assert {entry["format"] for entry in EXPECTED.values()} == {form.name for form in FORMATS}


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_formats_say_what_they_are(form: Format) -> None:
    assert form.name == form.name.lower()
    assert form.title
    assert form.streams is False


@pytest.mark.parametrize("name", NAMES)
def test_facts(name: str) -> None:
    text = text_of(FIXTURES / name)
    assert format_of(text).name == EXPECTED[name]["format"]
    assert read(text) == EXPECTED[name]["facts"]


@pytest.mark.parametrize("name", NAMES)
def test_line_endings_change_nothing(name: str) -> None:
    text = text_of(FIXTURES / name).replace("\r\n", "\n")
    crlf = text.replace("\n", "\r\n")
    assert format_of(crlf) is format_of(text)
    assert read(crlf) == read(text)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "swctrl-poe.txt"])
@pytest.mark.parametrize(
    "dress",
    [
        lambda text: "\n\nLast login: Thu Jan  1 00:00:00 2026 from 192.0.2.1\n\n" + text,
        lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
        lambda text: "".join(f"\x1b[0m{line}\x1b[K\n" for line in text.split("\n")),
        lambda text: text.replace("\n", "\n--More--\b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\b"),
        lambda text: text.replace("\n", "\n--More--\r        \r"),
        lambda text: "\n".join(f"{line}   " for line in text.split("\n")),
    ],
    ids=["banner", "quoted", "ansi", "pager-backspaces", "pager-return", "trailing-blanks"],
)
def test_terminal_leftovers_change_nothing(name: str, dress: Any) -> None:
    text = text_of(FIXTURES / name).replace("\r\n", "\n")
    dressed = dress(text)
    assert format_of(dressed).name == EXPECTED[name]["format"]
    assert seen(dressed) == seen(text)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "swctrl-poe.txt"])
def test_a_broken_row_is_reported_and_loses_no_other(name: str) -> None:
    text = text_of(FIXTURES / name).replace("\r\n", "\n").rstrip("\n")
    last = text.rsplit("\n", 1)[-1]
    broken = f"{text}\n   ?? b8:27:eb:99:99:9g {{{{x}}}} ??\n{last}"
    number = text.count("\n") + 2
    remarks = [line for line in read(broken) if line.startswith(f"{number} remark ")]
    assert len(remarks) == 1
    assert "b8:27:eb:99:99:9g" in remarks[0]
    assert set(seen(text)) == set(seen(broken))


def test_a_line_too_long_is_reported_and_not_parsed() -> None:
    text = text_of(FIXTURES / "radlan.txt") + "   " + "1 b8:27:eb:18:00:09 gi9 dynamic " * 200
    assert read(text)[-1] == "10 remark line of more than 4096 characters: not read"
    assert seen(text) == seen(text_of(FIXTURES / "radlan.txt"))


@pytest.mark.parametrize("name", ["unifi-device.json", "unifi-sta.json", "bridge-fdb.json"])
@pytest.mark.parametrize("mark", ["", "> "])
def test_json_between_words(name: str, mark: str) -> None:
    text = text_of(FIXTURES / name)
    quoted = "\n".join(mark + line for line in text.splitlines())
    assert seen(f"My switch says:\n\n```json\n{quoted}\n```\nThanks!\n") == seen(text)
