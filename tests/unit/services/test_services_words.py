"""Text of datagrams, and how often somebody is listened to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_words import MalformedError, decoded, encoded, plain_text, shown
from rate_limit import RefusalLog, RefusedError, TokenBuckets

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126))


@given(PRINTABLE)
def test_encoding_makes_one_word_and_is_undone(text: str) -> None:
    word = encoded(text)
    assert " " not in word
    assert word.isascii()
    assert decoded(word, 1000) == text


@pytest.mark.parametrize(
    "text",
    ["a b", "a+b", "%", "%4", "%zz", "%00", "%0a", "%7F", "%c3%a9", "\u0660", 'a"b', "a%20%"],
)
def test_what_is_not_encoded_printable_ascii_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        decoded(text, 100)


def test_the_decoded_length_counts() -> None:
    assert decoded("%20" * 10, 10) == " " * 10
    with pytest.raises(MalformedError, match="longer than 10"):
        decoded("%20" * 11, 10)


@given(st.binary(max_size=40))
def test_only_printable_ascii_is_text(datagram: bytes) -> None:
    body = datagram[:-1] if datagram.endswith(b"\n") else datagram
    if all(32 <= byte <= 126 for byte in body):
        assert plain_text(datagram, 40).encode() == body
    else:
        with pytest.raises(MalformedError, match="not printable ASCII"):
            plain_text(datagram, 40)


def test_a_datagram_that_is_too_long_is_refused() -> None:
    assert plain_text(b"x" * 512, 512) == "x" * 512
    with pytest.raises(MalformedError, match="longer than 512 bytes"):
        plain_text(b"x" * 513, 512)


@given(st.text())
def test_what_is_shown_is_short_and_printable(text: str) -> None:
    assert len(shown(text)) <= 40
    assert shown(text).isascii()
    assert shown(text).isprintable()


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    buckets = TokenBuckets(3, 0.5)
    assert [buckets.allow("a", 0) for _ in range(5)] == [True, True, True, False, False]
    assert buckets.allow("b", 0)
    assert [buckets.allow("a", now) for now in (1.9, 2, 3.9, 4)] == [False, True, False, True]
    assert [buckets.allow("a", 1000) for _ in range(4)] == [True, True, True, False]


def test_buckets_are_bounded() -> None:
    buckets = TokenBuckets(1, 0.0, keys_max=2)
    assert [buckets.allow(key, 0) for key in "abcabc"] == [True] * 6
    assert [buckets.allow(key, 0) for key in "bc"] == [False, False]
    assert len(buckets._levels) == 2


def test_refusals_are_logged_and_not_too_many_of_them() -> None:
    log = RefusalLog()
    wrong = RefusedError("malformed", node="pi-1-1", reason="not a MAC address: 'x y'")
    assert log.line("172.20.1.1", wrong, 0) == (
        "refused 172.20.1.1 malformed node=pi-1-1 reason=not%20a%20MAC%20address:%20%27x%20y%27"
    )
    assert [log.line("172.20.1.1", wrong, now) for now in (0, 30, 59)] == [None] * 3
    unknown = RefusedError("unknown-address")
    assert log.line("10.0.0.1", unknown, 60) == "refused 10.0.0.1 unknown-address unlogged=3"
    assert log.line("172.20.1.1", unknown, 60) == "refused 172.20.1.1 unknown-address"


def test_a_flood_from_many_addresses_is_bounded() -> None:
    log = RefusalLog()
    refused = RefusedError("unknown-address")
    addresses = [f"10.{n >> 8}.{n & 255}.1" for n in range(65536)]
    lines = [log.line(address, refused, index / 65536) for index, address in enumerate(addresses)]
    assert len([line for line in lines if line]) == 20
    assert len(log._one._levels) <= 4096
    assert log.line("10.9.9.9", refused, 100) == "refused 10.9.9.9 unknown-address unlogged=65516"
