"""Asking a head from the outside, and taking stock of its inside."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.daemons import daemon
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.head import Head
    from twin.net import Namespace
    from twin.rack import Rack

MINI = TREE / "inventory" / "mini"
PROBE = Path(__file__).with_name("head_probe.py")
#: Everything a run could change, as text: files, packages, units, addresses, filters.
_STOCK = r"""
find /etc /srv /var/lib/tftpboot /var/lib/dhcp /usr/local -xdev ! -name '*.lock' \
  -printf '%p %y %m %u:%g %l\n' 2>/dev/null | sort
find /etc /srv /usr/local -xdev -type f -exec sha256sum {} + | sort -k2
dpkg-query -W
systemctl list-unit-files --no-pager --plain -q
systemctl list-units --type=service --state=running --no-pager --plain -q | cut -d' ' -f1
ip -o address show
command -v nft >/dev/null && nft list ruleset | grep -v counter
true
"""


def stock(head: Head) -> list[str]:
    """What there is in a head: equal before and after a run that changed nothing."""
    text = head.exec(["sh", "-c", _STOCK])
    # A cache of apt, a lease that was renewed and the like are no change of the machine's state.
    return [line for line in text.splitlines() if "valid_lft" not in line or "inet" in line]


def probe(client: Namespace, *words: str) -> Any:
    """Run head_probe.py in a namespace."""
    return json.loads(client.run([sys.executable, str(PROBE), *words], timeout_s=60))


def nfs(client: Namespace, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of libnfs-utils in a namespace."""
    return subprocess.run(
        client.inside(words), capture_output=True, text=True, timeout=60, check=False
    )


def tftp(client: Namespace, address: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the tftp client in a namespace."""
    return subprocess.run(
        client.inside(["tftp", "-m", "binary", address, "-c", *words]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def offers(namespace: Namespace, interface: str, mac: str, result: Path) -> list[str]:
    """Addresses a board is offered on an interface."""
    words = ["--interface", interface, "--mac", mac, "--speed", "20", "--deadline", "4", "--quiet"]
    subprocess.run(
        namespace.inside([sys.executable, "-m", "twin.rom", *words, "--json", str(result)]),
        cwd=TREE,
        capture_output=True,
        timeout=60,
        check=False,
    )
    (rom,) = json.loads(result.read_text())["roms"]
    return sorted({offer["address"] for offer in rom["offers"]})


@contextlib.contextmanager
def foreign_dhcpd(rack: Rack, place: Path) -> Iterator[str]:
    """Another DHCP server on the rack, at 172.20.0.99; gives its address."""
    program = daemon("dhcpd")
    assert program is not None, "no dhcpd: make setup"
    config, leases, log = place / "dhcpd.conf", place / "dhcpd.leases", place / "dhcpd.log"
    config.write_text(
        "authoritative;\nsubnet 172.20.0.0 netmask 255.255.0.0 "
        "{ range 172.20.200.1 172.20.200.99; }\n"
    )
    leases.touch()
    with rack.client("172.20.0.99/16") as namespace, log.open("wb") as output:
        server = namespace.popen(
            [
                *(str(program), "-4", "-f", "--no-pid", "-cf", str(config)),
                *("-lf", str(leases), "eth0"),
            ],
            stdout=output,
            stderr=output,
        )
        time.sleep(1)
        assert server.poll() is None, log.read_text()
        yield "172.20.0.99"
        server.terminate()
        server.wait(5)
