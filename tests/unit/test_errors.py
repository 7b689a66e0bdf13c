"""Messages: whatever a file is called, a terminal prints the message and does nothing else."""

import pytest

from picluster.errors import Problem, refusal


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("sw-1.txt", "sw-1.txt:7: is empty; name another"),
        ("Zürich 1.txt", "Zürich 1.txt:7: is empty; name another"),
        ("a\x1b]0;x\x07\nb", r"'a\x1b]0;x\x07\nb':7: is empty; name another"),
        ("a" * 90 + "\n", "'" + "a" * 78 + "…:7: is empty; name another"),
    ],
)
def test_name_of_the_file(file: str, said: str) -> None:
    assert str(refusal("is empty", "name another", file=file, line=7)) == said


def test_problem_without_a_place() -> None:
    assert str(Problem("no source named")) == "no source named"
