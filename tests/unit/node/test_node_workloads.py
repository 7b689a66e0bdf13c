"""What a node makes of what it is assigned: the real programs, a unit manager without systemd."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.node.shells import LIBEXEC, Place
from tests.unit.node.test_node_guest import BOOT, head, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = "0123456789abcdef"
GUEST_BIN = Path(__file__).parents[3] / "twin" / "boards" / "guest" / "bin"
RUN = '#!/bin/sh\necho "$GREETING $NODE $SLOT" > said\nexec sleep 60\n'
CHECK = '#!/bin/sh\ncat "$DATA/said" 2> /dev/null || { echo "nothing said; $HOME"; exit 1; }\n'
CONF = "memory_mib=16\nstart_s=3\nuser=nobody\n"


class Node:
    """A node in a place, with a share that is mounted already."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.share = place.run_dir / "workloads"
        (self.share / "assigned").mkdir(parents=True)
        self.store = place.path / "store"
        self.memory = place.path / "meminfo"
        self.memory.write_text("MemTotal: 1000000 kB\nMemAvailable: 800000 kB\n")
        for name in ("systemctl", "systemd-run"):
            text = (GUEST_BIN / name).read_text()
            text = text.replace("/run/picluster/units", str(place.path / "units"))
            (place.programs / name).write_text(text)
            (place.programs / name).chmod(0o755)
        # nobody needs to be root for this
        place.program("setpriv", 'while [ "${1#-}" != "$1" ]; do case $1 in --re*) shift;; esac; '
                                 'shift; done; exec "$@"')  # fmt: skip
        place.program("install", 'for last; do :; done; mkdir -p "$last"')

    def artefact(self, version: str, name: str = "hello", **files: str) -> str:
        """Put a version on the share; its digest."""
        folder = self.share / "artefacts" / name / version
        folder.mkdir(parents=True)
        content = {"run": RUN, "check": CHECK, "workload.conf": CONF, **files}
        content = {file: text for file, text in content.items() if text}
        for file, text in content.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
        sums = "".join(
            f"{hashlib.sha256(text.encode()).hexdigest()}  {file}\n"
            for file, text in content.items()
        )
        (folder / "SHA256SUMS").write_text(sums)
        return hashlib.sha256(sums.encode()).hexdigest()

    def assign(self, *lines: str) -> None:
        """Assign something to pi-1-7 and its neighbour."""
        text = "".join(f"{line}\n" for line in lines)
        (self.share / "assigned" / "bank_1").write_text(f"picluster-assigned/1 {ORDER}\n{text}")

    def look(self, count: int, poked: int | None = None) -> list[str]:
        """Let it look; what it said, without what every message says."""
        with head() as (port, said):
            (self.place.run_dir / "boot.conf").write_text(BOOT + "IMAGE=v1\n")
            conf = self.place.path / "node.conf"
            conf.write_text(f"MESSAGE_PORT={port}\n")
            extra = {"LISTEN_FDS": "1"} if poked is not None else {}
            words = [str(LIBEXEC / "workloads")]
            if poked is not None:
                words = ["bash", "-c", f'exec "$0" 3<&{poked}', *words]
            done = subprocess.run(
                words,
                env=self.place.environment(
                    {
                        "PICLUSTER_CONF": str(conf),
                        "PICLUSTER_STORE": str(self.store),
                        "PICLUSTER_MEMINFO": str(self.memory),
                        "HOSTNAME": "pi-1-7",
                        **extra,
                    }
                ),
                pass_fds=() if poked is None else (poked,),
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            settle(said, count)
        assert done.returncode == 0, done.stderr
        return [message.split(" up=12.3 ", 1)[1] for message in said]

    def pids(self) -> list[int]:
        """First processes of what it runs."""
        files = sorted((self.place.path / "units").glob("*/pid"))
        return [int(file.read_text()) for file in files]


@pytest.fixture
def node(place: Place) -> Iterator[Node]:
    made = Node(place)
    yield made
    for pid in made.pids():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def said(state: str, version: str = "1", reason: str = "", name: str = "hello") -> str:
    """What it says of a workload."""
    version = f" version={version}" if version else ""
    reason = f" reason={reason}" if reason else ""
    return f"workload={name}{version} state={state} order={ORDER}{reason}"


def test_a_node_runs_what_it_is_assigned_and_says_so(node: Node) -> None:
    digest = node.artefact("1", settings="GREETING=hello $(reboot) %h 'x'\n")
    node.assign(f"pi-1-6 other 2 {digest}", f"pi-1-7 hello 1 {digest}", "pi-1-70 other - -")
    assert node.look(2) == [said("starting"), said("ok")]
    assert (node.store / "hello/data/said").read_text() == "hello $(reboot) %h 'x' pi-1-7 7\n"
    first = node.pids()
    assert node.look(1) == [said("ok")]
    assert node.pids() == first  # a second look touches nothing


def test_a_node_that_is_assigned_nothing_says_nothing(node: Node) -> None:
    assert node.look(0) == []
    node.assign(f"pi-1-70 hello 1 {'0' * 64}")
    assert node.look(0) == []


def test_a_new_version_replaces_the_old_one_after_it_was_drained(node: Node) -> None:
    drain = '#!/bin/sh\necho "drained $VERSION" >> "$DATA/log"\n'
    first = node.artefact("1", drain=drain, settings="GREETING=one\n")
    node.assign(f"pi-1-7 hello 1 {first}")
    node.look(2)
    (old,) = node.pids()
    second = node.artefact("2.0-b+1", settings="GREETING=two\n")
    node.assign(f"pi-1-7 hello 2.0-b+1 {second}")
    assert node.look(2) == [said("starting", "2.0-b+1"), said("ok", "2.0-b+1")]
    assert (node.store / "hello/data/said").read_text() == "two pi-1-7 7\n"
    assert (node.store / "hello/data/log").read_text() == "drained 1\n"
    assert not Path(f"/proc/{old}/root").exists()
    assert sorted(path.name for path in (node.store / "hello").iterdir()) == ["2.0-b+1", "data"]


@pytest.mark.parametrize("line", [[], ["pi-1-7 hello - -"]])
def test_what_is_assigned_no_more_is_stopped_and_forgotten(node: Node, line: list[str]) -> None:
    node.assign(f"pi-1-7 hello 1 {node.artefact('1')}")
    node.look(2)
    (pid,) = node.pids()
    node.assign(*line)
    assert node.look(1) == [said("gone", "")]
    assert not Path(f"/proc/{pid}/root").exists()
    assert not (node.store / "hello").exists()
    assert node.look(len(line)) == [said("gone", "")] * len(line)


def test_without_a_check_a_program_that_goes_on_is_well(node: Node) -> None:
    digest = node.artefact("1", check="")
    node.assign(f"pi-1-7 hello 1 {digest}")
    assert node.look(2) == [said("starting"), said("ok")]
    digest = node.artefact("2", check="", run="#!/bin/sh\nsleep 1; exit 1\n")
    node.assign(f"pi-1-7 hello 2 {digest}")
    ended = "run%20has%20ended:%20journalctl%20-u%20picluster-work-hello.service"
    assert node.look(2) == [said("starting", "2"), said("failed", "2", ended)]


def test_a_program_that_has_died_is_started_again(node: Node) -> None:
    node.assign(f"pi-1-7 hello 1 {node.artefact('1')}")
    node.look(2)
    (pid,) = node.pids()
    os.killpg(pid, signal.SIGKILL)
    assert node.look(2) == [said("starting"), said("ok")]
    assert node.pids() != [pid]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("no-version", "hello%201%20is%20not%20on%20the%20boot%20server"),
        ("other-sums", "hello%201:%20SHA256SUMS%20is%20not%20what%20was%20assigned"),
        ("damaged", "hello%201:%20run:%20FAILED%20sha256sum:%20WARNING:%201%20computed"),
        ("memory", "needs%2016%20MiB%20of%20memory%2C%20and%209%20are%20available"),
        ("conf", "hello%201:%20workload.conf%20has%20a%20line%20that%20is%20none:%20user%3D%24%28"),
        ("sick", "not%20healthy:%20too%20ill"),
        ("ends", "run%20has%20ended:%20journalctl%20-u%20picluster-work-hello.service"),
        ("path", "hello%201:%20SHA256SUMS%20has%20a%20line%20that%20is%20none"),
    ],
)
def test_a_node_says_why_it_failed(node: Node, change: str, reason: str) -> None:
    files = {
        "conf": {"workload.conf": "user=$(reboot)\n"},
        "sick": {"check": "#!/bin/sh\necho first\necho too ill\nexit 3\n"},
        "ends": {"run": "#!/bin/sh\nexit 1\n"},
        "path": {"../evil": "x"},
    }.get(change, {})
    digest = node.artefact("1", **files)
    folder = node.share / "artefacts/hello/1"
    if change == "no-version":
        shutil.rmtree(folder)
    elif change == "other-sums":
        digest = digest[::-1]
    elif change == "damaged":
        (folder / "run").write_text(RUN.replace("60", "61"))
    elif change == "memory":
        node.memory.write_text("MemAvailable: 10000 kB\n")
    node.assign(f"pi-1-7 hello 1 {digest}")
    starting, failed = node.look(2)
    assert starting == said("starting")
    assert failed.startswith(said("failed", reason=reason)), failed


