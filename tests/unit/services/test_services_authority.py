"""The signer of host keys: whom it certifies, what a certificate says, and what it refuses."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from asking import NODE, key, request
from serving import Daemon, daemon, until

from certificate_desk import Desk
from host_authority import HostAuthority, accept
from host_key_request import Request, fingerprint
from host_signer import SigningError
from node_plan import Node, PlanFile
from rate_limit import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = "address,mac,name,image\n"

needs_ssh_keygen = pytest.mark.skipif(
    not Path("/usr/bin/ssh-keygen").exists(), reason="no ssh-keygen here"
)


# ---- deciding


@pytest.mark.parametrize(
    ("datagram", "address", "why"),
    [
        (request(), "172.20.1.8", "unknown-address"),
        (request(mac="b8:27:eb:00:01:08"), NODE.address, "wrong-mac"),
        (b"nonsense", NODE.address, "malformed"),
    ],
)
def test_only_the_planned_board_of_an_address_is_served(
    datagram: bytes, address: str, why: str
) -> None:
    assert accept(request(3), NODE.address, {NODE.address: NODE}) == (
        NODE,
        Request(NODE.mac, key(3)),
    )
    with pytest.raises(RefusedError) as refused:
        accept(datagram, address, {NODE.address: NODE})
    assert refused.value.why == why


def test_who_asks_again_is_answered_at_the_last_port() -> None:
    desk, first, other = Desk(), Request(NODE.mac, key(1)), Request(NODE.mac, key(2))
    assert not desk.join(NODE, first, (NODE.address, 1))
    desk.begin(NODE, first, (NODE.address, 1))
    assert desk.join(NODE, first, (NODE.address, 2))
    assert desk.join(NODE, other, (NODE.address, 3))
    assert desk.end(NODE, "certificate", 100) == (NODE.address, 2)
    assert desk.issued(NODE, first, 699) == "certificate"
    assert desk.issued(NODE, first, 700) is None
    assert desk.issued(NODE, other, 101) is None
    # A board in another slot is another node, whatever its key.
    assert desk.issued(NODE._replace(name="pi-1-8"), first, 101) is None


def test_a_failed_signature_leaves_nothing_behind() -> None:
    desk, asked = Desk(), Request(NODE.mac, key(1))
    desk.begin(NODE, asked, (NODE.address, 1))
    assert desk.end(NODE, None, 0) == (NODE.address, 1)
    assert desk.issued(NODE, asked, 0) is None
    assert not desk.join(NODE, asked, (NODE.address, 1))


class Recorder:
    """An authority that signs with a key's last characters, and what it did."""

    def __init__(self, folder: Path) -> None:
        (folder / "nodes.csv").write_text(
            f"{HEADER}{NODE.address},{NODE.mac},{NODE.name},current\n"
        )
        self.signed: list[str] = []
        self.sent: list[tuple[str, int]] = []
        self.lines: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.authority = HostAuthority(
            PlanFile(folder / "nodes.csv"), self.sign, self.send, self.lines.append
        )

    def sign(self, node: Node, public: str, serial: int) -> str:
        assert node == NODE
        assert serial > 1.7e15
        self.gate.wait(20)
        if public == key(666):
            raise SigningError("cannot sign the key of pi-1-7: the disk is full")
        self.signed.append(public)
        return f"of {public[-4:]}"

    def send(self, answer: bytes, peer: tuple[str, int]) -> None:
        assert peer[0] in (NODE.address, "172.20.9.9")
        self.sent.append((answer.decode("ascii").removeprefix("picluster/1 "), peer[1]))

    def take(self, datagram: bytes, port: int, now: float, address: str = NODE.address) -> None:
        self.authority.take(datagram, (address, port), now)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path)
    made.authority.refresh(0)
    assert made.lines == ["<6>plan nodes=1"]
    made.lines.clear()
    yield made
    made.authority.finish()


