"""Names of boards in short."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picluster.rolling.folding import folded


def numbers(text: str) -> list[int]:
    found = []
    for part in text.strip("[]").split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def unfolded(text: str) -> list[str]:
    """As nodeset reads it."""
    names = []
    for bank, slot in re.findall(r"pi-(\[[^]]*\]|\d+)-(\[[^]]*\]|\d+)", text):
        names += [f"pi-{b}-{s}" for b in numbers(bank) for s in numbers(slot)]
    return names


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["pi-11-7"], "pi-11-7"),
        (["pi-11-2", "pi-11-1", "pi-11-3", "pi-11-9"], "pi-11-[1-3,9]"),
        ([f"pi-{b}-{s}" for b in (11, 12) for s in range(1, 43)], "pi-[11-12]-[1-42]"),
        (["pi-11-1", "pi-12-2"], "pi-11-1,pi-12-2"),
        (["pi-2-1", "pi-10-1", "head", "pi-02-1"], "pi-[2,10]-1,head,pi-02-1"),
    ],
)
def test_names_are_folded(names: list[str], text: str) -> None:
    assert folded(names) == text


@given(st.sets(st.tuples(st.integers(0, 40), st.integers(1, 50)), max_size=60))
def test_nothing_is_lost_or_added(boards: set[tuple[int, int]]) -> None:
    names = [f"pi-{bank}-{slot}" for bank, slot in boards]
    assert sorted(unfolded(folded(names))) == sorted(names)
