"""A cluster for playbooks: banks of boards, a boot server and a PDU that are programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY, MakeDescription
from tests.unit.campaign.head_servers import FakeServer

BIN = Path(sys.executable).parent
#: Boards that boot at once need no patience.
QUICK = {
    "campaign_quorum": 1.0,
    "campaign_stagger_s": 0,
    "campaign_settle_s": 1,
    "campaign_settings": {
        "off_s": 0.1,
        "power_retry_s": 0.1,
        "timeouts": {"powered": 12, "dhcp": 12, "tftp": 12},
    },
}

#: ``pdu.py FOLDER ACTION OUTLET``: an outlet is a file; boards that get power write what a boot
#: server logs of them, but for those whose names are in the file "silent".
_PDU = """
import json, pathlib, sys, time
folder, action, outlet = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
state = folder / "outlets" / outlet
broken = folder / "broken"
if action == "off" and broken.exists() and broken.read_text() == outlet:
    sys.exit("the relay is stuck")
if action == "status":
    print("on" if state.exists() else "off")
    sys.exit()
with (folder / "switched").open("a") as log:
    log.write(f"{action} {outlet}\\n")
state.touch() if action == "on" else state.unlink(missing_ok=True)
silent = (folder / "silent").read_text().split() if (folder / "silent").exists() else []
journal = folder / "journal"
boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
count = len(journal.read_text().splitlines()) if journal.exists() else 0
for name, lines in json.loads((folder / "boards.json").read_text())[outlet].items():
    if action != "on" or name in silent:
        continue
    stamp = f"{time.monotonic_ns():016x}"
    for program, unit, message in lines:
        count += 1
        fields = {
            "__CURSOR": f"c{count}",
            "__MONOTONIC_TIMESTAMP": str(int(time.monotonic() * 1e6)),
            "_BOOT_ID": boot.replace("-", ""),
            "SYSLOG_IDENTIFIER": program,
            "_SYSTEMD_UNIT": unit,
            "MESSAGE": message.replace("BOOT", stamp),
        }
        with journal.open("a") as file:
            file.write(json.dumps(fields, separators=(",", ":")) + "\\n")
    _, name, address, event, mac, _ = message.split()
    said = {"name": name, "address": address, "event": event, "mac": mac[4:], "boot": stamp}
    last = json.dumps({**said, "uptime_s": 1.0, "received": time.time()})
    (folder / "nodes" / f"{address}.json").write_text(last)
"""

#: ``halt.py FOLDER NAME``: what a board is asked to do.
_HALT = """
import pathlib, sys
with (pathlib.Path(sys.argv[1]) / "halted").open("a") as log:
    log.write(f"{sys.argv[2]}\\n")