def certificate(number: int) -> str:
    return f"certificate of {key(number)[-4:]}"


def test_a_key_that_is_sent_again_is_signed_once(recorder: Recorder) -> None:
    recorder.gate.clear()
    for port in (1, 2, 3):
        recorder.take(request(1), port, 0)
    assert recorder.sent == []
    recorder.gate.set()
    assert until(lambda: recorder.sent == [(certificate(1), 3)])
    recorder.take(request(1), 4, 1)
    assert recorder.sent[1:] == [(certificate(1), 4)]
    assert recorder.signed == [key(1)]
    (line,) = recorder.lines
    assert re.fullmatch(
        r"<6>certificate pi-1-7 172\.20\.1\.7 mac=b8:27:eb:00:01:07 serial=\d{16}"
        r" key=SHA256:[A-Za-z0-9/%]+",
        line,
    )


def test_keys_of_one_address_are_bounded(recorder: Recorder) -> None:
    for number in range(10):
        recorder.take(request(number), number, 0)
        if number < 6:
            assert until(lambda done=number + 1: len(recorder.sent) == done)
    refusal = "refused too many keys from this address; wait a minute"
    assert recorder.sent == [(certificate(n), n) for n in range(6)] + [(refusal, 6)]
    assert recorder.lines[6:] == ["<4>refused 172.20.1.7 too-many node=pi-1-7"]
    recorder.take(request(9), 99, 60)
    assert until(lambda: recorder.sent[-1] == (certificate(9), 99))


def test_who_is_refused_hears_why_and_not_too_often(recorder: Recorder) -> None:
    for port in range(5):
        recorder.take(request(1, "b8:27:eb:00:01:08"), port, 0)
        recorder.take(b"nonsense", port, 0, "172.20.9.9")
    assert recorder.sent == [
        ("refused another MAC address is planned for this address", 0),
        ("refused this address is not on the plan of this boot server", 0),
    ]
    assert recorder.lines == [
        "<4>refused 172.20.1.7 wrong-mac node=pi-1-7 mac=b8:27:eb:00:01:08",
        "<4>refused 172.20.9.9 unknown-address",
    ]
    assert recorder.signed == []


def test_who_cannot_be_served_hears_it_and_may_ask_again(recorder: Recorder) -> None:
    for port in (1, 2):
        recorder.take(request(666), port, 0)
        assert until(lambda port=port: len(recorder.sent) == port)
    answer = "refused the boot server cannot sign; its journal says why"
    assert recorder.sent == [(answer, 1), (answer, 2)]
    assert recorder.lines == ["<3>cannot sign the key of pi-1-7: the disk is full"] * 2


