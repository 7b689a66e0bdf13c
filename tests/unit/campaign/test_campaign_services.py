"""The services of a boot server, tried as a board would."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from head_servers import MAC, FakeServer

from picluster.campaign.fleet import fleet_of
from picluster.campaign.live import probe
from picluster.campaign.live.services import LiveServices
from picluster.plan.read import read_plan
from tests.conftest import MakeDescription


def services_of(server: FakeServer, description: MakeDescription) -> LiveServices:
    plan = read_plan(description(registry=f"bank,slot,mac\n1,1,{MAC}\n1,2,b8:27:eb:00:01:02\n",
                                 head={"name": "mini-head", "address": "172.20.0.10",
                                       "boot_interface": "eth1"}))  # fmt: skip
    return LiveServices(plan.cluster, fleet_of(plan), [server.reach])


def test_services_are_tried_on_their_server(
    server: FakeServer, description: MakeDescription
) -> None:
    (server.folder / "services").write_text(
        json.dumps({"dhcp": "", "tftp": "no answer", "nfs": "", "messages": ""})
    )
    services = services_of(server, description)
    states = services.check([1, 2])
    assert [(state.name, state.ready) for state in states] == [
        ("DHCP on mini-head", True),
        ("TFTP on mini-head", False),
        ("NFS on mini-head", True),
        ("receiver of messages on mini-head", True),
    ]
    assert states[1].why == "no answer"
    order = json.loads((server.folder / "order").read_text())
    assert order["dhcp"] == [MAC, "172.20.1.1"]
    assert order["addresses"] == ["172.20.1.1", "172.20.1.2"]
    # once all was well, no board is asked for again: it might have power by now
    (server.folder / "services").write_text(json.dumps({"dhcp": "", "tftp": ""}))
    services.check([1])
    services.check([1])
    assert json.loads((server.folder / "order").read_text())["dhcp"] is None


def test_a_server_that_does_not_answer_is_not_ready(
    server: FakeServer, description: MakeDescription
) -> None:
    (server.folder / "services").write_text("no JSON")
    (state,) = services_of(server, description).check([1])
    assert (state.name, state.ready) == ("mini-head", False)


def test_a_discover_is_what_a_board_sends_but_for_its_sender() -> None:
    own, board = bytes.fromhex("525400123456"), bytes.fromhex(MAC.replace(":", ""))
    frame = probe.discover_frame(own, board)
    assert frame[:14] == b"\xff" * 6 + own + b"\x08\x00"
    assert frame[14 + 28 + 28 : 14 + 28 + 34] == board
    assert probe._checksum(frame[14:34]) == 0
    assert b"PXEClient:Arch:00000" in frame


def test_an_offer_is_told_from_other_frames() -> None:
    own, board = bytes.fromhex("525400123456"), bytes.fromhex(MAC.replace(":", ""))
    request = probe.discover_frame(own, board)
    assert probe.offered(request, board) is None
    reply = bytearray(request)
    reply[14 + 20 : 14 + 24] = struct.pack("!HH", 67, 68)
    reply[14 + 28] = 2
    reply[14 + 28 + 16 : 14 + 28 + 20] = socket.inet_aton("172.20.1.1")
    assert probe.offered(bytes(reply), board) == "172.20.1.1"
    assert probe.offered(bytes(reply), own) is None
    for length in (0, 20, 60, 200):
        assert probe.offered(bytes(reply[:length]), board) is None


def serve_udp(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def loop() -> None:
            while True:
                try:
                    data, peer = sock.recvfrom(2048)
                except OSError:
                    return
                reply = answer(data)
                if reply:
                    with suppress(OSError):
                        sock.sendto(reply, peer)

        threading.Thread(target=loop, daemon=True).start()
        yield sock.getsockname()[1]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"\0\5\0\1File not found\0", ""),
        (b"\0\3\0\1data", ""),
        (b"\0\5\0\2Access\0", "answers bootcode.bin with code 5"),
        (None, "no answer"),
    ],
)
def test_tftp_is_tried(
    reply: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_S", 0.3)
    for port in serve_udp(lambda _: reply):
        monkeypatch.setattr(probe, "_TFTP_PORT", port)
        (tmp_path / "nodes" / "172.20.1.1").mkdir(parents=True)
        (tmp_path / "nodes" / "172.20.1.1" / "bootcode.bin").touch()
        said = probe.try_tftp("127.0.0.1", str(tmp_path), ["172.20.1.1"])
        assert said.startswith(why) if why else said == ""
        if not why:
            missing = probe.try_tftp("127.0.0.1", str(tmp_path), ["172.20.1.1", "172.20.1.2"])
            assert missing.startswith("has no bootcode.bin for 172.20.1.2")


def rpc_server(results: Mapping[int, bytes]) -> Iterator[int]:
    """Answers calls by procedure, each connection as long as it lasts."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(peer: socket.socket) -> None:
        with peer:
            while head := peer.recv(4):
                record = peer.recv(struct.unpack("!I", head)[0] & 0x7FFFFFFF, socket.MSG_WAITALL)
                xid, procedure = record[:4], struct.unpack("!I", record[20:24])[0]
                body = xid + struct.pack("!IIIII", 1, 0, 0, 0, 0) + results[procedure]
                peer.sendall(struct.pack("!I", 0x80000000 | len(body)) + body)

    def loop() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.mark.parametrize(
    ("status", "why"),
    [(0, ""), (13, "mountd refuses /srv/x with status 13")],
)
def test_nfs_is_tried(status: int, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_LOW_PORTS", [0])
    for port in rpc_server({0: b"", 1: struct.pack("!I", status), 3: b""}):
        ports = {"nfs": (100003, 3, port), "mountd": (100005, 3, port)}
        monkeypatch.setattr(probe, "_PORTMAPPED", ports)
        assert probe.try_nfs("127.0.0.1", "/srv/x") == why
    monkeypatch.setattr(probe, "_PORTMAPPED", {"nfs": (100003, 3, 1), "mountd": (100005, 3, 1)})
    assert "mountd on 127.0.0.1" in probe.try_nfs("127.0.0.1", "/srv/x")


def test_the_receiver_of_messages_is_tried() -> None:
    for port in serve_udp(lambda _: None):
        assert probe.try_messages(port) == ""
    assert probe.try_messages(1) == "nobody listens on UDP port 1"


def test_the_probe_runs_by_itself_and_tells_of_each_service() -> None:
    order = {"server": "127.0.0.1", "interface": "none0", "tftp_root": "/none", "export": "/none",
             "messages": 1, "addresses": [], "dhcp": [MAC, "172.20.1.1"]}  # fmt: skip
    text = Path(probe.__file__).read_text()
    text = text.replace("_TFTP_PORT = 69", "_TFTP_PORT = 9").replace(
        "_TIMEOUT_S = 3.0", "_TIMEOUT_S = 0.2"
    )
    done = subprocess.run([sys.executable, "-I", "-", json.dumps(order)], input=text,
                          capture_output=True, text=True, check=True)  # fmt: skip
    found = json.loads(done.stdout)
    assert set(found) == {"dhcp", "tftp", "nfs", "messages"}
    assert all(found.values())
