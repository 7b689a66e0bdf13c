"""A rolling reboot before it begins: who would reboot into what, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from picluster.errors import PiclusterError, Problem
from picluster.rolling.batches import Batch
from picluster.rolling.folding import folded
from picluster.rolling.live.look import Present
from picluster.rolling.options import Options
from picluster.rolling.report import BoardResult, Outcome


@dataclass(frozen=True, slots=True)
class Prepared:
    """A reboot that nothing speaks against.

    Attributes:
        options: what the user said.
        batches: in order.
        boards: every board that is meant, as it is now.
        drained: boards an earlier run drained and did not resume.
    """

    options: Options
    batches: tuple[Batch, ...]
    boards: Mapping[str, Present]
    drained: frozenset[str] = frozenset()

    def reboots(self, batch: Batch) -> list[Present]:
        """Boards of a batch that would reboot."""
        return [
            one
            for one in (self.boards[name] for name in batch.boards)
            if reboots(one, self.options)
        ]

    def resumes(self, batch: Batch) -> list[str]:
        """Boards of a batch that would only be resumed."""
        rebooting = {one.name for one in self.reboots(batch)}
        return [
            name
            for name in batch.boards
            if name in self.drained and self.boards[name].ready and name not in rebooting
        ]

    @property
    def changes(self) -> int:
        """Boards that would reboot or be resumed."""
        return sum(len(self.reboots(one)) + len(self.resumes(one)) for one in self.batches)

    def refuse_unpointed(self) -> None:
        """Refuse boards that would find no image.

        Raises:
            PiclusterError: naming them.
        """
        lost = [one.name for batch in self.batches for one in self.reboots(batch) if not one.next]
        if lost:
            raise PiclusterError(
                Problem(
                    f"the TFTP server has no image for {folded(lost)}",
                    "publish and promote one: playbooks/image.yml",
                )
            )

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return {
            "hooks": list(self.options.hooks),
            "batches": [
                {
                    "bank": batch.bank,
                    "canary": batch.canary,
                    "reboot": {one.name: [one.image, one.next] for one in self.reboots(batch)},
                    "resume": self.resumes(batch),
                    "absent": [name for name in batch.boards if not self.boards[name].ready],
                }
                for batch in self.batches
            ],
        }

    def lines(self) -> list[str]:
        """It for people."""
        count = sum(len(self.reboots(batch)) for batch in self.batches)
        hooks = f", drained by {', '.join(self.options.hooks)}" if self.options.hooks else ""
        return [f"{count} boards would reboot, bank by bank{hooks}", *map(self._line, self.batches)]

    def _line(self, batch: Batch) -> str:
        ways: dict[tuple[str, str], int] = {}
        for one in self.reboots(batch):
            way = (one.image or "an unknown image", one.next)
            ways[way] = ways.get(way, 0) + 1
        absent = sum(not self.boards[name].ready for name in batch.boards)
        resume = len(self.resumes(batch))
        same = len(batch.boards) - sum(ways.values()) - absent
        words = [f"{count} from {old} to {new}" for (old, new), count in ways.items()]
        words += [f"{same} unchanged"] if same else []
        words += [f"{absent} absent"] if absent else []
        words += [f"{resume} to resume"] if resume else []
        return f"{batch.title}: {', '.join(words)}"


def reboots(board: Present, options: Options) -> bool:
    """Whether a board reboots: it runs something else than it would boot, or all do."""
    return board.ready and (options.force or not board.current)


def unasked(board: Present) -> BoardResult:
    """The result of a board that does not reboot."""
    if not board.ready:
        return BoardResult(board.name, board.bank, Outcome.ABSENT, board.why, board.image)
    return BoardResult(board.name, board.bank, Outcome.UNCHANGED, "", board.image)
