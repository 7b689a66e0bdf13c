import pytest

from tests.unit.node.shells import DRACUT, Place

GOOD = {
    "ip": "172.20.1.1",
    "mask": "16",
    "router": "172.20.0.1",
    "hostname": "pi-1-1",
    "domain": "cluster.lan",
    "dns": "172.20.0.2 172.20.0.3",
    "ntpsrv": "172.20.0.10",
    "siaddr": "172.20.0.10",
    "serverid": "172.20.0.11",
}
LEASE = """\
ADDRESS=172.20.1.1
PREFIX=16
ROUTER=172.20.0.1
NAME=pi-1-1
DOMAIN=cluster.lan
DNS="172.20.0.2 172.20.0.3"
NTP="172.20.0.10"
SERVER=172.20.0.10
"""


def lease(place: Place, event: str = "bound", **changes: str) -> str | None:
    file = place.path / "lease"
    values = {**GOOD, **changes, "PICLUSTER_LEASE": str(file)}
    place.execute(["sh", str(DRACUT / "udhcpc-script"), event], **values)
    return file.read_text() if file.exists() else None


def test_a_lease_is_kept_as_the_server_gave_it(place: Place) -> None:
    assert lease(place) == LEASE


@pytest.mark.parametrize("event", ["deconfig", "leasefail", "nak"])
def test_nothing_but_a_lease_makes_one(place: Place, event: str) -> None:
    assert lease(place, event) is None


def test_the_dhcp_server_is_the_nfs_server_when_it_names_none(place: Place) -> None:
    assert lease(place, siaddr="") == LEASE.replace("SERVER=172.20.0.10", "SERVER=172.20.0.11")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("hostname", "$(reboot)", "NAME="),
        ("hostname", "a\nSERVER=1.2.3.4", "NAME="),
        ("hostname", "pi-1-1.cluster.lan", "NAME=pi-1-1"),
        ("domain", "x;reboot", "DOMAIN="),
        ("router", "`reboot` 172.20.0.1", "ROUTER=172.20.0.1"),
        ("router", "", "ROUTER="),
        ("dns", '172.20.0.2 "; reboot 172.20.0.3', 'DNS="172.20.0.2 172.20.0.3"'),
        ("ntpsrv", "* 999.1.1.1", 'NTP=""'),
        ("siaddr", "172.20.0.10;reboot", "SERVER=172.20.0.11"),
    ],
)
def test_only_addresses_and_names_pass(place: Place, name: str, value: str, line: str) -> None:
    text = lease(place, **{name: value})
    assert text is not None
    expected = LEASE.splitlines()
    name = f"{line.partition('=')[0]}="
    (position,) = [i for i, old in enumerate(expected) if old.startswith(name)]
    expected[position] = line
    assert text.splitlines() == expected


@pytest.mark.parametrize(
    "changes", [{"ip": "172.20.1.1 x"}, {"ip": ""}, {"mask": ""}, {"mask": "33"}, {"mask": "8;x"}]
)
def test_a_lease_without_an_address_is_none(place: Place, changes: dict[str, str]) -> None:
    assert lease(place, **changes) is None
