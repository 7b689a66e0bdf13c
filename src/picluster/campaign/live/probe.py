"""Try the services of a boot server as a board would, on the server itself.

This file is run there by ``python3 -I -``; it uses the standard library only and knows nothing of
picluster. It reads one JSON object from its last argument and writes one to standard output:
``{"dhcp": "", "tftp": "why not", ...}``, where empty means ready.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable

_TIMEOUT_S = 3.0
_ETH_P_ALL = 3
_DHCP_SERVER = 67
_XID = 0x7069636C
_MAGIC = b"\x63\x82\x53\x63"
_TFTP_DATA, _TFTP_ERROR, _TFTP_OACK = 3, 5, 6
_NOT_FOUND = 1
_TFTP_PORT = 69
#: Ports only root can have.
_LOW_PORTS = range(1023, 900, -1)
_PORTMAPPED = {"nfs": (100003, 3, 2049), "mountd": (100005, 3, 20048)}


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def discover_frame(source: bytes, board: bytes) -> bytes:
    """A DISCOVER for a board's address, in a frame from this machine's own address.

    The switches learn the address a frame comes from: the board's must stay where the board is.
    """
    options = b"\x35\x01\x01" + b"\x3c\x20PXEClient:Arch:00000:UNDI:002001" + b"\xff"
    bootp = struct.pack("!BBBBIHH", 1, 1, 6, 0, _XID, 0, 0) + bytes(16) + board + bytes(10 + 192)
    payload = bootp + _MAGIC + options
    udp = struct.pack("!HHHH", 68, _DHCP_SERVER, 8 + len(payload), 0) + payload
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4
    )
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return b"\xff" * 6 + source + b"\x08\x00" + head + udp


def offered(frame: bytes, board: bytes) -> str | None:
    """The address that a frame offers to a board, or ``None``."""
    if len(frame) < 14 + 28 + 240 or frame[12:14] != b"\x08\x00" or frame[14 + 9] != 17:
        return None
    start = 14 + (frame[14] & 15) * 4
    if struct.unpack("!H", frame[start : start + 2])[0] != _DHCP_SERVER:
        return None
    bootp = frame[start + 8 :]
    if len(bootp) < 240 or bootp[0] != 2 or bootp[4:8] != struct.pack("!I", _XID):
        return None
    return socket.inet_ntoa(bootp[16:20]) if bootp[28:34] == board else None


def try_dhcp(interface: str, mac: str, address: str) -> str:
    """Ask for a board that has no power: it must be offered its own address."""
    board = bytes.fromhex(mac.replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as sock:
        sock.bind((interface, 0))
        source = sock.getsockname()[4]
        until = time.monotonic() + _TIMEOUT_S
        sock.send(discover_frame(source, board))
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                got = offered(sock.recv(65535), board)
            except TimeoutError:
                break
            if got is not None:
                return "" if got == address else f"offered {got} to {mac}, not {address}"
    return f"no OFFER for {mac} on {interface} within {_TIMEOUT_S:g} s"


def try_tftp(server: str, root: str, addresses: list[str]) -> str:
    """Ask for bootcode.bin; this machine is no board, so that "not found" is an answer too."""
    request = struct.pack("!H", 1) + b"bootcode.bin\0octet\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_TIMEOUT_S)
        sock.bind((server, 0))
        sock.sendto(request, (server, _TFTP_PORT))
        try:
            reply, peer = sock.recvfrom(65535)
        except TimeoutError:
            return f"no answer from {server} port {_TFTP_PORT} within {_TIMEOUT_S:g} s"
        kind, code = struct.unpack("!HH", reply[:4])
        if kind == _TFTP_DATA:  # ends the transfer
            sock.sendto(struct.pack("!HH", _TFTP_ERROR, 0) + b"\0", peer)
    if kind not in (_TFTP_DATA, _TFTP_OACK) and (kind, code) != (_TFTP_ERROR, _NOT_FOUND):
        return f"answers bootcode.bin with code {kind}"
    missing = [one for one in addresses if not _serves(root, one)]
    return f"has no bootcode.bin for {missing[0]} under {root}" if missing else ""


def _serves(root: str, address: str) -> bool:
    nodes = os.path.join(root, "nodes")  # noqa: PTH118
    folder = os.path.join(nodes, address) if os.path.isdir(nodes) else root  # noqa: PTH112, PTH118
    return os.path.isfile(os.path.join(folder, "bootcode.bin"))  # noqa: PTH113, PTH118


def _call(program: int, version: int, procedure: int, body: bytes = b"") -> bytes:
    """An RPC call with an AUTH_UNIX credential of root, as a record of TCP."""
    credential = struct.pack("!IIIII", 0, 0, 0, 0, 0)
    auth = struct.pack("!II", 1, len(credential)) + credential + struct.pack("!II", 0, 0)
    call = struct.pack("!IIIIII", _XID, 0, 2, program, version, procedure) + auth + body
    return struct.pack("!I", 0x80000000 | len(call)) + call


def _reply(sock: socket.socket) -> bytes:
    """What follows an accepted reply."""
    head = _exactly(sock, 4)
    record = _exactly(sock, struct.unpack("!I", head)[0] & 0x7FFFFFFF)
    xid, kind, state = struct.unpack("!III", record[:12])
    length = struct.unpack("!I", record[16:20])[0]
    accepted = struct.unpack("!I", record[20 + length : 24 + length])[0]
    if (xid, kind, state, accepted) != (_XID, 1, 0, 0):
        raise OSError("the call was refused")
    return record[24 + length :]


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            raise OSError("the connection was closed")
        data += chunk
    return data


def _connected(server: str, port: int) -> socket.socket:
    """A connection from a port only root can have: mountd wants one."""
    for source in _LOW_PORTS:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(_TIMEOUT_S)
            sock.bind((server, source))
            sock.connect((server, port))
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRINUSE:  # somebody has that one
                continue
            raise
        return sock
    raise OSError("no free port below 1024")


def try_nfs(server: str, path: str) -> str:
    """Mount the export, which gives a handle, and ask the NFS server for nothing."""
    step = "mountd"
    try:
        program, version, port = _PORTMAPPED["mountd"]
        raw = path.encode()
        body = struct.pack("!I", len(raw)) + raw + bytes(-len(raw) % 4)
        with _connected(server, port) as sock:
            sock.sendall(_call(program, version, 1, body))
            status = struct.unpack("!I", _reply(sock)[:4])[0]
            if status != 0:
                return f"mountd refuses {path} with status {status}"
            sock.sendall(_call(program, version, 3, body))
            _reply(sock)
        step = "nfs"
        program, version, port = _PORTMAPPED["nfs"]
        with _connected(server, port) as sock:
            sock.sendall(_call(program, version, 0))
            _reply(sock)
    except (OSError, struct.error) as error:
        return f"{step} on {server}: {error}"
    return ""


def try_messages(port: int) -> str:
    """See whether somebody has the port the nodes' messages go to."""
    wanted = f":{port:04X}"
    with open("/proc/net/udp", encoding="ascii") as table:  # noqa: PTH123
        if any(line.split()[1].endswith(wanted) for line in list(table)[1:]):
            return ""
    return f"nobody listens on UDP port {port}"


def main(text: str) -> dict[str, str]:
    """Try what is asked for.

    Args:
        text: JSON with ``server``, ``interface``, ``tftp_root``, ``export``, ``messages`` (a port),
            ``addresses`` of boards, and ``dhcp``: null, or the MAC address and the address of a
            board that has no power.
    """
    order = json.loads(text)
    tries: dict[str, Callable[[], str]] = {
        "tftp": lambda: try_tftp(order["server"], order["tftp_root"], order["addresses"]),
        "nfs": lambda: try_nfs(order["server"], order["export"]),
        "messages": lambda: try_messages(order["messages"]),
    }
    if order["dhcp"]:
        tries["dhcp"] = lambda: try_dhcp(order["interface"], *order["dhcp"])
    found = {}
    for name, attempt in tries.items():
        try:
            found[name] = attempt()
        except (OSError, struct.error) as error:
            found[name] = str(error)
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[-1])))
