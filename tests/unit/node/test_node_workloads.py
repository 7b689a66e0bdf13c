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
    from collections.abc import Iterator, Mapping

ORDER = "0123456789abcdef"
GUEST_BIN = Path(__file__).parents[3] / "twin" / "boards" / "guest" / "bin"
RUN = '#!/bin/sh\necho "$GREETING $NODE $SLOT" > said\nexec sleep 60\n'
CHECK = '#!/bin/sh\ncat "$DATA/said" 2> /dev/null || { echo "nothing said; $HOME"; exit 1; }\n'
CONF = "memory_mib=16\nstart_s=3\nuser=nobody\n"


def sums_of(content: Mapping[str, str]) -> str:
    """As sha256sum prints them."""
    return "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {file}\n" for file, text in content.items()
    )


class Node:
    """A node in a place, with a share that is mounted already."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.share = place.run_dir / "workloads"
        (self.share / "assigned").mkdir(parents=True)
        self.store = place.path / "store"
        self.memory = place.path / "meminfo"
        self.memory.write_text("MemTotal: 1000000 kB\nMemAvailable: 800000 kB\n")
        for name in ("systemctl", "systemd-run", "journalctl"):
            text = (GUEST_BIN / name).read_text()
            text = text.replace("/run/picluster/units", str(place.path / "units"))
            (place.programs / name).write_text(text)
            (place.programs / name).chmod(0o755)
        # nobody needs to be root for this
        place.program("setpriv", 'while [ "${1#-}" != "$1" ]; do case $1 in --re*) shift;; esac; '
                                 'shift; done; exec "$@"')  # fmt: skip
        place.program("chown")
        place.program("install", 'for last; do :; done; mkdir -p "$last"')

    def artefact(
        self,
        version: str,
        name: str = "hello",
        secrets: Mapping[str, str] | None = None,
        **files: str,
    ) -> str:
        """Put a version on the share; its digest."""
        folder = self.share / "artefacts" / name / version
        folder.mkdir(parents=True)
        content = {"run": RUN, "check": CHECK, "workload.conf": CONF, **files}
        content = {file: text for file, text in content.items() if text}
        if secrets:
            (folder / "secret").mkdir()
            for file, text in secrets.items():
                (folder / "secret" / file).write_text(text)
            content["secret/SHA256SUMS"] = sums_of(secrets)
        for file, text in content.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
        sums = sums_of(content)
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


def drain(node: Node) -> str:
    """A program that says to the head which version it drains."""
    words = '"x up=12.3 drained $VERSION" > "/dev/udp/127.0.0.1/$MESSAGE_PORT"'
    return f"#!/bin/bash\n. {node.place.path}/node.conf\nprintf %s {words}\n"


def test_a_new_version_replaces_the_old_one_after_it_was_drained(node: Node) -> None:
    first = node.artefact("1", drain=drain(node), settings="GREETING=one\n")
    node.assign(f"pi-1-7 hello 1 {first}")
    node.look(2)
    (old,) = node.pids()
    second = node.artefact("2.0-b+1", settings="GREETING=two\n")
    node.assign(f"pi-1-7 hello 2.0-b+1 {second}")
    # it says that it is at it before it drains: that may take longer than anybody waits for a word
    words = [said("starting", "2.0-b+1"), "drained 1", said("ok", "2.0-b+1")]
    assert node.look(3) == words
    assert (node.store / "hello/data/said").read_text() == "two pi-1-7 7\n"
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


def test_a_drain_before_the_end_is_announced(node: Node) -> None:
    node.assign(f"pi-1-7 hello 1 {node.artefact('1', drain=drain(node))}")
    node.look(2)
    node.assign()
    assert node.look(3) == [said("starting", ""), "drained 1", said("gone", "")]


def test_without_a_check_a_program_that_goes_on_is_well(node: Node) -> None:
    digest = node.artefact("1", check="")
    node.assign(f"pi-1-7 hello 1 {digest}")
    assert node.look(2) == [said("starting"), said("ok")]
    digest = node.artefact("2", check="", run="#!/bin/sh\nsleep 1; exit 1\n")
    node.assign(f"pi-1-7 hello 2 {digest}")
    ended = "run%20has%20ended:%20journalctl%20-u%20picluster-work-hello.service"
    assert node.look(2) == [said("starting", "2"), said("failed", "2", ended)]


def test_work_is_not_ended_for_one_bad_answer(node: Node) -> None:
    check = '#!/bin/sh\n[ ! -e "$DATA/ill" ] || { rm "$DATA/ill"; sleep 1; exit 1; }\n'
    node.assign(f"pi-1-7 hello 1 {node.artefact('1', check=check)}")
    node.look(2)
    first = node.pids()
    (node.store / "hello/data/ill").touch()
    assert node.look(2) == [said("starting"), said("ok")]
    assert node.pids() == first


def test_a_program_that_stays_ill_is_started_again(node: Node) -> None:
    check = '#!/bin/sh\n[ "$(head -n 1 "$DATA/pid")" = "$(tail -n 1 "$DATA/pid")" ] || exit 1\n'
    run = "#!/bin/sh\necho $$ > pid\nexec sleep 60\n"
    node.assign(f"pi-1-7 hello 1 {node.artefact('1', check=check, run=run)}")
    node.look(2)
    first = node.pids()
    with (node.store / "hello/data/pid").open("a") as file:
        file.write("0\n")
    assert node.look(2) == [said("starting"), said("ok")]
    assert node.pids() != first


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
        ("ends", "run%20has%20ended:%20no%20disk%3B%20%25s"),
        ("privileged", "hello%201:%20privileged%3Dyes%20needs%20user%3Droot"),
        ("secret", "hello%201:%20secret:%20pin:%20FAILED%20sha256sum:%20WARNING"),
        ("no-secret", "hello%201:%20secrets%20cannot%20be%20copied"),
        ("path", "hello%201:%20SHA256SUMS%20has%20a%20line%20that%20is%20none"),
    ],
)
def test_a_node_says_why_it_failed(node: Node, change: str, reason: str) -> None:
    files = {
        "conf": {"workload.conf": "user=$(reboot)\n"},
        "sick": {"check": "#!/bin/sh\necho first\necho too ill\nexit 3\n"},
        "ends": {"run": "#!/bin/sh\necho first\necho 'no disk; %s' >&2\nexit 1\n"},
        "path": {"../evil": "x"},
        "privileged": {"workload.conf": "user=nobody\nprivileged=yes\n"},
    }.get(change, {})
    digest = node.artefact("1", secrets={"pin": "1234"} if "secret" in change else None, **files)
    folder = node.share / "artefacts/hello/1"
    if change == "secret":
        (folder / "secret/pin").write_text("4321")
    elif change == "no-secret":
        shutil.rmtree(folder / "secret")
    elif change == "no-version":
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


def test_secrets_are_handed_to_the_workloads_user_alone(node: Node) -> None:
    run = '#!/bin/sh\ncat "$SECRETS/pin" > said\nexec sleep 60\n'
    secrets = {"pin": "1234", "salt": "x"}
    digest = node.artefact("1", secrets=secrets, run=run)
    (node.share / "artefacts/hello/1/secret/more").write_text("not listed")
    node.assign(f"pi-1-7 hello 1 {digest}")
    assert node.look(2) == [said("starting"), said("ok")]
    assert (node.store / "hello/data/said").read_text() == "1234"
    folder = node.store / "hello/1/secret"
    assert folder.stat().st_mode & 0o777 == 0o500
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {"pin": 0o400}
    group = subprocess.run(["id", "-g", "nobody"], capture_output=True, text=True, check=True)
    owner = f"nobody:{group.stdout.strip()}"
    assert f"chown {owner} {folder}/pin {folder}" in node.place.called()
    # what is withdrawn takes them along
    node.assign("pi-1-7 hello - -")
    node.look(2)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("conf", "properties"),
    [
        ("user=root\nprivileged=yes\n", ["Delegate=yes"]),
        ("user=root\nprivileged=no\n", ["NoNewPrivileges=yes"]),
        ("user=root\n", ["NoNewPrivileges=yes"]),
    ],
)
def test_a_privileged_one_has_its_groups_and_rights(
    node: Node, conf: str, properties: list[str]
) -> None:
    systemd_run = node.place.programs / "systemd-run"
    text = systemd_run.read_text().split("\n", 1)
    calls = f'echo "systemd-run $*" >> {node.place.calls}'
    systemd_run.write_text(f"{text[0]}\n{calls}\n{text[1]}")
    node.assign(f"pi-1-7 hello 1 {node.artefact('1', **{'workload.conf': conf})}")
    assert node.look(2) == [said("starting"), said("ok")]
    (call,) = [line for line in node.place.called() if line.startswith("systemd-run ")]
    given = [word.partition("=")[2] for word in call.split() if word.startswith("--property=")]
    kept = [one for one in given if one.startswith(("Delegate", "NoNew"))]
    assert kept == properties
