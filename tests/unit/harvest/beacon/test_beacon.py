from __future__ import annotations

from uuid import UUID

import pytest
from facts_of_files import fixture, short
from hypothesis import given
from hypothesis import strategies as st

from picluster.harvest.formats.beacon import parse_beacon


def test_lines_a_receiver_printed() -> None:
    found = fixture("beacon/received.txt")
    assert short(found) == [
        (1, "b8:27:eb:12:34:56"),
        (2, "b8:27:eb:12:34:57", "172.20.11.7"),
        (3, "b8:27:eb:12:34:58", "172.20.11.8"),
        (4, "b8:27:eb:12:34:59", "172.20.11.9"),
        (5, "00:0d:bc:14:19:59", "172.20.11.10"),
        (6, "b8:27:eb:12:34:5a", "172.20.11.11"),
        (7, "b8:27:eb:12:34:5b"),
        (8, "b8:27:eb:12:34:5c"),
        (9, "multicast or broadcast MAC address: '0x13b827eb1234'"),
        (10, "no beacon: 'hello 0xb827eb12345d }'"),
    ]
    assert found[2].seen.isoformat() == "2019-09-14T10:00:00+00:00"
    assert found[7].seen.isoformat() == "2019-09-14T10:00:00.500000+00:00"


@pytest.mark.parametrize(
    ("payload", "mac"),
    [
        (b"0xb827eb123456", "b8:27:eb:12:34:56"),
        (b"0xB827EB123456\n", "b8:27:eb:12:34:56"),
        (b"0xb827eb123456\0", "b8:27:eb:12:34:56"),
        (b"0xb827eb123456L", "b8:27:eb:12:34:56"),
        (b"0xdbc141959", "00:0d:bc:14:19:59"),
    ],
)
def test_payloads(payload: bytes, mac: str) -> None:
    assert parse_beacon(payload) == mac


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"0x",
        b"0x0",
        b"b827eb123456",
        b" 0xb827eb123456",
        b"0xb827eb1234567",
        b"0xb827eb123456\n\n",
        b"0xffffffffffff",
        b"0x01005e000001",
        b"0x000000000000",
        "0xb827eb12345\u0666".encode(),
        b"0xb827eb123456;rm",
    ],
)
def test_other_payloads_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"beacon|MAC address"):
        parse_beacon(payload)


@given(st.integers(0x1000000, 0xFFFFFFFFFFFF))
def test_what_python_sends_is_read(node: int) -> None:
    payload = hex(UUID(int=node).node).encode()
    if node >> 40 & 1:
        with pytest.raises(ValueError, match="multicast"):
            parse_beacon(payload)
    else:
        assert int(parse_beacon(payload).replace(":", ""), 16) == node


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        mac = parse_beacon(payload)
    except ValueError:
        return
    assert len(mac) == 17