# ---- the process, with ssh-keygen, on the loopback


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Private key of an authority."""
    path = tmp_path / "ca"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return path


@contextmanager
def running(folder: Path, authority: Path, nodes: int) -> Iterator[Daemon]:
    """The daemon with nodes 127.1.0.0 and up."""
    plan = "".join(
        f"127.1.{n >> 8}.{n & 255},b8:27:eb:00:{n >> 8:02x}:{n & 255:02x},pi-1-{n},current\n"
        for n in range(nodes)
    )
    (folder / "nodes.csv").write_text(HEADER + plan)
    (folder / "scratch").mkdir()
    words = ["--nodes", str(folder / "nodes.csv"), "--authority", str(authority)]
    words += ["--domain", "small.internal", "--days", "30", "--scratch", str(folder / "scratch")]
    with daemon("host_authority", folder / "log", *words) as started:
        assert until(lambda: started.lines() == [f"<6>plan nodes={nodes}"]), started.lines()
        yield started


def ask(daemon: Daemon, datagram: bytes, address: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        sock.settimeout(20)
        sock.sendto(datagram, daemon.address)
        return sock.recv(4096).decode("ascii")


def described(certificate: str, folder: Path) -> list[str]:
    """What ssh-keygen sees in a certificate, without times."""
    (folder / "seen.pub").write_text(certificate + "\n")
    words = ["ssh-keygen", "-L", "-f", str(folder / "seen.pub")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [line.strip() for line in done.stdout.splitlines()[1:]]


def print_of(public: str, folder: Path) -> str:
    (folder / "print.pub").write_text(public)
    words = ["ssh-keygen", "-l", "-f", str(folder / "print.pub")]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[1]


@needs_ssh_keygen
def test_a_certificate_is_for_one_node_and_one_key(tmp_path: Path, authority: Path) -> None:
    with running(tmp_path, authority, 3) as server:
        answer = ask(server, request(9, "b8:27:eb:00:00:02"), "127.1.0.2")
        refused = ask(server, request(9, "b8:27:eb:00:00:02"), "127.1.0.1")
        assert until(lambda: len(server.lines()) == 3)
        lines = server.lines()
    assert refused == "picluster/1 refused another MAC address is planned for this address"
    assert answer.startswith("picluster/1 certificate ssh-ed25519-cert-v01@openssh.com AAAA")
    kind, public, signer, key_id, serial, valid, *rest = described(
        answer.removeprefix("picluster/1 certificate "), tmp_path
    )
    assert kind == "Type: ssh-ed25519-cert-v01@openssh.com host certificate"
    assert public.endswith(fingerprint(key(9)))
    assert print_of(f"ssh-ed25519 {key(9)}\n", tmp_path) == fingerprint(key(9))
    assert print_of(authority.with_suffix(".pub").read_text(), tmp_path) in signer
    assert key_id == 'Key ID: "pi-1-2"'
    assert rest == [
        *("Principals:", "pi-1-2", "pi-1-2.small.internal", "127.1.0.2"),
        *("Critical Options: (none)", "Extensions: (none)"),
    ]
    begin, end = (datetime.fromisoformat(text) for text in re.findall(r"\d{4}-\S+", valid))
    assert timedelta(days=30) <= end - begin <= timedelta(days=30, hours=1, minutes=1)
    assert abs((datetime.now() - begin).total_seconds() - 3600) < 120
    number = serial.removeprefix("Serial: ")
    assert f" serial={number} key=" in lines[1]
    assert list((tmp_path / "scratch").iterdir()) == []


@needs_ssh_keygen
def test_a_bank_that_boots_together_is_served_together(tmp_path: Path, authority: Path) -> None:
    """Each with one datagram, though signing takes longer than sending."""
    nodes = 42
    with running(tmp_path, authority, nodes) as server, contextlib.ExitStack() as stack:
        sockets = []
        with server.stopped():
            for n in range(nodes):
                sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sock.bind((f"127.1.0.{n}", 0))
                sock.settimeout(60)
                sock.sendto(request(n, f"b8:27:eb:00:00:{n:02x}"), server.address)
                sockets.append(sock)
        begin = time.monotonic()
        answers = [sock.recv(4096).decode("ascii") for sock in sockets]
        print(f"{nodes / (time.monotonic() - begin):.0f} certificates per second")
    prints = {n: fingerprint(key(n)) for n in range(nodes)}
    for n, answer in enumerate(answers):
        _, public, _, key_id, *_ = described(
            answer.removeprefix("picluster/1 certificate "), tmp_path
        )
        assert (public.split()[-1], key_id) == (prints[n], f'Key ID: "pi-1-{n}"')


@needs_ssh_keygen
def test_an_authority_that_is_gone_is_said(tmp_path: Path) -> None:
    with running(tmp_path, tmp_path / "nothing", 1) as server:
        answer = ask(server, request(1, "b8:27:eb:00:00:00"), "127.1.0.0")
        assert answer == "picluster/1 refused the boot server cannot sign; its journal says why"
        (_, line) = server.lines()
    assert line.startswith("<3>cannot sign the key of pi-1-0: ssh-keygen: ")
    assert "nothing" in line
