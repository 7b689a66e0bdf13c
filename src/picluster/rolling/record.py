"""What a rolling reboot has done so far, on the disk: its tasks share it, the next run goes on.

Every step of a reboot is a process of its own. The record is replaced as a whole before anything
happens that somebody has to undo.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from picluster.atomic import write_atomically
from picluster.errors import os_errors, refusal
from picluster.rolling.batches import Batch
from picluster.rolling.options import Options
from picluster.rolling.report import BoardResult, Outcome

_VERSION = 1


@dataclass(slots=True)
class Told:
    """A batch that is under way.

    Attributes:
        bank: number of its bank.
        title: its name, for people.
        boots: boards that reboot, with the boot id they had.
        targets: the version each of them is to run.
        results: of the others.
    """

    bank: int
    title: str
    boots: dict[str, str]
    targets: dict[str, str]
    results: list[BoardResult] = field(default_factory=list)


@dataclass(slots=True)
class Record:
    """A rolling reboot.

    Attributes:
        cluster: identity of the cluster.
        options: what the user said.
        keeper: process that holds the lock for this run; 0 where none does.
        began: when the first batch began, seconds since 1970.
        batches: in order.
        results: of boards whose batch is over, by name.
        drained: boards that were drained and not resumed yet, with the hooks, earlier runs' too.
        told: the batch that is under way.
        stopped: why no further batch is touched.
        cancelled: somebody cancelled it.
        notices: what else is to be told.
    """

    cluster: str
    options: Options
    keeper: int = 0
    began: float = 0.0
    batches: list[Batch] = field(default_factory=list)
    results: dict[str, BoardResult] = field(default_factory=dict)
    drained: dict[str, list[str]] = field(default_factory=dict)
    told: Told | None = None
    stopped: str = ""
    cancelled: bool = False
    notices: list[str] = field(default_factory=list)

    def batch_of(self, names: Iterable[str]) -> Batch | None:
        """The batch these boards are in."""
        wanted = set(names)
        return next((batch for batch in self.batches if wanted & set(batch.boards)), None)

    def drain(self, names: Iterable[str], hooks: Iterable[str]) -> None:
        """Note that hooks are about to drain boards."""
        for name in names:
            before = self.drained.get(name, [])
            self.drained[name] = [*before, *(hook for hook in hooks if hook not in before)]

    def to_resume(self, names: Iterable[str]) -> list[tuple[str, list[str]]]:
        """Hooks with the boards each has to resume, the last drained first."""
        found: dict[str, list[str]] = {}
        for name in names:
            for hook in self.drained.get(name, []):
                found.setdefault(hook, []).append(name)
        return list(reversed(found.items()))

    def resumed(self, hook: str, names: Iterable[str]) -> None:
        """Note that a hook has resumed boards."""
        for name in names:
            left = [one for one in self.drained.get(name, []) if one != hook]
            if left:
                self.drained[name] = left
            else:
                self.drained.pop(name, None)


def record_path(journal: Path) -> Path:
    """The record beside the campaigns' journal."""
    return journal.with_name(f"{journal.name}.reboot.json")


def save(path: Path, record: Record) -> None:
    """Replace the record.

    Raises:
        PiclusterError: it cannot be written; the old one is as it was.
    """
    write_atomically(path, json.dumps({"version": _VERSION, **asdict(record)}, default=str) + "\n")


def load(path: Path, cluster: str) -> Record | None:
    """The record of a cluster; ``None`` where there is none.

    Raises:
        PiclusterError: it cannot be read, is another cluster's or another version's.
    """
    remedy = "move it away; boards that are drained have to be resumed by hand then"
    if not path.exists():
        return None
    with os_errors("read the record of the last reboot", path, remedy):
        text = path.read_text("utf-8")
    try:
        data = json.loads(text)
        if data.pop("version") != _VERSION or data["cluster"] != cluster:
            raise ValueError
        return _record(data)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise refusal(f"is no record of a reboot of {cluster}", remedy, file=path) from None


def _record(data: dict[str, Any]) -> Record:
    told = data["told"]
    return Record(
        **{
            **data,
            "options": Options(**data["options"]),
            "batches": [_batch(one) for one in data["batches"]],
            "results": {name: _result(one) for name, one in data["results"].items()},
            "told": told and Told(**{**told, "results": [_result(one) for one in told["results"]]}),
        }
    )


def _batch(data: dict[str, Any]) -> Batch:
    return Batch(**{**data, "boards": tuple(data["boards"])})


def _result(data: dict[str, Any]) -> BoardResult:
    return BoardResult(**{**data, "outcome": Outcome(data["outcome"])})
