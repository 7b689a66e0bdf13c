"""What earlier boots of boards and banks say about the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

#: Part of all boards that hardly ever boots, and how such a board and a sound one fail.
_BAD = 0.015
_BAD_FAILS = 0.9
_SOUND_FAILS = 0.02
_WORST = 0.8
#: What is believed before anything was measured counts as so many boots, of so many minutes.
_WEIGHT, _MINUTES = 10.0, 2.0
#: Yields are counted in these steps.
_STEPS = 40
#: So many boots of banks with so little yield are no chance.
_ALARM_BOOTS, _ALARM_YIELD = 3, 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one boot of one board ended.

    Attributes:
        board: the node's name.
        ready: it came up.
        key: the rule of its diagnosis; empty for a ready one.
        others_failed: part of its bank that failed in the same boot, 0 to 1.
        excused: the cause is not the board's: no power, bank unplugged, a service down, heat.
    """

    board: str
    ready: bool
    key: str = ""
    others_failed: float = 0.0
    excused: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A board's past.

    Attributes:
        boots: how often it was tried.
        failures: how often it failed since it last came up.
        bad: probability that it is a board that hardly ever boots.
        last: the rule of its last diagnosis.
    """

    boots: int = 0
    failures: int = 0
    bad: float = _BAD
    last: str = ""

    def after(self, outcome: Outcome) -> Record:
        """The record with one more boot."""
        if outcome.excused:
            return self
        # even in the worst of boots a sound board fails less often than one that never boots
        sound_fails = min(max(_SOUND_FAILS, outcome.others_failed), _WORST)
        if outcome.ready:
            likely, unlikely = 1 - _BAD_FAILS, 1 - sound_fails
        else:
            likely, unlikely = _BAD_FAILS, sound_fails
        weight = self.bad * likely
        total = weight + (1 - self.bad) * unlikely
        bad = weight / total if total > 0 else self.bad
        failures = 0 if outcome.ready else self.failures + 1
        return Record(self.boots + 1, failures, min(max(bad, 1e-6), 1 - 1e-6), outcome.key)


_NONE = Record()


@dataclass(slots=True)
class Boots:
    """What boots of banks yielded and took.

    Attributes:
        yields: how often which part of a bank's boards came up, in steps of a fortieth.
        minutes: from power to the last board that came up or failed, on average.
    """

    yields: dict[float, float] = field(default_factory=dict)
    minutes: float = 0.0

    @property
    def count(self) -> float:
        """Number of boots, or the weight of what is believed without any."""
        return sum(self.yields.values())

    @property
    def mean(self) -> float:
        """Part of a bank that comes up, on average."""
        total = self.count
        return sum(part * often for part, often in self.yields.items()) / total if total else 1.0

    def add(self, yielded: float, minutes: float) -> None:
        """Take one boot in."""
        part = round(yielded * _STEPS) / _STEPS
        self.yields[part] = self.yields.get(part, 0.0) + 1
        self.minutes += (minutes - self.minutes) / self.count


def believed() -> Boots:
    """As published of the 1050-Pi cluster: mostly all 42, once in a while 37, seldom fewer."""
    return Boots({1.0: 0.65 * _WEIGHT, 37 / 42: 0.25 * _WEIGHT, 25 / 42: 0.1 * _WEIGHT}, _MINUTES)


@dataclass(slots=True)
class History:
    """Measured boots: every board's record, and what a boot of a bank yields and takes.

    The averages of a campaign count from the next one on: which bank happens to be decided first
    must not change what is decided about another, or a campaign that was killed and resumed would
    end with other boards. Only when something is badly wrong do they count at once.

    Attributes:
        records: by node name.
        earlier: of earlier campaigns.
        present: of this one.
    """

    records: dict[str, Record] = field(default_factory=dict)
    earlier: Boots = field(default_factory=believed)
    present: Boots = field(default_factory=Boots)

    def record(self, board: str) -> Record:
        """A board's; an empty one when it was never tried."""
        return self.records.get(board, _NONE)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Take the boots of boards in."""
        for outcome in outcomes:
            self.records[outcome.board] = self.record(outcome.board).after(outcome)

    @property
    def badly(self) -> bool:
        """Whether so little comes up in this campaign that something common is wrong."""
        return self.present.count >= _ALARM_BOOTS and self.present.mean < _ALARM_YIELD

    @property
    def boots(self) -> Boots:
        """What the next boot of a bank may be expected to be like."""
        return self.present if self.badly else self.earlier

    @property
    def minutes(self) -> float:
        """Minutes that a boot of a bank takes, on average."""
        return self.earlier.minutes

    def chance(self, board: str) -> float:
        """Probability that a board comes up at its next boot."""
        bad = self.record(board).bad
        return (1 - bad) * self.boots.mean + bad * (1 - _BAD_FAILS)

    def sound(self, board: str) -> float:
        """Probability that a board is none of those that hardly ever boot."""
        return 1 - self.record(board).bad
