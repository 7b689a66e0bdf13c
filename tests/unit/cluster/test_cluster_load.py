import json
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from picluster.cluster.load import find_description, load_cluster, schema
from picluster.errors import PiclusterError
from tests.conftest import MakeDescription

_GOOD = """\
plugin: picluster
name: small
network: 172.20.0.0/16
head: {name: small-head, address: 172.20.0.10, boot_interface: eth1}
banks:
  - {number: 1, size: 4}
"""


def refused(path: Path) -> list[str]:
    """The problems of a description, without the file's name."""
    with pytest.raises(PiclusterError) as error:
        load_cluster(path)
    assert all(problem.file == str(path) for problem in error.value.problems)
    return [str(problem).removeprefix(str(path)) for problem in error.value.problems]


def refused_text(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "small.picluster.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return refused(path)


def changed(old: str, new: str) -> str:
    assert old in _GOOD
    return _GOOD.replace(old, new)


def test_the_small_description_loads(tmp_path: Path) -> None:
    path = tmp_path / "small.picluster.yml"
    path.write_text(_GOOD)
    cluster = load_cluster(path)
    bank = cluster.banks[0]
    assert (cluster.name, str(cluster.network), cluster.registry) == (
        "small", "172.20.0.0/16", tmp_path / "macs.csv",
    )  # fmt: skip
    assert (bank.number, bank.size, str(bank.block)) == (1, 4, "172.20.1.0/24")
    assert (bank.boot_server, bank.image) == ("small-head", "canary")
    assert cluster.lines == {"head": 4, "dhcp": 1, 1: 6}


@pytest.mark.parametrize("encode", ["\ufeff{}", "{}\n# comment\n"])
def test_a_byte_order_mark_and_comments_do_not_matter(tmp_path: Path, encode: str) -> None:
    path = tmp_path / "small.picluster.yml"
    path.write_bytes(encode.format(_GOOD.replace("\n", "\r\n")).encode())
    assert load_cluster(path).name == "small"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [": the file is empty; describe a cluster in it"]),
        ("# nothing\n", [": the file is empty; describe a cluster in it"]),
        ("---\n- a\n", [":2: the description is \"['a']\"; wanted is object: inventory/<cluster>/"
                        "cluster.picluster.yml: everything one head node serves."]),
        (b"\x00\x01", [": not YAML: unacceptable character #x0000: control characters are not "
                       "allowed; correct the line"]),
        (b"\x7fELF\xff\xfe", [":1: byte b'\\xff' is not UTF-8; save the file as UTF-8"]),
        (_GOOD.encode() + b"title: caf\xe9\n",
         [":7: byte b'\\xe9' is not UTF-8; save the file as UTF-8"]),
        ("\t" + _GOOD, [":1: not YAML: found character that cannot start any token; "
                        "correct the line"]),
        (_GOOD + "title: [\n", [":8: not YAML: did not find expected node content; "
                                "correct the line"]),
        (_GOOD + "---\na: 1\n", [":7: not YAML: but found another document; correct the line"]),
        (_GOOD + "title: !!python/object:os.system x\n",
         [":7: not YAML: could not determine a constructor for the tag "
          "'tag:yaml.org,2002:python/object:os.system'; correct the line"]),
        (_GOOD + "title: 2019-13-45\n",
         [": a value YAML takes for a date, number or tag and cannot read: month must be in 1..12"
          "; put it in quotes"]),
        (_GOOD + "name: other\nname: third\n",
         [":7: key 'name' stands already in line 2; keep one of them",
          ":8: key 'name' stands already in line 2; keep one of them"]),
    ],
)  # fmt: skip
def test_what_is_no_description(tmp_path: Path, text: str | bytes, problems: list[str]) -> None:
    assert refused_text(tmp_path, text) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (_GOOD + "netwrok: 1\n",
         [":7: unknown key 'netwrok' in the description; known: " + ", ".join(
             sorted(schema()["properties"]))]),
        (changed("name: small\n", ""), [":1: the description lacks name; add it"]),
        (changed("name: small\n", "name: Small Head\n"),
         [":2: name is 'Small Head'; wanted is a text that matches "
          "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$: The cluster's name."]),
        (changed("name: small\n", 'name: "small\\n"\n'),
         [":2: name is 'small\\n'; wanted is a text that matches "
          "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$: The cluster's name."]),
        (changed("size: 4", "size: four"),
         [":6: banks.0.size is 'four'; wanted is integer: Slots; default `bank_size`."]),
        (changed("size: 4", "size: 4.0"),
         [":6: banks.0.size is '4.0'; wanted is integer: Slots; default `bank_size`."]),
        (changed("size: 4", "size: yes"),
         [":6: banks.0.size is 'True'; wanted is integer: Slots; default `bank_size`."]),
        (changed("size: 4", "size: 0"),
         [":6: banks.0.size is '0'; the least is 1: Slots; default `bank_size`."]),
        (changed("size: 4", "size: 0x10"),
         [":6: '0x10' is no plain decimal number; put a name in quotes"]),
        (_GOOD + "switches:\n  - {name: sw-1, uplinks: [1:24]}\n",
         [":8: '1:24' is no plain decimal number; put a name in quotes"]),
        (_GOOD + "dhcp:\n  pool: 172.20.9.1 172.20.9.9\n  always_broadcast: true\n",
         [":8: dhcp.pool is always refused: the boot ROM never confirms an offer, so a pool gives "
          "two boards one address; remove the key",
          ":9: dhcp.always_broadcast is always refused: with a constant transaction id a board may "
          "take another one's offer; remove the key"]),
        (changed("172.20.0.0/16", "172.20.0.1/16"),
         [":3: 172.20.0.1/16 has host bits set: 172.20.0.0/16 is the network"]),
        (changed("172.20.0.0/16", "172.20.0.0/33"),
         [":3: not an IPv4 network: '172.20.0.0/33'"]),
        (changed("172.20.0.10", "172.20.0.300"), [":4: not an IPv4 address: '172.20.0.300'"]),
        (changed("172.20.0.10", "172.20.0.010"),
         [":4: not an IPv4 address: '172.20.0.010'"]),
        (_GOOD + "bank_stride: 100\n", [":7: bank_stride is 100; take a power of two"]),
        (changed("number: 1,", "number: 1, switch: sw-9, rack: 7, pdu: p, boot_server: b,"),
         [":6: rack 7 is not described; described are: none",
          ":6: switch sw-9 is not described; described are: none",
          ":6: pdu p is not described; described are: none",
          ":6: boot_server b is not described; described are: small-head"]),
        (_GOOD + "canary_bank: 2\n",
         [":7: canary_bank 2 is not described; described are: 1"]),
        (changed("number: 1,", "number: 1, image: ol9,") + "canary_bank: 1\n",
         [":7: canary_bank 1 names image ol9 itself; choose another bank or leave out its image"]),
        (_GOOD + "  - {number: 1}\n", [":7: banks: 1 is described twice; rename one"]),
        (changed("size: 4", "size: 4, ports: 1-4"),
         [":6: bank 1 has ports and no switch; name the switch they are of"]),
        (changed("small-head,", "pi-1-4,"), [":4: server pi-1-4 has a node's name; rename it"]),
        (_GOOD + "boot_servers:\n"
         "  - {name: rack.1, address: 172.20.0.11, boot_interface: eth1}\n"
         "  - {name: rack-1, address: 172.20.0.12, boot_interface: eth1}\n"
         "  - {name: small-head, address: 172.20.0.13, boot_interface: eth1}\n",
         [":10: boot_servers: small-head is described twice; rename one",
          ":9: servers rack.1 and rack-1 would share an inventory group; rename one"]),
        (changed("number: 1,", "number: 1, pdu: p, outlet: 6,") + "pdus: [{name: p, outlets: 5}]\n",
         [":6: outlet 6 of p, which has 5; name one it has"]),
        (_GOOD + "switches:\n"
         "  - {name: a, mac: '01:00:5e:00:00:01'}\n  - {name: a}\n"
         "  - {name: b, controller: c}\n",
         [":8: multicast or broadcast MAC address: '01:00:5e:00:00:01'",
          ":9: switches: a is described twice; rename one",
          ":10: controller c is not described; described are: none"]),
    ],
)  # fmt: skip
def test_every_offence_names_key_value_line_and_remedy(
    tmp_path: Path, text: str, problems: list[str]
) -> None:
    assert refused_text(tmp_path, text) == problems


