import re
import subprocess
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.plan.read import read_plan
from picluster.render.configuration import KINDS, nfs_threads, render, render_known_hosts
from tests.conftest import MakeDescription
from twin.daemons import daemon

_REGISTRY = (
    "bank,slot,mac,state\n2,1,b8:27:eb:00:00:03,quarantined\n1,2,b8:27:eb:00:00:02,\n"
    "1,1,b8:27:eb:00:00:01,\n1,3,,\n"
)

_DHCP = """\
  host pi-1-1 { hardware ethernet b8:27:eb:00:00:01; fixed-address 172.20.1.1; }
  host pi-1-2 { hardware ethernet b8:27:eb:00:00:02; fixed-address 172.20.1.2; }
"""


@pytest.fixture
def small(description: MakeDescription) -> Path:
    return description(
        registry=_REGISTRY,
        boot_servers=[{"name": "rack-2", "address": "172.20.0.11", "boot_interface": "eth2"}],
        banks=[
            {"number": 1, "size": 4, "switch": "sw-1", "ports": "1-4"},
            {"number": 2, "size": 4, "switch": "sw-2", "ports": "1-4", "boot_server": "rack-2"},
        ],
        dhcp={"router": "172.20.0.1", "dns_servers": ["172.20.0.2", "9.9.9.9"]},
        ssh={"host_authorities": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlaceholder"]},
    )


def body(text: str) -> str:
    """A configuration without comments and empty lines."""
    return "".join(
        line + "\n" for line in text.splitlines() if line.strip() and not line.startswith("#")
    )


def test_dhcpd_of_the_head(small: Path) -> None:
    text = body(render(read_plan(small), "dhcp"))
    head, _, tail = text.partition("group {\n")
    assert tail == (
        '  next-server 172.20.0.10;\n  option tftp-server-name "172.20.0.10";\n' + _DHCP + "}\n"
    )
    assert "option routers 172.20.0.1;\n" in head
    assert "option domain-name-servers 172.20.0.2, 9.9.9.9;\n" in head
    assert (
        "option vendor-encapsulated-options 06:01:03:0a:04:00:50:58:45:09:17:00:00:14:"
        "52:61:73:70:62:65:72:72:79:20:50:69:20:42:6f:6f:74:20:20:20:ff;\n"
    ) in head
    for never in ("range", "pool", "always-broadcast"):
        assert never not in text


def test_dhcpd_of_another_boot_server(small: Path) -> None:
    text = body(render(read_plan(small), "dhcp", "", "rack-2"))
    assert text.partition("group {\n")[2] == (
        '  next-server 172.20.0.11;\n  option tftp-server-name "172.20.0.11";\n'
        "  host pi-2-1 { hardware ethernet b8:27:eb:00:00:03; fixed-address 172.20.2.1; }\n}\n"
    )


def test_the_other_kinds(small: Path) -> None:
    plan = read_plan(small)
    export = "(ro,sync,secure,no_root_squash,no_subtree_check,fsid="
    assert body(render(plan, "exports")).startswith(f"/srv/picluster/export 172.20.0.0/16{export}")
    assert body(render(plan, "tftp")) == (
        'TFTP_USERNAME="tftp"\nTFTP_DIRECTORY="/srv/picluster/tftp"\n'
        'TFTP_ADDRESS="172.20.0.10:69"\n'
        'TFTP_OPTIONS="--secure --ipv4 --verbose --blocksize 1468'
        ' --map-file /etc/picluster/tftp.map"\n'
    )
    assert body(render(plan, "known_hosts")) == (
        "@cert-authority pi-1-*,pi-2-*,172.20.1.*,172.20.2.*,*.small.internal "
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlaceholder\n"
    )


def test_the_nodes_of_a_boot_server(small: Path) -> None:
    plan = read_plan(small)
    assert render(plan, "nodes") == (
        "address,mac,name,image\n"
        "172.20.1.1,b8:27:eb:00:00:01,pi-1-1,canary\n"
        "172.20.1.2,b8:27:eb:00:00:02,pi-1-2,canary\n"
    )
    assert render(plan, "nodes", "csv", "rack-2") == (
        "address,mac,name,image\n172.20.2.1,b8:27:eb:00:00:03,pi-2-1,current\n"
    )


def test_known_hosts_of_a_bank_that_fills_several_octets(description: MakeDescription) -> None:
    path = description(
        registry="bank,slot,mac\n",
        bank_stride=1024,
        banks=[{"number": 1, "size": 600}, {"number": 2, "size": 1}],
        ssh={"host_authorities": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlaceholder"]},
    )
    assert body(render(read_plan(path), "known_hosts")) == (
        "@cert-authority pi-1-*,pi-2-*,"
        "172.20.4.*,172.20.5.*,172.20.6.*,172.20.8.*,*.small.internal "
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlaceholder\n"
    )


_FOUND = {
    name: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43}"
    for name, letter in (("small-head", "A"), ("rack-2", "B"))
}


def test_known_hosts_trusts_a_boot_server_with_what_it_boots(small: Path) -> None:
    text = render_known_hosts(read_plan(small), _FOUND)
    assert body(text) == (
        "@cert-authority pi-1-*,pi-2-*,172.20.1.*,172.20.2.*,*.small.internal "
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlaceholder\n"
        f"@cert-authority pi-1-*,172.20.1.* {_FOUND['small-head']} small-head\n"
        f"@cert-authority pi-2-*,172.20.2.* {_FOUND['rack-2']} rack-2\n"
    )
    assert render_known_hosts(read_plan(small), dict(reversed(_FOUND.items()))) == text


@pytest.mark.parametrize(
    ("server", "key", "said"),
    [
        ("rack-9", _FOUND["rack-2"], "no boot server 'rack-9'; there are: small-head, rack-2"),
        ("rack-2", "ssh-rsa AAAAB3NzaC1yc2EA", "no ed25519 public key: 'ssh-rsa AAAAB3"),
        ("rack-2", _FOUND["rack-2"] + "\nx", "no ed25519 public key"),
        ("rack-2", "ssh-ed25519 " + "A" * 68, "no ed25519 public key"),
    ],
)
def test_known_hosts_refuses_what_is_no_authority(
    small: Path, server: str, key: str, said: str
) -> None:
    with pytest.raises(PiclusterError, match=re.escape(said)):
        render_known_hosts(read_plan(small), {server: key})


@pytest.mark.parametrize(
    ("kind", "variant"), [(kind, variant) for kind in KINDS for variant in KINDS[kind]]
)
def test_same_plan_same_bytes_and_all_ascii(small: Path, kind: str, variant: str) -> None:
    text = render(read_plan(small), kind, variant)
    turned = small.parent / "macs.csv"
    header, *rows = _REGISTRY.splitlines()
    turned.write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert render(read_plan(small), kind, variant) == text
    assert text.isascii()
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("nonsense",),
            "no configuration 'nonsense'; "
            "there are: dhcp, tftp, exports, known_hosts, nodes, slurm",
        ),
        (("dhcp", "kea"), "no variant 'kea' of dhcp; there are: isc"),
        (("dhcp", "", "x"), "{d}: no boot server 'x'; there are: small-head, rack-2"),
    ],
)
def test_refusals(small: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(PiclusterError) as refused:
        render(read_plan(small), *words)
    assert str(refused.value) == said.format(d=small)


def _dhcpd() -> str:
    found = daemon("dhcpd")
    if found is None:
        pytest.skip("no dhcpd here: make setup")
    return str(found)


@pytest.mark.parametrize("name", ["policebox", "mini", "zurich", "bench", None])
def test_dhcpd_takes_it(repository: Path, small: Path, tmp_path: Path, name: str | None) -> None:
    path = repository / "inventory" / name / "cluster.picluster.yml" if name else small
    plan = read_plan(path)
    config = tmp_path / "dhcpd.conf"
    config.write_text(render(plan, "dhcp"))
    ran = subprocess.run(
        [_dhcpd(), "-t", "-cf", str(config)], capture_output=True, check=False, text=True
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("nodes", "threads"), [(0, 8), (71, 8), (84, 10), (1024, 128), (65_024, 128)]
)
def test_threads_of_the_nfs_server(nodes: int, threads: int) -> None:
    assert nfs_threads(nodes) == threads
