"""What the listener keeps is bounded, whoever sends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from picluster.harvest.live import beacons
from picluster.harvest.live.beacons import Tally
from picluster.harvest.observation import Kind, Observation, Remark

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


def test_last_time_counts() -> None:
    tally = Tally()
    tally.hear(b"0xb827eb110001", "172.20.11.1", WHEN)
    tally.hear(b"0xb827eb110001", "172.20.11.1", LATER)
    assert list(tally.facts("beacons:1")) == [
        Observation(
            "b8:27:eb:11:00:01",  # type: ignore[arg-type]
            Kind.BEACON,
            "beacons:1",
            seen=LATER,
            address="172.20.11.1",
        )
    ]


def test_table_of_boards_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beacons, "MAX_PAIRS", 3)
    tally = Tally()
    for i in range(1, 6):
        tally.hear(f"0xb827eb11000{i}".encode(), f"172.20.11.{i}", WHEN)
    tally.hear(b"0xb827eb110001", "172.20.11.1", LATER)
    facts = list(tally.facts("beacons:1"))
    assert [f.address for f in facts if isinstance(f, Observation)] == [
        "172.20.11.1",
        "172.20.11.2",
        "172.20.11.3",
    ]
    assert facts[-1] == Remark("more than 3 boards: 2 beacons left out", "beacons:1")


def test_table_of_junk_is_bounded() -> None:
    tally = Tally()
    for i in range(100):
        tally.hear(b"junk", f"172.20.11.{i}", WHEN)
        tally.hear(b"junk", f"172.20.11.{i}", WHEN)
    facts = list(tally.facts("beacons:1"))
    assert len(facts) == 33
    assert facts[0] == Remark("172.20.11.0: not a beacon: b'junk' and 1 more", "beacons:1")
    assert facts[-1] == Remark("136 datagrams of further senders: no beacons", "beacons:1")
