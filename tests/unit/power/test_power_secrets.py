"""Passwords of PDUs: where they may come from, and which one counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from picluster.cluster.model import Pdu
from picluster.errors import PiclusterError
from picluster.power.drivers.connect import DRIVERS, load_driver
from picluster.power.drivers.context import (
    Surroundings,
    address_of,
    community_of,
    password_of,
)

PDU = Pdu("pdu-1.front", 0x7F000001)


def around(**environ: str) -> Surroundings:
    return Surroundings(file="here", environ=environ)


def test_no_variable_no_password() -> None:
    assert password_of(PDU, around()) is None
    assert community_of(PDU, around(PICLUSTER_SNMP_COMMUNITY="read-only")) is None


def test_a_pdu_may_have_a_password_of_its_own() -> None:
    both = around(PICLUSTER_PDU_PASSWORD="all", PICLUSTER_PDU_PASSWORD_PDU_1_FRONT="own")
    assert password_of(PDU, both) == "own"
    assert password_of(Pdu("pdu-2"), both) == "all"
    assert community_of(PDU, around(PICLUSTER_PDU_COMMUNITY="c")) == "c"


def test_a_file_of_one_line_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n")
    file.chmod(0o600)
    named = around(PICLUSTER_PDU_PASSWORD_PDU_1_FRONT_FILE=str(file))
    assert password_of(PDU, named) == "from-a-file"
    file.chmod(0o640)
    with pytest.raises(PiclusterError, match="mode 0640 lets others read") as caught:
        password_of(PDU, named)
    assert "from-a-file" not in str(caught.value)


def test_two_ways_at_once_are_refused() -> None:
    with pytest.raises(PiclusterError, match="are both set") as caught:
        password_of(
            PDU, around(PICLUSTER_PDU_PASSWORD="s3cret", PICLUSTER_PDU_PASSWORD_FILE="/nowhere")
        )
    assert "s3cret" not in str(caught.value)


def test_no_address() -> None:
    with pytest.raises(PiclusterError, match="here: pdu pdu-9 has no address; describe it"):
        address_of(Pdu("pdu-9"), around())
    assert address_of(PDU, around()) == "127.0.0.1"


@pytest.mark.parametrize("name", list(DRIVERS))
def test_every_driver_there_is_can_be_loaded(name: str) -> None:
    assert callable(load_driver(name))


def test_a_driver_there_is_not() -> None:
    with pytest.raises(PiclusterError, match="no power driver ipmi; there are: synaccess, apc"):
        load_driver("ipmi")
