"""What a journal says of every board, read without disturbing a campaign that runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from picluster.campaign.journal import coding
from picluster.campaign.journal.sqlite import APPLICATION, VERSION
from picluster.campaign.progress import Progress
from picluster.campaign.runs import BankRun
from picluster.errors import refusal


@dataclass(frozen=True, slots=True)
class Status:
    """What a journal knows: of each bank and board what its last campaign said.

    Attributes:
        running: the last campaign did not come to its end.
        offset: what to add to its times for seconds since 1970.
        wall: when it was kept last, seconds since 1970.
        runs: banks by each of their numbers.
        boards: progress and evidence by node name.
        attempts: times a board was cycled alone, by node name.
    """

    running: bool
    offset: float
    wall: float
    runs: dict[int, BankRun]
    boards: dict[str, tuple[Progress, tuple[str, ...]]]
    attempts: dict[str, int]


def read_status(path: Path, cluster: str) -> Status | None:
    """Read what a journal knows; ``None`` where there is no journal or no campaign.

    Args:
        path: the journal.
        cluster: identity of its cluster.

    Raises:
        PiclusterError: it is no journal, another version's or another cluster's, or damaged.
    """
    if not path.exists():
        return None
    with _opened(path, cluster) as db:
        row = db.execute(
            "SELECT number, ended_wall IS NULL, wall FROM campaign ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        number, running, wall = row
        offsets = dict(db.execute("SELECT number, wall - now FROM campaign"))
        present = offsets[number]

        def states(table: str, key: str) -> Iterator[tuple[str, str, float]]:
            # both words are this module's; SQLite takes the state of the row that has the maximum
            query = f"SELECT {key}, state, max(campaign) FROM {table} GROUP BY {key}"  # noqa: S608
            for name, text, campaign in db.execute(query):
                yield name, text, offsets[campaign] - present

        runs = [coding.run_of(text, shift) for _, text, shift in states("bank", "bank")]
        return Status(
            bool(running),
            present,
            wall,
            {bank: run for run in runs for bank in run.banks},
            {
                name: coding.progress_of(text, shift)
                for name, text, shift in states("board", "name")
            },
            {name: coding.alone_of(text).attempts for name, text, _ in states("alone", "name")},
        )


@contextmanager
def _opened(path: Path, cluster: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if (application, version) != (APPLICATION, VERSION):
                raise refusal("is no journal of this picluster", "name another file", file=path)
            (owner,) = db.execute("SELECT value FROM meta WHERE key = 'cluster'").fetchone()
            if owner != cluster:
                raise refusal(f"is the journal of {owner}, not of {cluster}", file=path)
            yield db
    except sqlite3.Error as error:
        raise refusal(f"cannot read the journal: {error}", file=path) from error