"""

#: A container program that knows one container: the boot server, which has this machine's clocks.
_PODMAN = """#!/bin/sh
[ "$1 $2 $3" = "exec -i small-head" ] || exit 125
shift 3
case $1 in cat|date) exec "$@" ;; esac
exec {python} -I -S {program} {folder} "$@"
"""


@dataclass
class BootCluster:
    """See the module.

    Attributes:
        folder: everything is in it.
        make: writes the description.
        banks: their numbers, below 100; two unless given.
        size: boards of a bank, below 100; two unless given.
        environ: variables of programs.
    """

    folder: Path
    make: MakeDescription
    banks: Sequence[int] = (1, 2)
    size: int = 2
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = FakeServer(self.folder)
        program = self.folder / "server.py"
        self._write("services", json.dumps(dict.fromkeys(("dhcp", "tftp", "nfs", "messages"), "")))
        self._write("answering", json.dumps({"answering": [], "seconds": 1.0}))
        self._write("pdu.py", _PDU)
        self._write("halt.py", _HALT)
        (self.folder / "outlets").mkdir()
        podman = self.folder / "podman"
        podman.write_text(
            _PODMAN.format(python=sys.executable, program=str(program), folder=str(self.folder))
        )
        podman.chmod(0o755)
        self.path = self._describe()
        self._write("boards.json", json.dumps({str(n): self._boards(n) for n in self.banks}))
        self.state = self.folder / "state"
        self.environ = {
            **os.environ,
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "COLUMNS": "200",
            "XDG_STATE_HOME": str(self.state),
        }

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def _describe(self) -> Path:
        program = [sys.executable, str(self.folder / "pdu.py"), str(self.folder)]
        commands = {action: [*program, action, "{outlet}"] for action in ("on", "off", "status")}
        banks = [{"number": n, "size": self.size, "pdu": "pdu-1", "outlet": n} for n in self.banks]
        slots = range(1, self.size + 1)
        rows = "".join(f"{b},{s},{_mac(b, s)}\n" for b in self.banks for s in slots)
        way = {
            "ansible_connection": "containers.podman.podman",
            "ansible_host": "small-head",
            "ansible_podman_executable": str(self.folder / "podman"),
        }
        nodes = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "shutdown_command": [
                sys.executable, str(self.folder / "halt.py"), str(self.folder),
                "{{ inventory_hostname }}",
            ],
        }  # fmt: skip
        ways = {"hosts": {"small-head": way}, "children": {"pi": {"vars": nodes}}}
        self._write("way.yml", json.dumps({"all": ways}))
        return self.make(
            registry=f"bank,slot,mac\n{rows}",
            banks=banks,
            pdus=[{"name": "pdu-1", "driver": "command", "commands": commands}],
            switches=None,
            power={"stagger_s": 0},
        )

    def _boards(self, bank: int) -> dict[str, list[list[str]]]:
        """What is logged of each board that boots."""
        found = {}
        for slot in range(1, self.size + 1):
            name, address, mac = f"pi-{bank}-{slot}", f"172.20.{bank}.{slot}", _mac(bank, slot)
            ready = f"node {name} {address} ready mac={mac} boot=BOOT"
            found[name] = [
                ["dhcpd", "isc-dhcp-server.service", f"DHCPDISCOVER from {mac} via eth1"],
                ["picluster-messages", "picluster-messages.service", ready],
            ]
        return found

    def run_already(self) -> None:
        """All is on, and the boards have just said that they are ready."""
        for bank in self.banks:
            (self.folder / "outlets" / str(bank)).touch()
            for slot, name in enumerate(self._boards(bank), 1):
                address, mac = f"172.20.{bank}.{slot}", _mac(bank, slot)
                said = {"name": name, "address": address, "event": "alive", "boot": f"{bank:016x}"}
                last = json.dumps({**said, "mac": mac, "uptime_s": 1.0, "received": time.time()})
                (self.folder / "nodes" / f"{address}.json").write_text(last)

    def halted(self) -> list[str]:
        """Boards that were asked to halt, by name."""
        log = self.folder / "halted"
        return sorted(log.read_text().split()) if log.exists() else []

    def switch(self, action: str, outlet: int) -> None:
        """Switch an outlet by hand."""
        program = [sys.executable, str(self.folder / "pdu.py"), str(self.folder)]
        subprocess.run([*program, action, str(outlet)], check=True)

    def silence(self, *names: str) -> None:
        """Boards that say nothing when they get power."""
        self._write("silent", " ".join(names))

    def switched(self) -> list[str]:
        """What the PDU was told, in order."""
        log = self.folder / "switched"
        return log.read_text().splitlines() if log.exists() else []

    def report(self, kind: str = "boot") -> dict[str, Any]:
        """The JSON artefact of the last boot or shutdown."""
        path = self.state / "picluster" / f"small.{kind}.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def words(self, playbook: str, *words: str, **variables: Any) -> list[str]:
        """A command line of ansible-playbook."""
        inventories = ["-i", str(self.path), "-i", str(self.folder / "way.yml")]
        extra = yaml.safe_dump(variables)
        (self.folder / "extra.yml").write_text(extra)
        book = str(REPOSITORY / "playbooks" / playbook)
        return [str(BIN / "ansible-playbook"), *inventories, book, *words,
                "-e", f"@{self.folder / 'extra.yml'}"]  # fmt: skip

    def play(
        self, playbook: str, *words: str, **variables: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook to its end."""
        return subprocess.run(
            self.words(playbook, *words, **variables),
            cwd=REPOSITORY,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def begin(self, playbook: str, *words: str, **variables: Any) -> subprocess.Popen[str]:
        """Run a playbook in the background, in a group of its own."""
        with (self.folder / "said").open("w") as out:
            return subprocess.Popen(
                self.words(playbook, *words, **variables),
                cwd=REPOSITORY,
                env=self.environ,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )


def _mac(bank: int, slot: int) -> str:
    return f"b8:27:eb:00:{bank:02}:{slot:02}"


def wait_for(condition: Any, seconds: float = 40.0) -> None:
    """Wait for something, not for long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
