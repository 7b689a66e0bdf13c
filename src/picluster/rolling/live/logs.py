"""Collect the journals of boards into a folder, and what their boot servers know of the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from picluster.atomic import write_atomically
from picluster.campaign.fleet import Board, Fleet, fleet_of
from picluster.campaign.live.campaign import Options, reaches_of
from picluster.errors import PiclusterError, os_errors
from picluster.plan.model import AddressPlan
from picluster.rolling.command import Answer, harmless
from picluster.rolling.folding import folded

_HEAD_S = 120.0
#: Words of a board that fit on a command line.
_NAMED = 500


@dataclass(slots=True)
class Collected:
    """What was collected.

    Attributes:
        folder: where the files are, by bank.
        own: boards that gave their own journal.
        cut: of those, boards whose journal was longer than what is kept.
        empty: boards that gave one without a line.
        head: boards of which only their boot server knows something.
        nothing: boards of which nothing is known, with the reason.
        unasked: boards that are ready and did not give their journal.
        problems: boot servers that could not be asked.
    """

    folder: Path
    own: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    nothing: dict[str, str] = field(default_factory=dict)
    unasked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Exit status: 3 where a board that is ready did not give its journal."""
        return 3 if self.unasked or self.problems else 0

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        names = ("own", "cut", "empty", "head", "unasked", "problems", "status")
        return {
            "folder": str(self.folder), "nothing": self.nothing,
            **{name: getattr(self, name) for name in names},
        }  # fmt: skip

    def lines(self) -> list[str]:
        """It for people."""
        told = {
            "only their boot server's lines": self.head,
            "longer than what is kept": self.cut,
            "without a line": self.empty,
        }
        lines = [f"{what}: {folded(names)}" for what, names in told.items() if names]
        reasons: dict[str, list[str]] = {}
        for name, why in self.nothing.items():
            reasons.setdefault(why, []).append(name)
        lines += [f"gave nothing: {folded(names)}: {why}" for why, names in reasons.items()]
        kept = len(self.own) + len(self.head)
        return [*lines, *self.problems, f"{len(self.own)} journals, {kept} files in {self.folder}"]


class Collector:
    """Takes the journals of boards, one by one.

    Args:
        plan: the address plan.
        folder: where they go: ``bank_11/pi-11-7.log``.
        size: bytes that are kept of each board.
    """

    def __init__(self, plan: AddressPlan, folder: Path, size: int) -> None:
        self._plan = plan
        self._fleet: Fleet = fleet_of(plan)
        self._size = size
        self._missing: dict[str, str] = {}
        self.found = Collected(folder)

    def take(self, answer: Answer) -> None:
        """Take a board's journal."""
        if answer.status != 0:
            why = answer.why or f"journalctl ended with status {answer.status}: {_last(answer)}"
            self._missing[answer.board] = why
            self.found.unasked.append(answer.board)
            return
        text = answer.text.lstrip("\n")
        self._write(answer.board, text)
        self.found.own.append(answer.board)
        if len(text.encode()) >= self._size:
            self.found.cut.append(answer.board)
        if not text.strip():
            self.found.empty.append(answer.board)

    def end(self, absent: Mapping[str, str], since: str, options: Options) -> Collected:
        """Ask the boot servers for what they know of boards that gave nothing.

        Args:
            absent: boards that are not ready, with the reason.
            since: as journalctl takes it.
            options: the way to the boot servers.
        """
        self._missing |= absent
        boards = [board for board in self._fleet.boards if board.name in self._missing]
        lines = self._ask(boards, since, options)
        for board in boards:
            why = self._missing[board.name]
            if lines.get(board.name):
                title = f"# {board.name} gave no journal ({why}); its boot server has this:\n"
                self._write(board.name, title + harmless(lines[board.name]))
                self.found.head.append(board.name)
            else:
                self.found.nothing[board.name] = why
        order = {board.name: number for number, board in enumerate(self._fleet.boards)}
        for names in (self.found.own, self.found.cut, self.found.empty, self.found.unasked):
            names.sort(key=order.__getitem__)
        return self.found

    def _write(self, name: str, text: str) -> None:
        folder = self.found.folder / f"bank_{self._fleet.by_name[name].bank}"
        with os_errors("make the folder of logs", folder, "name another with --to"):
            folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{name}.log", text)

    def _ask(self, boards: Sequence[Board], since: str, options: Options) -> dict[str, str]:
        served = {bank.number: bank.boot_server for bank in self._plan.cluster.banks}
        program = files("picluster.rolling.live").joinpath("headlog.py").read_text("utf-8")
        banks = sorted({board.bank for board in boards})
        found: dict[str, str] = {}
        for reach in reaches_of(self._plan, banks, options) if banks else []:
            mine = [board for board in boards if served[board.bank] == reach.name]
            for start in range(0, len(mine), _NAMED):
                words = {
                    board.name: [board.name, board.address, str(board.mac)]
                    for board in mine[start : start + _NAMED]
                }
                order = {"since": since, "size": self._size, "boards": words}
                try:
                    command = ["python3", "-I", "-", json.dumps(order)]
                    text = reach.run(command, text=program, limit_s=_HEAD_S)
                    found |= {str(name): str(lines) for name, lines in json.loads(text).items()}
                except PiclusterError as error:
                    self.found.problems.append(str(error.problems[0]))
                except (ValueError, AttributeError):
                    self.found.problems.append(f"{reach.name} did not give its journal")
        return found


def _last(answer: Answer) -> str:
    return answer.text.strip().rpartition("\n")[2][:200]
