"""The command: exit status, output and ``bench.json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from picluster.errors import refusal
from tests.bench.figure import Figure, at_most
from tests.bench.runner import NAMES, load, main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def fast() -> Iterator[Figure]:
    yield Figure("fast.ratio", 0.5, "x", at_most(1))
    yield Figure("fast.time", 2, "s")


def slow() -> Iterator[Figure]:
    yield Figure("slow.ratio", 1.5, "x", at_most(1))


def lost() -> Iterator[Figure]:
    yield Figure("lost.time", 2, "s")
    raise refusal("a head in a container needs root", "run this as root")


BENCHMARKS = {"fast": fast, "slow": slow, "lost": lost}
FAST = ["fast.ratio 0.5 x <=1 ok", "fast.time 2 s - ok"]
SLOW = ["slow.ratio 1.5 x <=1 short"]
LOST = ["lost.time 2 s - ok", "lost.completed 0 runs =1 short"]


@pytest.mark.parametrize(
    ("names", "lines", "status"),
    [
        (["fast"], FAST, 0),
        (["slow"], SLOW, 1),
        (["lost"], LOST, 1),
        (["slow", "fast", "slow"], SLOW + FAST, 1),
        ([], FAST + SLOW + LOST, 1),
    ],
)
def test_run(
    names: list[str],
    lines: list[str],
    status: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = tmp_path / "build" / "bench.json"

    assert main(names, benchmarks=BENCHMARKS, report=report) == status

    assert capsys.readouterr().out.splitlines() == lines
    figures = json.loads(report.read_text())["figures"]
    assert [" ".join(map(str, figure.values())) for figure in figures] == lines
    assert [list(figure) for figure in figures] == [
        ["name", "value", "unit", "limit", "verdict"]
    ] * len(lines)


def test_a_benchmark_that_cannot_run_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["lost"], benchmarks=BENCHMARKS, report=tmp_path / "bench.json")

    assert (
        "error: lost cannot run here: a head in a container needs root; run this as root\n"
        in capsys.readouterr().err
    )


def test_unknown_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "bench.json"
    report.write_text("old")

    assert main(["fast", "quick"], benchmarks=BENCHMARKS, report=report) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "error: no benchmark 'quick'; there are: fast, slow, lost\n"
    assert report.read_text() == "old"


def test_a_run_that_dies_leaves_no_old_figures(tmp_path: Path) -> None:
    def broken() -> Iterator[Figure]:
        yield Figure("broken.time", 1, "s")
        raise ZeroDivisionError

    report = tmp_path / "bench.json"
    report.write_text("old")

    with pytest.raises(ZeroDivisionError):
        main(["broken"], benchmarks={"broken": broken}, report=report)

    assert not report.exists()


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_is_there(name: str) -> None:
    assert callable(load(name))
