"""Answers of many boards, folded by equality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from picluster.rolling.command import Answer
from picluster.rolling.folding import folded

#: Exit statuses: every board that is ready has run it well; some has not.
DONE, INCOMPLETE = 0, 3
_RULE = "-" * 15


@dataclass(frozen=True, slots=True)
class Group:
    """Boards that gave the same answer.

    Attributes:
        boards: their names.
        status: exit status of the command on each.
        text: what each of them said.
        cut: there was more.
        timed_out: the time of the command was over.
    """

    boards: tuple[str, ...]
    status: int
    text: str
    cut: bool
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """What a command came to.

    Attributes:
        command: the command.
        groups: the biggest first.
        unreached: boards that are ready and gave no answer, with the reason.
        absent: boards that are not ready, with the reason.
    """

    command: str
    groups: tuple[Group, ...]
    unreached: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """Exit status."""
        well = not self.unreached and all(group.status == 0 for group in self.groups)
        return DONE if well else INCOMPLETE

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        groups = [
            {
                "boards": folded(group.boards), "names": list(group.boards),
                "status": group.status, "output": group.text, "cut": group.cut,
                "timed_out": group.timed_out,
            }
            for group in self.groups
        ]  # fmt: skip
        return {
            "command": self.command,
            "status": self.status,
            "answered": sum(len(group.boards) for group in self.groups),
            "groups": groups,
            "unreached": dict(self.unreached),
            "absent": dict(self.absent),
        }

    def lines(self) -> list[str]:
        """It for people, as clush -b and dshbak have it."""
        lines: list[str] = []
        for group in self.groups:
            lines += [_RULE, f"{folded(group.boards)} ({len(group.boards)}){_end(group)}", _RULE]
            lines += group.text.rstrip("\n").split("\n") if group.text.strip("\n") else []
            lines += ["… there was more"] if group.cut else []
        return lines

    def sums(self) -> list[str]:
        """What is not as wanted, and how many answered."""
        failed = [name for group in self.groups if group.status for name in group.boards]
        answered = sum(len(group.boards) for group in self.groups)
        return [
            *_whys("no answer from", self.unreached),
            *_whys("not ready", self.absent),
            *([f"failed on {folded(failed)}"] if failed else []),
            f"{answered} answered ({len(self.groups)} different), {len(failed)} failed, "
            f"{len(self.unreached)} gave no answer, {len(self.absent)} are not ready",
        ]


def fold(
    command: str,
    answers: Iterable[Answer],
    absent: Mapping[str, str],
    order: Iterable[str],
) -> Answers:
    """Fold answers.

    Args:
        command: the command.
        answers: of the boards that were asked.
        absent: boards that were not, with the reason.
        order: names of all boards, as people expect them.
    """
    known = {answer.board: answer for answer in answers}
    same: dict[tuple[int, str, bool], list[str]] = {}
    unreached: dict[str, str] = {}
    timed_out: set[int] = set()
    for name in order:
        answer = known.get(name)
        if answer is None:
            continue
        if answer.status is None:
            unreached[name] = answer.why
            continue
        timed_out |= {answer.status} if answer.timed_out else set()
        same.setdefault((answer.status, answer.text, answer.cut), []).append(name)
    groups = [
        Group(tuple(names), status, text, cut, status in timed_out)
        for (status, text, cut), names in same.items()
    ]
    groups.sort(key=lambda group: -len(group.boards))
    return Answers(command, tuple(groups), unreached, dict(absent))


def _end(group: Group) -> str:
    if group.timed_out:
        return f": ended after its time, status {group.status}"
    return f": status {group.status}" if group.status else ""


def _whys(what: str, boards: Mapping[str, str]) -> list[str]:
    """Boards by reason."""
    reasons: dict[str, list[str]] = {}
    for name, why in boards.items():
        reasons.setdefault(why, []).append(name)
    return [f"{what} {folded(names)}: {why}" for why, names in reasons.items()]
