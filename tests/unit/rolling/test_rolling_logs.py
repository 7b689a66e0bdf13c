"""Journals of boards as files; the boot server is this machine with another journalctl."""

from __future__ import annotations

import json
from pathlib import Path

from picluster.campaign.live.campaign import Options
from picluster.plan.read import read_plan
from picluster.rolling.command import Answer
from picluster.rolling.live.logs import Collector
from tests.conftest import MakeDescription

_JOURNAL = """#!/bin/sh
echo "asked $*" >> {log}
echo 'Nov 26 head dhcpd: DHCPDISCOVER from b8:27:eb:00:02:01 via eth1'
echo 'Nov 26 head in.tftpd: RRQ from 172.20.2.1 filename bootcode.bin'
printf 'Nov 26 head messages: node pi-1-2 172.20.1.2 \\033[2J failed\\n'
"""


def test_journals_and_what_the_head_knows(tmp_path: Path, description: MakeDescription) -> None:
    rows = "".join(f"{b},{s},b8:27:eb:00:0{b}:0{s}\n" for b in (1, 2) for s in (1, 2))
    plan = read_plan(description(registry=f"bank,slot,mac\n{rows}"))
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(_JOURNAL.format(log=tmp_path / "log"))
    program.chmod(0o755)
    way = ["env", f"PATH={program.parent}:/usr/bin:/bin"]
    collector = Collector(plan, tmp_path / "logs", 100)
    collector.take(Answer("pi-1-1", 0, "Nov 26 pi-1-1 sshd: hello\n"))
    collector.take(Answer("pi-1-2", None, why="no route to host"))
    absent = {"pi-2-1": "at stage tftp", "pi-2-2": "at stage off"}
    found = collector.end(absent, "-1h", Options(reach={"small-head": way}))
    files = {
        str(path.relative_to(tmp_path / "logs")): path.read_text().splitlines()
        for path in (tmp_path / "logs").rglob("*.log")
    }
    assert files == {
        "bank_1/pi-1-1.log": ["Nov 26 pi-1-1 sshd: hello"],
        "bank_1/pi-1-2.log": [
            "# pi-1-2 gave no journal (no route to host); its boot server has this:",
            "Nov 26 head messages: node pi-1-2 172.20.1.2 \\x1b[2J failed",
        ],
        "bank_2/pi-2-1.log": [
            "# pi-2-1 gave no journal (at stage tftp); its boot server has this:",
            # 100 bytes of it are kept, the last ones
            "Nov 26 head in.tftpd: RRQ from 172.20.2.1 filename bootcode.bin",
        ],
    }
    assert (found.own, found.head, found.unasked) == (["pi-1-1"], ["pi-1-2", "pi-2-1"], ["pi-1-2"])
    assert found.nothing == {"pi-2-2": "at stage off"}
    assert found.lines() == [
        "only their boot server's lines: pi-1-2,pi-2-1",
        "gave nothing: pi-2-2: at stage off",
        f"1 journals, 3 files in {tmp_path / 'logs'}",
    ]
    assert (found.status, json.dumps(found.plain()) != "") == (3, True)
    (asked,) = (tmp_path / "log").read_text().splitlines()
    assert asked == "asked --no-pager --quiet -o short-iso --since=-1h"


def test_a_head_that_cannot_be_asked_is_told(tmp_path: Path, description: MakeDescription) -> None:
    plan = read_plan(description(registry="bank,slot,mac\n1,1,b8:27:eb:00:01:01\n"))
    collector = Collector(plan, tmp_path / "logs", 100)
    found = collector.end(
        {"pi-1-1": "at stage off"}, "-1h", Options(reach={"small-head": ["false"]})
    )
    assert found.status == 3
    assert found.problems[0].startswith("cannot run python3 on small-head")
