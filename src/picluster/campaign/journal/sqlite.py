"""The journal in a file: SQLite with a write-ahead log.

Every save is one transaction that is on the disk before the campaign goes on, so that a process
killed at any moment, or a head that loses its power, leaves the state before it or after it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import TracebackType

from picluster.campaign.events import Alarm, AlarmKind
from picluster.campaign.journal import coding
from picluster.campaign.journal.lock import Lock, lock_path
from picluster.campaign.journal.saved import Notice, OpenOrder, Saved, Snapshot
from picluster.campaign.policy.history import History, Outcome
from picluster.campaign.ports import Clock, PowerOrder, Verb
from picluster.errors import PiclusterError, refusal, shown

#: "picl": marks the file as a journal.
APPLICATION = 0x7069636C
#: Of the tables; another one is refused.
VERSION = 1
#: Outcomes of a board that its record is made of.
_OUTCOMES = 200_000


class SqliteJournal:
    """The journal of one cluster's campaigns; open, it keeps every other campaign out.

    Args:
        path: the file; made when there is none.
        cluster: identity of the cluster: its name and network.
        clock: the campaign's.
        durable: wait for the disk at every save; only a test does without.
        locked: whoever opens it holds the lock for it.

    Raises:
        PiclusterError: another campaign has it open; it is no journal, another version's, or
            another cluster's; it cannot be read or written.
    """

    def __init__(
        self,
        path: Path,
        cluster: str,
        clock: Clock,
        *,
        durable: bool = True,
        locked: bool = False,
    ) -> None:
        self._path = path
        self._clock = clock
        self._number = 0
        self._lock = None if locked else Lock(lock_path(path))
        try:
            self._db = self._open(durable)
            self._identify(cluster)
        except PiclusterError:
            self.close()
            raise
        except sqlite3.Error as error:
            self.close()
            raise self._broken(error) from error

    def _open(self, durable: bool) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None)
        self._db = db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        return db

    def _identify(self, cluster: str) -> None:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables:
            self._create(cluster)
            return
        if application != APPLICATION:
            raise refusal("is no journal of a campaign", "name another file", file=self._path)
        if version != VERSION:
            raise refusal(
                f"is a journal of version {version}, this picluster writes version {VERSION}",
                "finish the campaign with the picluster that began it, or name another file",
                file=self._path,
            )
        row = self._db.execute("SELECT value FROM meta WHERE key = 'cluster'").fetchone()
        if row is None or row[0] != cluster:
            other = shown(row[0]) if row else "nobody"
            raise refusal(
                f"is the journal of {other}, not of {shown(cluster)}",
                "name the journal of this cluster",
                file=self._path,
            )

    def _create(self, cluster: str) -> None:
        schema = files("picluster.campaign.journal").joinpath("schema.sql").read_text("utf-8")
        self._db.executescript(
            f"BEGIN IMMEDIATE; {schema} PRAGMA application_id = {APPLICATION};"
            f" PRAGMA user_version = {VERSION};"
            " COMMIT;"
        )
        self._db.execute("INSERT INTO meta VALUES ('cluster', ?)", (cluster,))

    def _broken(self, error: sqlite3.Error) -> PiclusterError:
        return refusal(
            f"cannot use the journal: {error}",
            "see that its folder is there and yours; a damaged file has to be moved away",
            file=self._path,
        )

    def close(self) -> None:
        """Close the file and let others in."""
        db: sqlite3.Connection | None = getattr(self, "_db", None)
        if db is not None:
            db.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- reading

    def history(self) -> History:
        """What all campaigns of this journal measured."""
        history = History()
        rows = self._db.execute(
            "SELECT name, ready, cause, others_failed, excused FROM "
            "(SELECT * FROM outcome ORDER BY number DESC LIMIT ?) ORDER BY number",
            (_OUTCOMES,),
        )
        history.add(
            Outcome(name, bool(ready), key, others, bool(excused))
            for name, ready, key, others, excused in rows
        )
        for ended, yielded, minutes in self._db.execute(
            "SELECT ended_wall IS NOT NULL, yielded, minutes FROM bank_boot JOIN campaign "
            "ON campaign.number = bank_boot.campaign WHERE counts ORDER BY bank_boot.number"
        ):
            (history.earlier if ended else history.present).add(yielded, minutes)
        return history

    def unfinished(self) -> Saved | None:
        """The last campaign, if it did not come to its end; times are of the present clock."""
        row = self._db.execute(
            "SELECT number, scope, started, boot, now, wall, position FROM campaign "
            "WHERE ended_wall IS NULL ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        number, scope, started, boot, now, wall, position = row
        self._number = number
        # another run of the machine counts anew: what both share is the wall clock
        shift = 0.0
        if boot != self._clock.boot():
            elapsed = max(0.0, self._clock.wall() - wall)
            shift = self._clock.now() - elapsed - now
        orders = [
            OpenOrder(PowerOrder(n, Verb(verb), _numbers(banks), board), at + shift)
            for n, at, verb, banks, board in self._rows(
                "number, at, verb, banks, board", "power_order", "AND open ORDER BY number"
            )
        ]
        (last,) = self._db.execute(
            "SELECT coalesce(max(number), 0) FROM power_order WHERE campaign = ?", (number,)
        ).fetchone()
        return Saved(
            campaign=number,
            scope=_numbers(scope),
            started=started + shift,
            position=position,
            runs=[coding.run_of(t, shift) for (t,) in self._rows("state", "bank", "ORDER BY bank")],
            boards={
                name: coding.progress_of(text, shift)
                for name, text in self._rows("name, state", "board")
            },
            alone={
                name: coding.alone_of(text) for name, text in self._rows("name, state", "alone")
            },
            orders=orders,
            last_order=last,
            alarms=[
                Alarm(at + shift, AlarmKind(kind), what, line)
                for at, kind, what, line in self._rows(
                    "at, kind, what, line", "alarm", "ORDER BY number"
                )
            ],
            notices=[
                Notice(at + shift, bank, text)
                for at, bank, text in self._rows("at, bank, text", "notice", "ORDER BY number")
            ],
        )

    def _rows(self, columns: str, table: str, rest: str = "") -> sqlite3.Cursor:
        # every word of it is this module's
        query = f"SELECT {columns} FROM {table} WHERE campaign = ? {rest}"  # noqa: S608
        return self._db.execute(query, (self._number,))

    # ---- writing

    def abandon(self) -> None:
        """Give every unfinished campaign up; what they measured stays."""
        self._db.execute(
            "UPDATE campaign SET ended_wall = ?, report = '{}' WHERE ended_wall IS NULL",
            (self._clock.wall(),),
        )

    def start(self, scope: Iterable[int], settings: Mapping[str, object]) -> None:
        """Begin a new campaign; an unfinished one is left as it is."""
        now, wall = self._clock.now(), self._clock.wall()
        cursor = self._db.execute(
            "INSERT INTO campaign (started_wall, started, scope, settings, boot, now, wall) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                wall,
                now,
                json.dumps(list(scope)),
                json.dumps(dict(settings)),
                self._clock.boot(),
                now,
                wall,
            ),
        )
        self._number = cursor.lastrowid or 0

    def intend(self, order: PowerOrder, at: float, snapshot: Snapshot) -> None:
        """Keep a power order and what changed before it, on the disk, before it is given."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._write(snapshot)
            self._db.execute(
                "INSERT INTO power_order VALUES (?, ?, ?, ?, ?, ?, 1)",
                (
                    self._number,
                    order.number,
                    at,
                    order.verb.value,
                    json.dumps(order.banks),
                    order.board,
                ),
            )

    def save(self, snapshot: Snapshot) -> None:
        """Keep what changed, on the disk."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._write(snapshot)

    def finish(self, report: Mapping[str, object]) -> None:
        """The campaign came to its end."""
        self._db.execute(
            "UPDATE campaign SET ended_wall = ?, report = ? WHERE number = ?",
            (self._clock.wall(), json.dumps(dict(report)), self._number),
        )

    def _write(self, snapshot: Snapshot) -> None:
        number = self._number
        self._db.execute(
            "UPDATE campaign SET boot = ?, now = ?, wall = ?, position = ? WHERE number = ?",
            (self._clock.boot(), snapshot.now, snapshot.wall, snapshot.position, number),
        )
        self._many("bank", 3, ((number, b, coding.run_text(r)) for b, r in snapshot.runs.items()))
        self._many(
            "board",
            3,
            (
                (number, name, coding.progress_text(progress, lines))
                for name, (progress, lines) in snapshot.boards.items()
            ),
        )
        self._many(
            "alone",
            3,
            ((number, name, coding.alone_text(run)) for name, run in snapshot.alone.items()),
        )
        self._many(
            "outcome",
            8,
            (
                (None, number, o.board, snapshot.wall, o.ready, o.key, o.others_failed, o.excused)
                for o in snapshot.outcomes
            ),
        )
        self._many(
            "bank_boot",
            7,
            (
                (None, number, b.bank, b.attempt, b.yielded, b.minutes, b.counts)
                for b in snapshot.boots
            ),
        )
        self._many(
            "alarm",
            6,
            ((None, number, a.at, a.kind.value, a.what, a.line) for a in snapshot.alarms),
        )
        self._many("notice", 5, ((None, number, n.at, n.bank, n.text) for n in snapshot.notices))
        self._db.executemany(
            "UPDATE power_order SET open = 0 WHERE campaign = ? AND number = ?",
            ((number, closed) for closed in snapshot.closed),
        )

    def _many(self, table: str, columns: int, rows: Iterable[tuple[object, ...]]) -> None:
        marks = ", ".join("?" * columns)
        self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)  # noqa: S608


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))
