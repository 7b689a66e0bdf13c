import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from picluster.cluster.load import schema
from tests.conftest import MakeDescription

pytestmark = pytest.mark.timeout(120)

_REGISTRY = """\
bank,slot,mac,serial,port,state,note
1,1,b8:27:eb:00:00:01,d1000001,,,
1,2,b8:27:eb:00:00:02,,{{ 7 * 6 }},spare,
1,3,,,,,
2,4,b8:27:eb:00:00:04,,,quarantined,{{ x }}
"""

_CHANGES: dict[str, Any] = {
    "title": "{{ x }}",
    "bank_rows": 2,
    "image": "ol9",
    "racks": [{"number": 7, "side": "front"}],
    "pdus": [{"name": "pdu-1", "address": "172.20.0.31", "outlets": 5}],
    "boot_servers": [{"name": "rack-2", "address": "172.20.0.11", "boot_interface": "eth2"}],
    "banks": [
        {"number": 1, "size": 4, "switch": "sw-1", "rack": 7, "pdu": "pdu-1", "outlet": 3},
        {"number": 2, "size": 4, "switch": "sw-2", "ports": "1-4", "domain": "east",
         "boot_server": "rack-2", "image": "debian"},
        {"number": 9, "size": 4},
    ],
}  # fmt: skip


