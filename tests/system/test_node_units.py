"""The node's units for workloads under a real systemd: that of a head, which stands for a node."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from boards_support import until

from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.head import Head

pytestmark = pytest.mark.timeout(300)
GUEST = TREE / "roles" / "node_image" / "files" / "guest"
ORDER = "0123456789abcdef"
UNIT = "picluster-work-hello.service"
#: Receives what the node says, a datagram a line.
_LISTEN = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 3334))
while True:
    with open("/run/said", "a") as said:
        said.write(sock.recv(600).decode() + chr(10))
"""
_POKE = "import socket; socket.socket(2, 2).sendto(b'picluster/1 look', ('127.0.0.1', 3336))"
_FLOOD = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3000):
    sock.sendto(b"", ("127.0.0.1", 3336))
"""
_SETUP = """
mkdir -p /run/picluster/workloads/assigned /run/systemd/system/picluster-workloads.service.d
printf '[Service]\\nEnvironment=HOSTNAME=pi-1-7\\n' \
    > /run/systemd/system/picluster-workloads.service.d/name.conf
printf '%s\\n' SERVER=127.0.0.1 MAC=b8:27:eb:00:01:07 ADDRESS=127.0.0.1 \
    BOOT_ID=0123456789abcdef > /run/picluster/boot.conf
chmod 755 /usr/libexec/picluster/workloads
systemd-run --quiet --unit=listen python3 -c "$1"
systemctl daemon-reload
systemctl start picluster-workloads.socket
"""
_CLEAN = f"""
systemctl stop picluster-workloads.socket picluster-workloads.service listen {UNIT}
rm -rf /run/picluster/workloads /run/picluster/work /run/picluster/boot.conf /run/said \
    /var/lib/picluster/work /usr/libexec/picluster /run/systemd/system/picluster-workloads*
