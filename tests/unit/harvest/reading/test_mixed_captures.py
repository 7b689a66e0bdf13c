from __future__ import annotations

import pytest
from facts_of_files import facts, short

from picluster.errors import PiclusterError

LOG = "Mar  3 09:00:01 head dnsmasq-dhcp[7]: DHCPACK(eth0) 172.20.11.1 b8:27:eb:70:00:01 pi"
LEASE = "1516260768 b8:27:eb:70:00:02 172.20.11.2 pi-2 01:b8:27:eb:70:00:02"
FDB = "b8:27:eb:70:00:03 dev lan3 vlan 1 master br0"
NEIGHBOUR = "172.20.11.3 dev br0 lladdr b8:27:eb:70:00:03 REACHABLE"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{LOG}\nroot@gw:~# cat /tmp/dhcp.leases\n{LEASE}",
            [
                (1, "b8:27:eb:70:00:01", "ack", "172.20.11.1"),
                (3, "b8:27:eb:70:00:02", "lease", "172.20.11.2"),
            ],
        ),
        (
            f"root@gw:~# bridge fdb\n{FDB}\nroot@gw:~# ip neigh\n{NEIGHBOUR}",
            [(2, "b8:27:eb:70:00:03"), (4, "b8:27:eb:70:00:03", "172.20.11.3")],
        ),
    ],
)
def test_each_capture_of_a_file_is_read_as_what_it_is(
    text: str, expected: list[tuple[object, ...]]
) -> None:
    assert short(facts(text)) == expected


def test_a_refused_kind_beside_another_stays_refused() -> None:
    with pytest.raises(PiclusterError, match="may be ip-neigh, vcgencmd"):
        facts(f"{NEIGHBOUR}\nthrottled=0x50005")
