"""A measured figure, the limit it is held against and the two ways it is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Significant digits of a value as it is printed and judged.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value may be: ``<=``, ``>=`` or ``=`` and a number."""

    sense: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a value keeps to it."""
        if self.sense == "<=":
            return value <= self.bound
        return value >= self.bound if self.sense == ">=" else value == self.bound

    def __str__(self) -> str:
        return f"{self.sense}{_number(self.bound)}"


def at_most(bound: float) -> Limit:
    """The value is this or less."""
    return Limit("<=", bound)


def at_least(bound: float) -> Limit:
    """The value is this or more."""
    return Limit(">=", bound)


def exactly(bound: float) -> Limit:
    """The value is this."""
    return Limit("=", bound)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: ``<benchmark>.<what>``, without blanks.
        value: the measured number.
        unit: its unit, without blanks; ``x`` for a ratio.
        limit: what it is held against, ``None`` for one that is reported only.
    """

    name: str
    value: float
    unit: str
    limit: Limit | None = None

    def __post_init__(self) -> None:
        for word in (self.name, self.unit):
            if not word or any(character.isspace() for character in word):
                raise ValueError(f"not one word: {word!r}")

    @property
    def ok(self) -> bool:
        """Whether it keeps to its limit, judged on the value that is printed."""
        return self.limit is None or self.limit.holds(float(_number(self.value)))

    def fields(self) -> dict[str, str | float]:
        """It as an element of ``build/bench.json``."""
        return {
            "name": self.name,
            "value": json.loads(_number(self.value)),
            "unit": self.unit,
            "limit": "-" if self.limit is None else str(self.limit),
            "verdict": "ok" if self.ok else "short",
        }

    def line(self) -> str:
        """``name value unit limit ok|short``."""
        return " ".join(str(value) for value in self.fields().values())


def _number(value: float) -> str:
    """A decimal without exponent: integers whole, others to four significant digits."""
    if value == int(value):
        return str(int(value))
    whole = len(str(abs(int(value)))) if abs(value) >= 1 else 0
    text = f"{value:.{max(1, _DIGITS - whole)}f}"
    return text.rstrip("0").rstrip(".")


def document(figures: Sequence[Figure]) -> str:
    """The text of ``build/bench.json``."""
    return json.dumps({"figures": [figure.fields() for figure in figures]}, indent=2) + "\n"
