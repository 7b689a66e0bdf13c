"""Errors a user can cause: each says where, what was found, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SHOWN = 80


def shown(value: object) -> str:
    """Give a value from outside as printable, bounded text for a message.

    Args:
        value: anything; control characters, quotes and newlines come out escaped.

    Returns:
        At most 80 characters in quotes, with ``…`` where it was cut.
    """
    text = ascii(value) if isinstance(value, (str, bytes)) else ascii(str(value))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def printable(text: str) -> str:
    """A name as it is, or escaped and bounded where a terminal would not print it as it is."""
    return text if text.isprintable() else shown(text)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        what: what is wrong, with the offending value, in one clause.
        remedy: what the user does about it; may be empty.
        file: the file or source it was found in, or ``None``.
        line: 1-based line in that file, or ``None``.
    """

    what: str
    remedy: str = ""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = ""
        if self.file is not None:
            file = printable(self.file)
            where = f"{file}:{self.line}: " if self.line else f"{file}: "
        return f"{where}{self.what}" + (f"; {self.remedy}" if self.remedy else "")


class PiclusterError(ValueError):
    """A refusal: nothing was written. Holds one or more :class:`Problem`.

    Attributes:
        problems: every offender, in the order found; never empty.
    """

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def refusal(
    what: str, remedy: str = "", *, file: str | Path | None = None, line: int | None = None
) -> PiclusterError:
    """Make the error for a single problem (see :class:`Problem` for the arguments)."""
    return PiclusterError(Problem(what, remedy, None if file is None else str(file), line))


@contextmanager
def os_errors(action: str, path: str | Path, remedy: str = "") -> Iterator[None]:
    """Turn an ``OSError`` in the block into a refusal naming the action, file and reason."""
    try:
        yield
    except OSError as error:
        raise refusal(f"cannot {action}: {error.strerror or error}", remedy, file=path) from error