systemctl daemon-reload
true
"""


def _sums(files: dict[str, str]) -> str:
    return "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in files.items()
    )


class Node:
    """A node inside a head."""

    def __init__(self, head: Head) -> None:
        self.head = head

    def put(self, path: str, text: str) -> None:
        """Write a file."""
        script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"'
        self.head.exec(["sh", "-c", script, "sh", path, text])

    def assign(self, version: str, secrets: dict[str, str] | None = None, **files: str) -> None:
        """Put a version on its share, and assign it."""
        folder = f"/run/picluster/workloads/artefacts/hello/{version}"
        if secrets:
            for name, text in secrets.items():
                self.put(f"{folder}/secret/{name}", text)
            self.head.exec(["chmod", "-R", "go=", f"{folder}/secret"])
            files["secret/SHA256SUMS"] = _sums(secrets)
        sums = _sums(files)
        for name, text in {**files, "SHA256SUMS": sums}.items():
            self.put(f"{folder}/{name}", text)
        digest = hashlib.sha256(sums.encode()).hexdigest()
        text = f"picluster-assigned/1 {ORDER}\npi-1-7 hello {version} {digest}\n"
        self.put("/run/picluster/workloads/assigned/bank_1", text)

    def poke(self) -> None:
        """Send the datagram."""
        self.head.exec(["python3", "-c", _POKE])

    def said(self) -> list[str]:
        """States it told, in order."""
        text = self.head.exec(["sh", "-c", "cat /run/said 2>/dev/null || true"])
        return [line.partition(" workload=")[2] for line in text.splitlines()]

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.head.exec(["systemctl", "show", "-P", name, unit]).strip()


@pytest.fixture
def node(head: Head) -> Iterator[Node]:
    made = Node(head)
    programs = sorted((GUEST / "usr/libexec/picluster").glob("*"))
    units = sorted((GUEST / "etc/systemd/system").glob("picluster-workloads.*"))
    for path in programs:
        made.put(f"/usr/libexec/picluster/{path.name}", path.read_text())
    for path in units:
        made.put(f"/run/systemd/system/{path.name}", path.read_text())
    head.exec(["sh", "-c", _SETUP, "sh", _LISTEN])
    try:
        yield made
    finally:
        head.exec(["sh", "-c", _CLEAN])


def test_a_datagram_starts_a_unit_with_its_limit_that_comes_back(node: Node) -> None:
    run = '#!/bin/sh\necho "$GREETING" > said\nexec sleep 1000\n'
    conf = "memory_mib=40\nstart_s=10\nuser=nobody\n"
    check = '#!/bin/sh\ngrep -q . "$DATA/said"\n'
    settings = "GREETING=$(id) %n 'a'\n"
    node.assign("1", run=run, check=check, settings=settings, **{"workload.conf": conf})
    node.poke()
    ok = f"hello version=1 state=ok order={ORDER}"
    until(lambda: ok in node.said(), "it is well", 30)
    assert node.said() == [f"hello version=1 state=starting order={ORDER}", ok]
    assert node.show(UNIT, "MemoryMax") == str(40 << 20)
    assert node.show(UNIT, "User") == "nobody"
    assert node.show(UNIT, "NoNewPrivileges") == "yes"
    written = node.head.exec(["cat", "/var/lib/picluster/work/hello/data/said"])
    assert written == "$(id) %n 'a'\n"
    # a program that dies is started again
    pid = node.show(UNIT, "MainPID")
    node.head.exec(["kill", "-KILL", pid])
    until(lambda: node.show(UNIT, "MainPID") not in ("0", pid), "it is back", 20)
    # another version takes its place; the port still listens
    node.assign("2", run=run, **{"workload.conf": conf})
    node.poke()
    until(lambda: f"hello version=2 state=ok order={ORDER}" in node.said(), "2 is well", 30)
    assert node.show("picluster-workloads.socket", "ActiveState") == "active"


def test_a_flood_of_datagrams_leaves_the_port_open(node: Node) -> None:
    node.assign("1", run="#!/bin/sh\nexec sleep 1000\n", **{"workload.conf": "memory_mib=10\n"})
    node.head.exec(["python3", "-c", _FLOOD])
    ok = f"hello version=1 state=ok order={ORDER}"
    until(lambda: ok in node.said(), "it is well", 30)
    node.head.exec(["sleep", "5"])
    assert node.show("picluster-workloads.socket", "ActiveState") == "active"
    looks = len(node.said())
    assert looks < 9
    node.poke()
    until(lambda: len(node.said()) > looks, "it still looks", 10)


def test_a_program_that_always_ends_has_failed_and_is_tried_again(node: Node) -> None:
    run = "#!/bin/sh\necho first\necho no disk >&2\nexit 3\n"
    node.assign("1", run=run, **{"workload.conf": "memory_mib=50\nstart_s=7\n"})
    node.poke()
    until(lambda: len(node.said()) == 2, "it has its end", 60)
    reason = "run%20has%20ended:%20no%20disk"
    assert node.said()[1] == f"hello version=1 state=failed order={ORDER} reason={reason}"
    assert int(node.show(UNIT, "NRestarts")) > 0
    # another version takes the place of one that waits to be started again
    assert node.show(UNIT, "SubState") == "auto-restart"
    node.assign("2", run="#!/bin/sh\nexec sleep 1000\n", **{"workload.conf": "memory_mib=10\n"})
    node.poke()
    until(lambda: f"hello version=2 state=ok order={ORDER}" in node.said(), "2 is well", 30)


#: Tells what it may do, and makes a group of processes below its own.
_PRIVILEGED = """#!/bin/sh
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
test -d "$group" || group=/sys/fs/cgroup/unified$(sed -n 's/^0:://p' /proc/self/cgroup)
exec > said
id -u
cat "$SECRETS/pin"
grep NoNewPrivs /proc/self/status
mkdir "$group/mine" && echo made
exec sleep 1000
"""


def test_a_privileged_one_is_root_with_groups_of_its_own(node: Node) -> None:
    conf = "memory_mib=40\nstart_s=10\nuser=root\nprivileged=yes\n"
    node.assign("1", {"pin": "1234\n"}, run=_PRIVILEGED, **{"workload.conf": conf})
    node.poke()
    ok = f"hello version=1 state=ok order={ORDER}"
    until(lambda: ok in node.said(), "it is well", 30)
    shown = {name: node.show(UNIT, name) for name in ("Delegate", "NoNewPrivileges", "MemoryMax")}
    assert shown == {"Delegate": "yes", "NoNewPrivileges": "no", "MemoryMax": str(40 << 20)}
    said = node.head.exec(["cat", "/var/lib/picluster/work/hello/data/said"])
    assert said.split() == ["0", "1234", "NoNewPrivs:", "0", "made"]
    # the same, of an account: it reads its secret, and others do not
    conf = "memory_mib=40\nuser=nobody\n"
    run = '#!/bin/sh\ncat "$SECRETS/pin" > pin\nexec sleep 1000\n'
    node.assign("2", {"pin": "4321\n"}, run=run, **{"workload.conf": conf})
    node.poke()
    until(lambda: f"hello version=2 state=ok order={ORDER}" in node.said(), "2 is well", 30)
    assert node.head.exec(["cat", "/var/lib/picluster/work/hello/data/pin"]) == "4321\n"
    daemon = ["setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups"]
    for pin in ("/var/lib/picluster/work/hello/2", "/run/picluster/workloads/artefacts/hello/2"):
        read = ["sh", "-c", '"$@" 2>/dev/null || echo refused', "sh", *daemon, "cat"]
        assert node.head.exec([*read, f"{pin}/secret/pin"]) == "refused\n"
