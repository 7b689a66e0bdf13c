"""This machine's own tables: the journal of systemd and the kernel's neighbour table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.harvest.live import commands
from picluster.harvest.live.journal import observe_unit
from picluster.harvest.live.neigh import observe_neighbours
from picluster.harvest.observation import Kind, Observation

UNIT = "isc-dhcp-server.service"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)


def write_journal(folder: Path, messages: list[str], unit: str = UNIT) -> Path:
    """Write a real journal, an entry a second from START on."""
    tool = shutil.which("systemd-journal-remote", path="/lib/systemd:/usr/lib/systemd")
    if tool is None or shutil.which("journalctl") is None:
        pytest.skip("needs journalctl and systemd-journal-remote")
    entries = []
    for number, text in enumerate(messages):
        stamp = int((START + timedelta(seconds=number)).timestamp() * 1_000_000)
        entries.append(
            f"__REALTIME_TIMESTAMP={stamp}\n__MONOTONIC_TIMESTAMP={number + 1}\n"
            f"_BOOT_ID={'5' * 32}\n_SYSTEMD_UNIT={unit}\nSYSLOG_IDENTIFIER=dhcpd\n"
            f"PRIORITY=6\nMESSAGE={text}\n\n"
        )
    folder.mkdir(exist_ok=True)
    subprocess.run(
        [tool, f"--output={folder}/head.journal", "-"],
        input="".join(entries).encode(),
        check=True,
        capture_output=True,
    )
    return folder


OFFERS = [
    "Listening on LPF/eth1/b8:27:eb:00:00:01/172.20.0.0/16",
    "DHCPDISCOVER from b8:27:eb:11:00:01 via eth1: unknown client",
    "DHCPOFFER on 172.20.11.2 to b8:27:eb:11:00:02 (pi-11-2) via eth1",
]
FACTS = [
    Observation(
        "b8:27:eb:11:00:01",  # type: ignore[arg-type]
        Kind.DHCP,
        f"journal:{UNIT}",
        seen=START + timedelta(seconds=1),
        event="unknown",
    ),
    Observation(
        "b8:27:eb:11:00:02",  # type: ignore[arg-type]
        Kind.DHCP,
        f"journal:{UNIT}",
        seen=START + timedelta(seconds=2),
        address="172.20.11.2",
        event="offer",
    ),
]


def test_journal_tells_what_dhcpd_logged(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "journal", OFFERS)
    assert list(observe_unit(UNIT, since="-1h", directory=folder)) == FACTS


def test_since_leaves_older_entries_out(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "journal", OFFERS)
    since = f"@{int(START.timestamp()) + 2}"
    assert list(observe_unit(UNIT, since=since, directory=folder)) == FACTS[1:]


def test_following_ends_in_time_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_journal(tmp_path / "journal", OFFERS)
    pids: list[int] = []
    inner = commands.Stream.lines

    def noting(self: commands.Stream):  # type: ignore[no-untyped-def]
        pids.append(self.pid)
        return inner(self)

    monkeypatch.setattr(commands.Stream, "lines", noting)
    begin = time.monotonic()
    assert list(observe_unit(UNIT, since="-1h", follow_s=1.5, directory=folder)) == FACTS
    assert 1.5 <= time.monotonic() - begin < 4
    assert len(pids) == 1
    assert not Path(f"/proc/{pids[0]}").exists()


def test_follower_is_ended_when_the_reader_leaves(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "journal", OFFERS)
    facts = observe_unit(UNIT, since="-1h", follow_s=60, directory=folder)
    assert next(facts) == FACTS[0]
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    begin = time.monotonic()
    facts.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begin < 3
    assert "journalctl" not in "".join(
        Path(f"/proc/{pid}/comm").read_text() for pid in children.read_text().split()
    )


def test_no_entry_of_the_unit_is_said(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "journal", OFFERS, unit="other.service")
    with pytest.raises(PiclusterError) as caught:
        list(observe_unit(UNIT, since="-1h", directory=folder))
    assert str(caught.value) == (
        f"journal:{UNIT}: the journal has no entry of the unit since '-1h'; check the unit's "
        "name, that this machine keeps a journal, and that you may read it "
        "(group systemd-journal)"
    )


def test_no_journal_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PiclusterError) as caught:
        list(observe_unit(UNIT, since="-1h", directory=Path("none")))
    assert str(caught.value) == (
        f"journal:{UNIT}: journalctl failed: 'Failed to open none: No such file or directory'; "
        "check --since, and run it by hand"
    )


def test_bad_since_is_said_in_journalctls_words(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "journal", OFFERS)
    with pytest.raises(PiclusterError) as caught:
        list(observe_unit(UNIT, since="noon-ish", directory=folder))
    assert str(caught.value) == (
        f"journal:{UNIT}: journalctl failed: 'Failed to parse timestamp: noon-ish'; "
        "check --since, and run it by hand"
    )


def test_endless_message_does_no_harm(tmp_path: Path) -> None:
    # journalctl gives a field of more than 4096 bytes as null
    long = "DHCPDISCOVER from b8:27:eb:11:00:03 via " + "x" * 200_000
    folder = write_journal(tmp_path / "journal", [long, *OFFERS[1:]])
    assert list(observe_unit(UNIT, since="-1h", directory=folder)) == FACTS


@pytest.mark.parametrize("unit", ["", "-o", "a b", "x;y", "é"])
def test_unit_names_are_checked(unit: str) -> None:
    with pytest.raises(PiclusterError, match="not a unit name"):
        list(observe_unit(unit))


def test_missing_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PiclusterError) as caught:
        list(observe_unit(UNIT))
    assert str(caught.value) == (
        f"journal:{UNIT}: cannot run journalctl: No such file or directory; "
        "install it, or run the harvest where it is"
    )


IN_NAMESPACE = """
import json, subprocess
from dataclasses import asdict
from picluster.harvest.live.neigh import observe_neighbours
def ip(*words):
    subprocess.run(["ip", *words], check=True)