def ansible(
    repository: Path, tool: str, *words: object, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(repository / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": "/tmp/.ansible-picluster-tests",
        "ANSIBLE_NOCOLOR": "1",
    }
    return subprocess.run(
        [str(Path(sys.executable).with_name(tool)), *map(str, words)],
        capture_output=True, check=False, cwd=cwd or repository, env=environment, text=True,
    )  # fmt: skip


def listed(repository: Path, path: Path) -> dict[str, Any]:
    ran = ansible(repository, "ansible-inventory", "-i", path, "--list")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def small(description: MakeDescription) -> Path:
    return description(registry=_REGISTRY, **_CHANGES)


def test_the_whole_inventory(repository: Path, small: Path) -> None:
    found = listed(repository, small)
    found["_meta"].pop("profile", None)
    for variables in found["_meta"]["hostvars"].values():
        variables.pop("ansible_local", None)  # of Ansible itself
    shared = {
        "ansible_user": "root",
        "ansible_ssh_common_args": (
            f"-o 'UserKnownHostsFile=\"{small.parent}/known_hosts\"' -o StrictHostKeyChecking=yes"
        ),
        "picluster_cluster": "small",
        "picluster_description": str(small),
        "picluster_known_hosts": f"{small.parent}/known_hosts",
        "picluster_network": "172.20.0.0/16",
        "picluster_netmask": "255.255.0.0",
        "picluster_prefix_length": 16,
        "picluster_domain_name": "small.internal",
        "picluster_node_count": 3,
        "picluster_tftp_root": "/srv/picluster/tftp",
        "picluster_export_root": "/srv/picluster/export",
        "picluster_zones": "2=domain_east",
    }
    one = {
        "picluster_bank": 1, "picluster_rack": 7, "picluster_side": "front",
        "picluster_domain": "", "picluster_pdu": "pdu-1", "picluster_outlet": 3,
        "picluster_boot_server": "small-head", "picluster_image": "canary",
        "picluster_switch": "sw-1",
    }  # fmt: skip
    two = {
        "picluster_bank": 2, "picluster_rack": "", "picluster_side": "", "picluster_domain": "east",
        "picluster_pdu": "", "picluster_outlet": "", "picluster_boot_server": "rack-2",
        "picluster_image": "debian", "picluster_switch": "sw-2",
    }  # fmt: skip
    server = {key: value for key, value in shared.items() if not key.startswith("ansible_")}
    assert found["_meta"]["hostvars"] == {
        "pi-1-1": shared | one | {
            "ansible_host": "172.20.1.1", "picluster_mac": "b8:27:eb:00:00:01",
            "picluster_serial": "d1000001", "picluster_slot": 1, "picluster_row": 1,
            "picluster_switch_port": "",
        },
        "pi-1-2": shared | one | {
            "ansible_host": "172.20.1.2", "picluster_mac": "b8:27:eb:00:00:02",
            "picluster_serial": "", "picluster_slot": 2, "picluster_row": 1,
            "picluster_switch_port": {"__ansible_unsafe": "{{ 7 * 6 }}"},  # never a template
        },
        "pi-2-4": shared | two | {
            "ansible_host": "172.20.2.4", "picluster_mac": "b8:27:eb:00:00:04",
            "picluster_serial": "", "picluster_slot": 4, "picluster_row": 2,
            "picluster_switch_port": "4",
        },
        "small-head": server | {
            "ansible_host": "172.20.0.10", "picluster_server_name": "small-head",
            "picluster_boot_address": "172.20.0.10", "picluster_boot_interface": "eth1",
            "picluster_boot_nodes": 2,
        },
        "rack-2": server | {
            "ansible_host": "172.20.0.11", "picluster_server_name": "rack-2",
            "picluster_boot_address": "172.20.0.11", "picluster_boot_interface": "eth2",
            "picluster_boot_nodes": 1,
        },
    }  # fmt: skip
    del found["_meta"]
    groups = {name: group.get("hosts", []) for name, group in found.items() if name != "all"}
    assert {name: hosts for name, hosts in groups.items() if hosts} == {
        "head": ["small-head"],
        "builder": ["small-head"],
        "boot_servers": ["small-head", "rack-2"],
        "pi": ["pi-1-1", "pi-1-2", "pi-2-4"],
        "bank_1": ["pi-1-1", "pi-1-2"],
        "bank_2": ["pi-2-4"],
        "rack_7": ["pi-1-1", "pi-1-2"],
        "side_front": ["pi-1-1", "pi-1-2"],
        "domain_east": ["pi-2-4"],
        "boot_server_small_head": ["pi-1-1", "pi-1-2"],
        "boot_server_rack_2": ["pi-2-4"],
        "quarantined": ["pi-2-4"],
        "spare": ["pi-1-2"],
    }
    assert "bank_9" in found["all"]["children"]


def test_constructed_features_limits_and_overrides(
    repository: Path, description: MakeDescription, tmp_path: Path
) -> None:
    path = description(
        registry=_REGISTRY, **_CHANGES, strict=True,
        compose={"port_name": "picluster_switch ~ '/' ~ picluster_slot"},
        groups={"top_row": "picluster_row == 1"},
        keyed_groups=[{"prefix": "switch", "key": "picluster_switch"}],
    )  # fmt: skip
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "bank_2.yml").write_text("picluster_image: mine\n")
    found = listed(repository, path)
    assert found["top_row"]["hosts"] == ["pi-1-1", "pi-1-2"]
    assert found["switch_sw_1"]["hosts"] == ["pi-1-1", "pi-1-2"]
    variables = found["_meta"]["hostvars"]
    # A value made from an inventory's is printed as one that is never a template.
    assert variables["pi-2-4"]["port_name"] in ("sw-2/4", {"__ansible_unsafe": "sw-2/4"})
    assert variables["pi-2-4"]["picluster_image"] == "mine"
    ran = ansible(
        repository, "ansible", "bank_1:bank_9:&spare", "-i", path, "-m", "debug",
        "-a", "msg={{ picluster_switch_port }}", "-c", "local",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert re.findall(r"^(\S+) \|", ran.stdout, re.M) == ["pi-1-2"]
    assert "{{ 7 * 6 }}" in ran.stdout
    assert "42" not in ran.stdout


def test_strict_expressions_end_the_run(repository: Path, description: MakeDescription) -> None:
    path = description(registry=_REGISTRY, **_CHANGES, strict=True, compose={"x": "nothing_here"})
    ran = ansible(repository, "ansible-inventory", "-i", path, "--list")
    assert ran.returncode != 0
    assert "nothing_here" in ran.stderr


def test_a_refused_plan_gives_no_host_and_names_every_offender(
    repository: Path, description: MakeDescription, tmp_path: Path
) -> None:
    path = description(
        registry="bank,slot,mac\n1,1,b8:27:eb:00:00:01\n1,2,b8:27:eb:00:00:01\n7,1,\n"
    )
    ran = ansible(repository, "ansible-inventory", "-i", path, "--list")
    said = re.sub(r"\s+", " ", ran.stderr)
    assert ran.returncode != 0
    assert "pi-1-1" not in ran.stdout
    assert f"{tmp_path}/macs.csv:4: bank 7 is not in the description (1 to 2)" in said
    assert (
        f"{tmp_path}/macs.csv:3: MAC address b8:27:eb:00:00:01 is given to pi-1-1 (line 2), "
        "pi-1-2 (line 3)"
    ) in said
    assert "Traceback" not in ran.stderr


def test_values_are_plain(small: Path) -> None:
    code = f"""
from ansible.parsing.dataloader import DataLoader
from ansible.inventory.manager import InventoryManager
inventory = InventoryManager(DataLoader(), sources=[{str(small)!r}])
things = [*inventory.hosts.values(), *inventory.groups.values()]
values = [value for thing in things for value in thing.vars.values()]
assert len(inventory.hosts) == 5
# Ansible itself tags values with their origin.
print(sorted({{type(value).__name__.removeprefix("_AnsibleTagged").lower() for value in values}}))
"""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(_root() / "ansible.cfg")}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=_root(), env=environment,
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "['int', 'str']\n"), ran.stderr


