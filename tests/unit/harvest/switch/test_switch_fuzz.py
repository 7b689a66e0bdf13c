"""Any text, and any damage to a real table, ends in facts or in a refusal."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from switch_reading import FIXTURES, MODIFIED, text_of

from picluster.errors import PiclusterError
from picluster.harvest.formats.base import Context, Format
from picluster.harvest.formats.switch import FORMATS
from picluster.harvest.observation import Fact, Observation, Position, Remark

MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
PRINTABLE = re.compile(r"[ -~]{1,64}")
SAMPLES = [text_of(path) for path in sorted(FIXTURES.iterdir()) if path.name != "expected.json"]
relaxed = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def check(fact: Fact) -> None:
    if isinstance(fact, Observation):
        assert MAC.fullmatch(fact.mac)
        assert int(fact.mac[:2], 16) % 2 == 0
        assert fact.seen is not None
        for name in (fact.port, fact.vlan):
            assert name is None or PRINTABLE.fullmatch(name)
    elif isinstance(fact, Position):
        assert PRINTABLE.fullmatch(fact.switch)
        assert PRINTABLE.fullmatch(fact.port)
    else:
        assert isinstance(fact, Remark)
        assert fact.what.isprintable()


def read(form: Format, text: str) -> None:
    form.matches(text)
    refused: PiclusterError | None = None
    try:
        for fact in form.parse(enumerate(text.split("\n"), 1), Context("table", MODIFIED)):
            check(fact)
    except PiclusterError as error:
        refused = error
    if refused is not None:
        assert all(problem.file == "table" for problem in refused.problems)
        assert str(refused).replace("\n", "").isprintable()


@relaxed
@given(text=st.text(max_size=400))
@example(text="\ufeff{")
@example(text="[" * 5000 + '"mac_table":')
@example(text='{"port_table": ' + "9" * 5000 + "}")
def test_any_text(text: str) -> None:
    assert sum(form.matches(text) for form in FORMATS) <= 1
    for form in FORMATS:
        read(form, text)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A real table with a piece cut out, doubled or overwritten, or two tables in one."""
    text = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(
            st.one_of(
                st.just(""),
                st.just(text[start:stop] * 2),
                st.text(max_size=12),
                st.sampled_from(["\n", "\r", "\b", "\x1b[", "}}", '"', "'", "=", "\x00", "0" * 40]),
                st.sampled_from(SAMPLES),
            )
        )
        text = text[:start] + piece + text[stop:]
    return text


@relaxed
@given(text=damaged())
def test_damaged_tables(text: str) -> None:
    matching = [form for form in FORMATS if form.matches(text)]
    assert len(matching) <= 1
    for form in matching:
        read(form, text)


@relaxed
@given(text=damaged(), form=st.sampled_from(FORMATS))
def test_the_wrong_format_does_no_harm(text: str, form: Format) -> None:
    read(form, text)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize(
    "unit",
    ["a ", "1,", "-- ", "Gi1/1,", "0:", ".1", "[1]", '"', "(", " = ", "b8:27:eb:", "\b", "U "],
)
def test_no_line_takes_long(form: Format, unit: str) -> None:
    line = (unit * 4096)[:4096]
    text = "\n".join(
        [line, f"  {line[:4000]} b8:27:eb:00:00:01", f"b8:27:eb:00:00:01 {line[:4000]}"]
    )
    start = time.process_time()
    read(form, text)
    assert time.process_time() - start < 2
