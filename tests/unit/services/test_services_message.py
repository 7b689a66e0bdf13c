"""Messages of nodes: what is taken, and what is refused of what anybody may send."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from node_message import EVENTS, Message, Work, message_words, parse_message
from node_words import MalformedError

BARE = b"picluster/1 ready mac=b8:27:eb:12:34:56 boot=0123456789abcdef up=41.3"
FULL = (
    b"picluster/1 warning mac=b8:27:eb:12:34:56 image=debian-12-3f2a90c1d4 boot=0123456789abcdef "
    b"up=3600.0 temp=-3.5 throttled=0x50005 upper=91 step=overlay reason=91%20%25%20full"
)
MESSAGE = Message(
    event="warning",
    mac="b8:27:eb:12:34:56",
    image="debian-12-3f2a90c1d4",
    boot="0123456789abcdef",
    uptime_s=3600.0,
    temperature_c=-3.5,
    throttled="0x50005",
    upper_percent=91,
    step="overlay",
    reason="91 % full",
)

messages = st.builds(
    Message,
    event=st.sampled_from([event for event in EVENTS if event not in ("failed", "workload")]),
    mac=st.from_regex(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", fullmatch=True),
    image=st.none() | st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", fullmatch=True),
    boot=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    uptime_s=st.integers(0, 10**10 - 1).map(lambda tenths: tenths / 10),
    temperature_c=st.none() | st.integers(-500, 1500).map(lambda tenths: tenths / 10),
    throttled=st.none() | st.integers(0, 2**32 - 1).map(hex),
    upper_percent=st.none() | st.integers(0, 100),
    step=st.none() | st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True),
    reason=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    work=st.none(),
)

works = st.builds(
    Work,
    workload=st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True),
    version=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,47}", fullmatch=True),
    state=st.sampled_from(["starting", "ok", "failed", "gone"]),
    order=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)


@given(messages, works)
def test_a_message_on_a_workload_is_what_its_words_say(message: Message, work: Work) -> None:
    said = message._replace(event="workload", work=work)
    assert parse_message(f"picluster/1 {message_words(said)}".encode()) == said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("workload=java state=ok order=0123456789abcdef", "workload ok without version"),
        ("workload=java version=1 state=ok", "workload without order"),
        ("workload=../x version=1 state=ok order=0123456789abcdef", "not a value of workload"),
        ("workload=a version=$(x) state=ok order=0123456789abcdef", "not a value of version"),
        ("workload=a version=.. state=ok order=0123456789abcdef", "not a value of version"),
        ("workload=a version=1 state=fine order=0123456789abcdef", "not a value of state"),
        ("workload=a version=1 state=ok order=1", "not a value of order"),
    ],
)
def test_a_broken_message_on_a_workload_is_refused(words: str, why: str) -> None:
    start = "picluster/1 workload mac=b8:27:eb:12:34:56 boot=0123456789abcdef up=41.3"
    with pytest.raises(MalformedError, match=why.replace("$", r"\$")):
        parse_message(f"{start} {words}".encode())


def test_other_messages_do_not_speak_of_workloads() -> None:
    with pytest.raises(MalformedError, match="ready that speaks of a workload"):
        parse_message(BARE + b" state=ok")


@given(messages)
def test_a_message_is_what_its_words_say(message: Message) -> None:
    words = message_words(message)
    assert parse_message(f"picluster/1 {words}".encode()) == message
    # A line of the journal is read by splitting it at blanks.
    event, *rest = words.split(" ")
    assert event == message.event
    assert all(re.fullmatch(r"[a-z]+=\S*", word) for word in rest)


def test_every_word() -> None:
    assert parse_message(FULL) == MESSAGE
    assert f"picluster/1 {message_words(MESSAGE)}".encode() == FULL


def test_what_is_not_said_is_unknown() -> None:
    assert parse_message(BARE) == Message(
        "ready", "b8:27:eb:12:34:56", None, "0123456789abcdef", 41.3, *[None] * 5
    )


@pytest.mark.parametrize(
    "prefix",
    [
        "<13>Nov 25 18:00:00 picluster: ",  # busybox syslogd -R
        "<13>Nov  5 18:00:00 pi-1-1 picluster: ",
        "<191>Jan 25 00:00:00 172.20.1.1 picluster[123]: ",
    ],
)
def test_a_syslog_prefix_is_passed_over(prefix: str) -> None:
    assert parse_message(prefix.encode() + FULL + b"\n") == MESSAGE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b"picluster/1", b"picluster/2"), "does not begin with picluster/1"),
        ((b"picluster/1", b"<13>picluster/1"), "does not begin"),
        ((b"picluster/1", b"<13>Nov 25 18:00:00 a b c: picluster/1"), "does not begin"),
        ((b" ready", b" Ready"), "unknown event 'Ready'"),
        ((b" ready", b""), "unknown event"),
        ((b" ready", b"  ready"), "unknown event ''"),
        ((b" boot", b"  boot"), "unknown key in ''"),
        ((b" boot", b" x=1 boot"), "unknown key in 'x=1'"),
        ((b" boot", b" MAC=1 boot"), "unknown key"),
        ((b" boot", b" mac=b8:27:eb:12:34:56 boot"), "mac is given twice"),
        ((b"b8:27", b"B8:27"), "not a value of mac"),
        ((b":56", b":56:78"), "not a value of mac"),
        ((b"mac=b8:27:eb:12:34:56 ", b""), "ready without mac"),
        ((b"boot=0123456789abcdef ", b""), "ready without boot"),
        ((b" up=41.3", b""), "ready without up"),
        ((b"mac=b8:27:eb:12:34:56 boot=0123456789abcdef ", b""), "ready without mac and boot"),
        ((b"abcdef", b"abcde"), "not a value of boot"),
        ((b"41.3", b"41"), "not a value of up"),
        ((b"41.3", b"-1.0"), "not a value of up"),
        ((b"41.3", b"nan"), "not a value of up"),
        ((b"41.3", b"1e9.0"), "not a value of up"),
        ((b"41.3", b"12345678901.0"), "not a value of up"),
        ((b"41.3", b"41.3 temp=151.0"), "not a temperature of a board: 151.0"),
        ((b"41.3", b"41.3 temp=-50.1"), "not a temperature"),
        ((b"41.3", b"41.3 temp=51"), "not a value of temp"),
        ((b"41.3", b"41.3 throttled=50005"), "not a value of throttled"),
        ((b"41.3", b"41.3 throttled=0x123456789"), "not a value of throttled"),
        ((b"41.3", b"41.3 upper=101"), "not a value of upper"),
        ((b"41.3", b"41.3 upper=007"), "not a value of upper"),
        ((b"41.3", b"41.3 upper="), "not a value of upper"),
        ((b"41.3", b"41.3 image=../../etc"), "not a value of image"),
        ((b"41.3", b"41.3 step=Over_lay"), "not a value of step"),
        ((b"41.3", b"41.3 step="), "not a value of step"),
        ((b"41.3", b"41.3 reason=a%0Anode%20pi-1-1"), "not printable ASCII when decoded"),
        ((b"41.3", b"41.3 reason=" + b"x" * 201), "longer than 200 characters"),
        ((b"41.3", b"41.3\n\n"), "not printable ASCII"),
        ((b"41.3", b"41.3\x00"), "not printable ASCII"),
        ((b"41.3", b"41.3\xc3\xa9"), "not printable ASCII"),
        ((b"41.3", b"41.3 " + b"x" * 500), "longer than 512 bytes"),
        ((b"ready", b"failed"), "failed without step"),
    ],
)
def test_anything_else_is_refused(change: tuple[bytes, bytes], said: str) -> None:
    assert BARE.count(change[0]) == 1
    with pytest.raises(MalformedError, match=re.escape(said)):
        parse_message(BARE.replace(*change))


@given(st.binary(max_size=600))
@example(b"")
@example(b"\n")
@example(b"picluster/1 ")
def test_no_bytes_do_harm(datagram: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_message(datagram)


@given(st.data())
def test_no_change_of_a_message_gets_a_foreign_byte_through(data: st.DataObject) -> None:
    datagram = bytearray(FULL)
    for _ in range(data.draw(st.integers(1, 4))):
        datagram[data.draw(st.integers(0, len(datagram) - 1))] = data.draw(st.integers(0, 255))
    try:
        words = message_words(parse_message(bytes(datagram)))
    except MalformedError as error:
        words = str(error)
    assert words.isascii()
    assert words.isprintable()


def test_the_words_of_the_nodes_own_program_are_taken(repository: Path) -> None:
    """The patterns here and the format strings there name the same keys."""
    program = repository / "roles/node_image/files/guest/usr/libexec/picluster/node.sh"
    text = program.read_text(encoding="utf-8")
    keys = set(re.findall(r"\b(mac|image|boot|up|temp|throttled|upper)=\$", text))
    assert keys == {"mac", "image", "boot", "up", "temp", "throttled", "upper"}