def _root() -> Path:
    return Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["policebox", "mini", "zurich", "bench"])
def test_the_ready_clusters(repository: Path, name: str) -> None:
    found = listed(repository, repository / "inventory" / name)
    nodes = {"policebox": 1050, "mini": 84, "zurich": 12, "bench": 8}[name]
    assert len(found["pi"]["hosts"]) == nodes
    assert len(found["_meta"]["hostvars"]) == nodes + 1


def test_whose_host_keys_are_trusted_is_no_inventory(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    shutil.copytree(repository / "inventory" / "bench", folder)
    (folder / "known_hosts").write_text("@cert-authority pi-1-* ssh-ed25519 AAAA bench-head\n")
    found = listed(repository, folder)
    assert len(found["_meta"]["hostvars"]) == 9
    assert found["_meta"]["hostvars"]["pi-1-1"]["picluster_known_hosts"] == f"{folder}/known_hosts"


def test_the_documentation_knows_every_key(repository: Path) -> None:
    ran = ansible(repository, "ansible-doc", "-t", "inventory", "picluster", "--json")
    assert ran.returncode == 0, ran.stderr
    doc = json.loads(ran.stdout)["picluster"]
    assert set(doc["doc"]["options"]) == set(schema()["properties"])
    assert [key for key, option in doc["doc"]["options"].items() if not option["description"]] == []
    assert set(schema()["required"]) == {
        key for key, option in doc["doc"]["options"].items() if option.get("required")
    }


def test_the_example_of_the_documentation_loads(
    repository: Path, description: MakeDescription
) -> None:
    ran = ansible(repository, "ansible-doc", "-t", "inventory", "picluster", "--json")
    example = yaml.safe_load(json.loads(ran.stdout)["picluster"]["examples"])
    path = description()
    path.write_text(yaml.safe_dump(example))
    (path.parent / "macs.csv").write_text("bank,slot,mac\n1,1,b8:27:eb:00:00:01\n")
    found = listed(repository, path)
    assert found["top_row"]["hosts"] == found["switch_sw_1"]["hosts"] == ["pi-1-1"]
