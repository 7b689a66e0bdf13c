"""What a machine on the boot network can reach; run as a program inside its namespace.

``head_probe.py ports ADDRESS tcp/22 udp/69 …`` prints ``{"tcp/22": "open", …}``: ``open``,
``closed`` (the head says so) or ``filtered`` (no answer). ``head_probe.py time ADDRESS`` prints
the stratum of an NTP server.
"""

from __future__ import annotations

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

_WAIT_S = 2.0


def tcp(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), timeout=_WAIT_S):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except OSError:  # nobody answers, not even to ARP
        return "filtered"


def udp(address: str, port: int) -> str:
    """An open UDP port is silent or answers; ``filtered`` cannot be told from silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_WAIT_S)
        sock.connect((address, port))
        try:
            sock.send(b"ping")
            sock.recv(100)
        except ConnectionRefusedError:
            return "closed"
        except TimeoutError:
            return "filtered"
    return "open"


def ports(address: str, names: list[str]) -> dict[str, str]:
    def one(name: str) -> str:
        kind, _, port = name.partition("/")
        return {"tcp": tcp, "udp": udp}[kind](address, int(port))

    with ThreadPoolExecutor(32) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def stratum(address: str) -> int:
    """Stratum in the answer to an NTPv4 client request (RFC 5905)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_WAIT_S)
        sock.connect((address, 123))
        sock.send(bytes([0x23]) + bytes(47))
        answer = sock.recv(100)
    assert answer[0] & 7 == 4, "not the answer of a server"
    return answer[1]


if __name__ == "__main__":
    what, place, *rest = sys.argv[1:]
    asked = {
        "ports": lambda: ports(place, rest),
        "time": lambda: stratum(place),
    }
    print(json.dumps(asked[what]()))
