"""How a figure is judged and written."""

from __future__ import annotations

import json

import pytest

from tests.bench.figure import Figure, at_least, at_most, document, exactly


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        (Figure("a.ratio", 0.2, "x", at_most(0.2)), "a.ratio 0.2 x <=0.2 ok"),
        (Figure("a.ratio", 0.2001, "x", at_most(0.2)), "a.ratio 0.2001 x <=0.2 short"),
        (Figure("a.nodes", 1050, "nodes", at_least(1050)), "a.nodes 1050 nodes >=1050 ok"),
        (Figure("a.nodes", 1049, "nodes", at_least(1050)), "a.nodes 1049 nodes >=1050 short"),
        (Figure("a.changed", 0, "tasks", exactly(0)), "a.changed 0 tasks =0 ok"),
        (Figure("a.changed", 1, "tasks", exactly(0)), "a.changed 1 tasks =0 short"),
        (Figure("a.time", 83.14159, "s"), "a.time 83.14 s - ok"),
        (Figure("a.time", 123456.7, "us/node"), "a.time 123456.7 us/node - ok"),
        (Figure("a.tiny", 0.000012345, "s"), "a.tiny 0 s - ok"),
    ],
)
def test_line(figure: Figure, line: str) -> None:
    assert figure.line() == line
    assert len(line.split(" ")) == 5


def test_a_figure_is_judged_on_the_value_it_shows() -> None:
    assert Figure("a.ratio", 0.200001, "x", at_most(0.2)).line() == "a.ratio 0.2 x <=0.2 ok"


@pytest.mark.parametrize(("name", "unit"), [("a b", "s"), ("a", "us per node"), ("", "s")])
def test_name_and_unit_are_one_word(name: str, unit: str) -> None:
    with pytest.raises(ValueError, match="not one word"):
        Figure(name, 1, unit)


def test_document() -> None:
    figures = [Figure("a.ratio", 0.3, "x", at_most(0.2)), Figure("b.nodes", 84, "nodes")]
    assert json.loads(document(figures)) == {
        "figures": [
            {"name": "a.ratio", "value": 0.3, "unit": "x", "limit": "<=0.2", "verdict": "short"},
            {"name": "b.nodes", "value": 84, "unit": "nodes", "limit": "-", "verdict": "ok"},
        ]
    }