ip("link", "add", "live0", "type", "veth", "peer", "name", "live1")
ip("link", "set", "live1", "up")
ip("link", "set", "live0", "up")
ip("address", "add", "172.20.0.10/16", "dev", "live0")
for word in ("172.20.11.1 lladdr b8:27:eb:11:00:01", "172.20.11.2 lladdr b8:27:eb:11:00:02"):
    ip("neigh", "add", *word.split(), "dev", "live0", "nud", "reachable")
print(json.dumps([asdict(f) for f in observe_neighbours("live0")], default=str))
"""


def test_neighbours_of_an_interface() -> None:
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", IN_NAMESPACE],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if "unshare" in ran.stderr:
        pytest.skip(f"no user namespaces here: {ran.stderr.strip()}")
    assert ran.returncode == 0, ran.stderr
    facts = [Observation(**row) for row in json.loads(ran.stdout)]
    assert [replace(f, seen=None) for f in facts] == [
        Observation(
            mac,  # type: ignore[arg-type]
            Kind.NEIGHBOUR,
            "neigh:live0",
            address=address,
        )
        for mac, address in (
            ("b8:27:eb:11:00:01", "172.20.11.1"),
            ("b8:27:eb:11:00:02", "172.20.11.2"),
        )
    ]


def test_interface_that_is_not_there() -> None:
    with pytest.raises(PiclusterError) as caught:
        list(observe_neighbours("nosuch0"))
    assert str(caught.value) == (
        "neigh:nosuch0: ip failed: 'Cannot find device \"nosuch0\"'; "
        "see ip -brief link for the interfaces"
    )


@pytest.mark.parametrize("name", ["", "-s", "a b", "eth0/1", "x" * 16])
def test_interface_names_are_checked(name: str) -> None:
    with pytest.raises(PiclusterError, match="not an interface name"):
        list(observe_neighbours(name))
