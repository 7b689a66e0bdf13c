"""The journal: one SQLite file that survives whatever happens to the campaign."""

from picluster.campaign.journal.saved import Journal, Notice, OpenOrder, Saved, Snapshot, Transient
from picluster.campaign.journal.sqlite import SqliteJournal

__all__ = ["Journal", "Notice", "OpenOrder", "Saved", "Snapshot", "SqliteJournal", "Transient"]
