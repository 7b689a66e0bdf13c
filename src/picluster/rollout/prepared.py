"""A roll-out before it begins: for the engine, and for whoever wants to know."""

from __future__ import annotations

from dataclasses import dataclass

from picluster.rollout.batches import Batch
from picluster.rollout.shelf import Shelf
from picluster.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Prepared:
    """A roll-out that nothing speaks against.

    Attributes:
        target: what the boards are to have.
        batches: to whom, in order.
        unchanged: boards that have it already.
        why_absent: why boards are not ready, by name.
        shelves: what the boot servers hold.
    """

    target: Target
    batches: tuple[Batch, ...]
    unchanged: frozenset[str]
    why_absent: dict[str, str]
    shelves: tuple[Shelf, ...]

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return {
            "workload": self.target.workload,
            "version": self.target.version.name,
            "batches": [
                {
                    "bank": batch.bank,
                    "canary": batch.canary,
                    "change": self._told(batch),
                    "unchanged": len(batch.boards) - len(self._told(batch)),
                    "absent": list(batch.absent),
                }
                for batch in self.batches
            ],
        }

    def _told(self, batch: Batch) -> list[str]:
        return [name for name in batch.boards if name not in self.unchanged]

    @property
    def changes(self) -> int:
        """Boards that would be told."""
        return sum(len(self._told(batch)) for batch in self.batches)

    def lines(self) -> list[str]:
        """It for people."""
        what = f"{self.target.workload} {self.target.version.name or '(none of it)'}"
        lines = [f"{what}: {self.changes} boards would change, batch by batch"]
        for batch in self.batches:
            told = len(self._told(batch))
            words = [f"{told} change", f"{len(batch.boards) - told} unchanged"]
            words += [f"{len(batch.absent)} absent"] if batch.absent else []
            lines.append(f"{batch.name}: {', '.join(words)}")
        return lines