@pytest.mark.parametrize(
    ("changes", "images"),
    [
        ({}, ["current", "canary", "current"]),
        ({"canary_bank": 7}, ["canary", "current", "current"]),
        ({"image": "ol9"}, ["ol9", "canary", "ol9"]),
        ({"image": "ol9", "canary_bank": 9}, ["ol9", "ol9", "canary"]),
    ],
)
def test_one_bank_tries_a_new_image_first(
    description: MakeDescription, changes: dict[str, object], images: list[str]
) -> None:
    banks = [{"number": number, "size": 4} for number in (7, 3, 9)]
    cluster = load_cluster(description(banks=banks, **changes))
    assert [cluster.bank(number).image for number in (7, 3, 9)] == images
    assert cluster.banks[[bank.image for bank in cluster.banks].index("canary")] is cluster.bank(
        cluster.canary_bank
    )


def test_a_bank_may_name_its_own_image(description: MakeDescription) -> None:
    banks = [{"number": 1, "size": 4, "image": "old"}, {"number": 2, "size": 4, "image": "new"}]
    cluster = load_cluster(description(banks=banks))
    assert [bank.image for bank in cluster.banks] == ["old", "new"]


def test_all_offences_come_in_one_message(tmp_path: Path) -> None:
    text = changed("size: 4", "size: 0, colour: red").replace("eth1", "a very long name")
    assert [problem.partition(";")[0] for problem in refused_text(tmp_path, text)] == [
        ":6: unknown key 'colour' in banks.0",
        ":6: banks.0.size is '0'",
        ":4: head.boot_interface is 'a very long name'",
    ]


