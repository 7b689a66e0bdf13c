"""Faults by name, and addresses that are free."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from picluster.cluster.load import find_description
from picluster.errors import PiclusterError
from picluster.plan.read import read_plan
from twin.boards.course import Course, course_of
from twin.boards.setup import BankBoard, BankSetup, Linux
from twin.cluster.wire import free_addresses, loopback
from twin.cluster.wishes import FAULTS, Wishes, check_names, read_faults
from twin.devices.pdu_synaccess import Mode
from twin.virtual.faults import NO_FAULTS, Fault, Plagues


def test_faults_are_read_by_what_they_strike() -> None:
    named = read_faults(["pi-1-7=panic", "bank_2=unplugged", "bank_3=hot", "pdu-1=no-answer"])
    assert named.boards == {"pi-1-7": Fault.PANIC}
    assert (named.unplugged, named.hot) == (frozenset({2}), frozenset({3}))
    assert named.pdus == {"pdu-1": Mode.HANGS}
    assert set(FAULTS.values()) == set(Fault)


@pytest.mark.parametrize("word", ["", "pi-1-7", "pi-1-7=", "=panic", "pi-1-7=sulks", "bank_x=hot"])
def test_a_word_that_is_no_fault_is_refused(word: str) -> None:
    with pytest.raises(PiclusterError, match="not NAME=FAULT"):
        read_faults([word])


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_makes_a_boot_go_another_way(fault: Fault) -> None:
    made = course_of(fault, random.Random(1), "172.20.9.9")
    assert made != Course()
    assert made == course_of(fault, random.Random(1), "172.20.9.9")
    assert course_of(None, random.Random(1), "172.20.9.9") == Course()


def test_free_addresses_are_nobodys(repository: Path) -> None:
    plan = read_plan(find_description(repository / "inventory" / "mini"))
    found = free_addresses(plan)
    assert found == ("172.20.255.254", "172.20.255.253")
    assert not set(found) & {node.address for node in plan.nodes}


def test_wishes_about_nothing_that_is_there_are_refused(repository: Path) -> None:
    plan = read_plan(find_description(repository / "inventory" / "mini"))
    named = read_faults(["pi-1-43=panic", "pi-1-1=panic", "bank_3=hot", "pdu-9=garbage"])
    plagues = Plagues(1, NO_FAULTS, named.boards, named.unplugged, named.hot)
    with pytest.raises(PiclusterError, match="mini has no bank_3, pdu-9, pi-1-43, pi-7-7"):
        check_names(Wishes(plagues, named.pdus, machines=("pi-7-7",)), plan)
    check_names(Wishes(machines=("pi-2-42",)), plan)


def test_a_bank_is_told_as_plain_data() -> None:
    board = BankBoard("pi-1-1", "b8:27:eb:00:00:01", "00000001", 1)
    setup = BankSetup(1, "rack", "boards1", "bank1", (board,), "/tree", "/place", "/start",
                      "/state", "/x", "/srv", 1, "172.20.9.9", 2.0, Linux(ssh=False))  # fmt: skip
    assert BankSetup.of(setup.plain()) == setup


def test_devices_have_loopback_addresses_of_their_own() -> None:
    assert loopback(0xAC14001F) == "127.20.0.31"
    assert loopback(None) == "127.0.0.1"
