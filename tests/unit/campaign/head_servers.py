"""A boot server behind a command, and patience."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from picluster.campaign.live.reach import Reach
from picluster.cluster.model import Server
from picluster.net import parse_address

HEAD = Server("mini-head", parse_address("172.20.0.10"), "eth1")
MAC = "b8:27:eb:00:01:01"


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something, not for long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


_SERVER = """
import json, pathlib, re, sys, time
folder = pathlib.Path(sys.argv[1])
words = sys.argv[2:]
journal = folder / "journal"

def entries():
    return journal.read_text().splitlines() if journal.exists() else []

if words[0] == "cat":
    print("100.00 0.00")
    print("00000000-0000-4000-8000-000000000001")
elif words[0] == "date":
    print("5000.5")
elif words[0] == "find":
    for path in sorted((folder / "nodes").glob("*.json")):
        print(f"/run/picluster/nodes/{path.name}:{path.read_text()}")
elif words[0] == "python3" and '"root"' in words[-1]:
    import subprocess
    order = words[-1].replace("/run/picluster/", f"{folder}/")
    program = [sys.executable, "-I", "-", order]
    sys.exit(subprocess.run(program, input=sys.stdin.read(), text=True).returncode)
elif words[0] == "python3" and words[-1] == "-":
    import subprocess
    sys.exit(subprocess.run([sys.executable, "-I", "-"], stdin=sys.stdin).returncode)
elif words[0] == "python3":
    sys.stdin.read()
    (folder / "order").write_text(words[-1])
    print((folder / ("answering" if "limit_s" in words[-1] else "services")).read_text())
elif "--show-cursor" in words:
    print(f"-- cursor: c{len(entries())}")
elif "--lines=1" in words and not any(word.startswith("--cursor=") for word in words):
    print(*entries()[-1:])
elif any(word.startswith("--cursor=") for word in words):
    wanted = next(w for w in words if w.startswith("--cursor="))[9:]
    print(*[line for line in entries() if f'"__CURSOR":"{wanted}"' in line], sep="\\n")
else:
    mark = next((w for w in words if w.startswith("--after-cursor=")), "=c0")
    at = int(re.search(r"c(\\d+)$", mark)[1])
    if (folder / "slow").exists():
        time.sleep(float((folder / "slow").read_text()))
    while True:
        for line in entries()[at:]:
            print(line, flush=True)
            at += 1
        if (folder / "drop").exists():
            (folder / "drop").unlink()
            sys.exit(255)
        time.sleep(0.05)
"""


class FakeServer:
    """A boot server whose journal is a file; reached by a program as by ssh."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "nodes").mkdir()
        (folder / "server.py").write_text(_SERVER)
        self.reach = Reach(HEAD, (sys.executable, str(folder / "server.py"), str(folder)))
        self.count = 0
        self.seconds: Callable[[], float] = lambda: 99.0

    def log(self, program: str, message: str, unit: str) -> None:
        self.count += 1
        fields = {
            "__CURSOR": f"c{self.count}",
            "__MONOTONIC_TIMESTAMP": str(int(self.seconds() * 1e6)),
            "_BOOT_ID": "00000000000040008000000000000001",
            "SYSLOG_IDENTIFIER": program,
            "_SYSTEMD_UNIT": unit,
            "MESSAGE": message,
        }
        with (self.folder / "journal").open("a") as file:
            file.write(json.dumps(fields, separators=(",", ":")) + "\n")

    def discover(self, mac: str = MAC) -> None:
        self.log("dhcpd", f"DHCPDISCOVER from {mac} via eth1", "isc-dhcp-server.service")