def _bomb() -> str:
    lines = ["  z0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  z{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    return _GOOD + "compose:\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (_bomb(), [":13: its aliases expand to more than 1000000 values; write it out plainly"]),
        (_GOOD + "title: " + "[" * 100_000, [":7: nested deeper than 32; write it out plainly"]),
        (_GOOD + "title: " + "{a: " * 100_000, [":7: nested deeper than 32; write it out plainly"]),
        (_GOOD + "- - " * 100_000, [":7: not YAML: did not find expected key; correct the line"]),
        (_GOOD + "title: &a [*a]\n",
         [":7: alias *a stands inside itself or has no anchor; write it out plainly"]),
        (_GOOD + "title: *b\n",
         [":7: alias *b stands inside itself or has no anchor; write it out plainly"]),
        (changed("number: 1,", f"number: {'9' * 5000},"),
         [": a value YAML takes for a date, number or tag and cannot read: Exceeds the limit "
          "(4300 digits) for integer string conversion: value has 5000 digits; use "
          "sys.set_int_max_str_digits() to increase the limit; put it in quotes"]),
    ],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_bombs_are_refused_at_once(tmp_path: Path, text: str, problems: list[str]) -> None:
    assert refused_text(tmp_path, text) == problems


def test_anchors_may_be_used(description: MakeDescription) -> None:
    path = description()
    path.write_text(
        path.read_text().replace("size: 4", "size: &size 4", 1).replace("size: 4", "size: *size")
    )
    assert [bank.size for bank in load_cluster(path).banks] == [4, 4]


@pytest.mark.timeout(10)
def test_endless_port_lists_are_refused(description: MakeDescription) -> None:
    ports = ",".join(["1-65536"] * 400)
    path = description(banks=[{"number": 1, "size": 4, "switch": "sw-1", "ports": ports}])
    assert refused(path) == [":21: more than 65536 ports"]


@pytest.mark.timeout(20)
def test_random_bytes_and_cut_or_bent_texts_never_crash(tmp_path: Path) -> None:
    random_ = random.Random(7)
    path = tmp_path / "small.picluster.yml"
    good = _GOOD.encode()
    for _ in range(400):
        text = bytearray(good[: random_.randrange(len(good) + 1)])
        for _ in range(random_.randrange(4)):
            if text:
                text[random_.randrange(len(text))] = random_.randrange(256)
        path.write_bytes(text)
        with suppress(PiclusterError):
            load_cluster(path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "small.picluster.yml"
    assert refused(path) == [": cannot read the file: No such file or directory"]
    path.mkdir()
    assert refused(path) == [": not a regular file; name a description"]


def test_a_file_too_large(tmp_path: Path) -> None:
    path = tmp_path / "small.picluster.yml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert refused(path) == [": 104857600 bytes are more than a description holds"]


def test_an_inventory_is_a_folder_or_its_description(tmp_path: Path) -> None:
    def problem(path: Path) -> str:
        with pytest.raises(PiclusterError) as error:
            find_description(path)
        return str(error.value)

    assert problem(tmp_path / "no") == (
        f"{tmp_path}/no: no such inventory; name a folder under inventory/ or its description"
    )
    assert problem(tmp_path) == f"{tmp_path}: no *.picluster.yml in this folder; name one of them"
    first = tmp_path / "a.picluster.yml"
    first.touch()
    assert find_description(tmp_path) == find_description(first) == first
    (tmp_path / "b.picluster.yaml").touch()
    assert problem(tmp_path) == (
        f"{tmp_path}: several descriptions: a.picluster.yml, b.picluster.yaml; name one of them"
    )


def _properties(part: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in part.get("properties", {}).items():
        found[f"{path}{name}"] = value
        found |= _properties(value, f"{path}{name}.")
        found |= _properties(value.get("items", {}), f"{path}{name}[].")
    for name, value in part.get("$defs", {}).items():
        found |= _properties(value, f"{name}.")
    return found


def test_every_key_is_described() -> None:
    properties = _properties(schema())
    assert len(properties) > 60
    assert [name for name, value in properties.items() if not value.get("description")] == []


def test_every_pattern_is_anchored_at_both_ends() -> None:
    patterns = json.dumps(schema()).split('"pattern": "')[1:]
    assert len(patterns) > 8
    assert [p for p in patterns if not p.startswith("^") or not p.partition('"')[0].endswith("$")] \
        == []  # fmt: skip


def test_loading_costs_no_ansible() -> None:
    code = "import sys, picluster.cli, picluster.plan.read; print('ansible' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout == "False\n"
