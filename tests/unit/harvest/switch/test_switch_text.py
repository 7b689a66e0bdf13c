"""Prompts name the switch only when they plainly do."""

from __future__ import annotations

import pytest

from picluster.harvest.formats.switch.text import Prompt, clean, read_prompt, read_rows


@pytest.mark.parametrize(
    ("line", "switch", "command"),
    [
        ("sw-11#show mac address-table", "sw-11", "show mac address-table"),
        ("sw-11>", "sw-11", ""),
        ("sw-11(config-if)#do sh mac add", "sw-11", "do sh mac add"),
        ("Switch#sh mac address-table", None, "sh mac address-table"),
        ("US.v4.3.21# swctrl mac show", None, "swctrl mac show"),
        ("bank11-US.6.5.59# swctrl mac show", "bank11", "swctrl mac show"),
        ("root@bank-44:~# bridge fdb show", "bank-44", "bridge fdb show"),
        ("(bank-13) #show mac-addr-table", "bank-13", "show mac-addr-table"),
        ("(UBNT EdgeSwitch) #show mac-addr-table", None, "show mac-addr-table"),
        ("<bank-20>display mac-address", "bank-20", "display mac-address"),
        ("[admin@bank-24] > /interface bridge print", "bank-24", "/interface bridge print"),
        ("* bank-22.4 # show fdb", "bank-22", "show fdb"),
        ("admin@bank-23> show bridge mac-table", "bank-23", "show bridge mac-table"),
        ("pi@head:~$ cat table.txt", None, "cat table.txt"),
        ("pi@head:~$ ssh a@bank-11 swctrl mac show", "bank-11", "ssh a@bank-11 swctrl mac show"),
        ("root@head:~# snmpwalk -v2c -c x 172.20.71.208 .1", "172.20.71.208",
         "snmpwalk -v2c -c x 172.20.71.208 .1"),
    ],
)  # fmt: skip
def test_prompts(line: str, switch: str | None, command: str) -> None:
    assert read_prompt(line) == Prompt(switch, command)


@pytest.mark.parametrize(
    "line",
    [
        "   1    b827.eb14.0001    DYNAMIC     Gi1/0/1",
        "        # - Fabric mac address entry. Clear mac cli doesn't clear this entry",
        "b8:27:eb:11:00:01 dev lan1 master br-lan",
        "[addr]:dc-9f-db-07-08-09 [fid]:1 [static]:NO [dest_port]:0",
        "{master:0}",
        "",
    ],
)
def test_rows_are_no_prompts(line: str) -> None:
    assert read_prompt(line) is None


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("--More--\b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\brow", "row"),
        ("--More-- or (q)uit\r                  \r  row", "  row"),
        ("--More-- or (q)uit  row", "  row"),
        ("-- MORE --, next page: Space, next line: Enter, quit: Control-C", ""),
        ("---(more 45%)---", ""),
        ("<--- More --->  row", "  row"),
        ("\x1b[24;1H\x1b[2Krow\x1b[0m\x07", "row"),
        ("> > quoted", "quoted"),
        ("a\tb", "a       b"),
        ("row\r", "row"),
        ("-----  -----", "-----  -----"),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_a_table_before_another_switchs_prompt_is_not_its() -> None:
    lines = ["row", "sw-12#show mac", "row", "sw-13#", "row"]
    assert [row.switch for row in read_rows(enumerate(lines, 1))] == [
        None, "sw-12", "sw-12", "sw-13", "sw-13"
    ]  # fmt: skip


def test_a_table_before_a_closing_prompt_is_its() -> None:
    lines = ["row", "sw-12#exit"]
    assert [row.switch for row in read_rows(enumerate(lines, 1))] == ["sw-12", "sw-12"]