@pytest.mark.parametrize(
    "line",
    [
        "pi-1-7 ../x 1 {d}",
        "pi-1-7 hello ../../etc {d}",
        "pi-1-7 hello $(reboot) {d}",
        "pi-1-7 hello;reboot 1 {d}",
        "pi-1-7 hello 1 {d} more",
        "pi-1-7 hello 1",
        "pi-1-7 hello 1 0000",
    ],
)
def test_a_line_that_is_none_touches_nothing(node: Node, line: str) -> None:
    digest = node.artefact("1")
    node.assign(f"pi-1-7 hello 1 {digest}")
    node.look(2)
    before = node.pids()
    node.assign(line.format(d=digest))
    assert node.look(1) == [
        "step=workloads reason=assigned/bank_1%20has%20a%20line%20that%20is%20none"
    ]
    assert node.pids() == before
    (node.share / "assigned/bank_1").write_text("something else\n")
    assert node.look(1) == ["step=workloads reason=assigned/bank_1%20is%20of%20another%20kind"]


def test_datagrams_are_taken_off_the_socket_whatever_they_say(node: Node) -> None:
    digest = node.artefact("1")
    node.assign(f"pi-1-7 hello 1 {digest}")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        port.bind(("127.0.0.1", 0))
        port.setblocking(False)
        for text in (b"picluster/1 look", b"$(reboot)", b"\x00" * 4000, b""):
            sender.sendto(text, port.getsockname())
        assert node.look(2, poked=port.fileno()) == [said("starting"), said("ok")]
        with pytest.raises(BlockingIOError):
            port.recv(1)
