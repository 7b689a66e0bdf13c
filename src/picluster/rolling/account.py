"""The report of a reboot, from its record: whatever has become of each board so far."""

from __future__ import annotations

from picluster.rolling.batches import Batch
from picluster.rolling.record import Record
from picluster.rolling.report import BoardResult, Outcome, Report, status_of


def report_of(record: Record, cluster: str, now: float) -> Report:
    """How it went, or goes: of a batch that is under way, boards are open.

    Args:
        record: what was done.
        cluster: the cluster's name.
        now: seconds since 1970.
    """
    boards = [board for batch in record.batches for board in _results(batch, record)]
    meant = {board.name for board in boards}
    drained = tuple(name for name in record.drained if name in meant)
    broken = record.cancelled or record.told is not None
    present = {board.name for board in boards if board.outcome is not Outcome.ABSENT}
    left = not present.isdisjoint(drained)
    status = status_of(boards, record.stopped, cancelled=broken, drained=left)
    return Report(
        cluster, status, record.stopped, round(now - record.began, 1), tuple(boards), drained,
        tuple(record.notices),
    )  # fmt: skip


def _results(batch: Batch, record: Record) -> list[BoardResult]:
    why = "the reboot was cancelled before its batch"
    if record.stopped and not record.cancelled:
        why = "the reboot stopped before its batch"
    known = dict(record.results)
    if record.told is not None:
        known |= {one.name: one for one in record.told.results}
        open_ = "the reboot broke off after its batch had begun"
        known |= {
            name: BoardResult(name, batch.bank, Outcome.OPEN, open_) for name in record.told.boots
        }
    untouched = (BoardResult(name, batch.bank, Outcome.UNTOUCHED, why) for name in batch.boards)
    return [known.get(one.name, one) for one in untouched]
