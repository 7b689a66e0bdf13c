"""Whatever a text holds: facts, or a refusal with its reason."""

from __future__ import annotations

import re
from dataclasses import astuple

import pytest
from facts_of_files import FIXTURES, MODIFIED, facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picluster.errors import PiclusterError
from picluster.harvest.formats import FORMATS
from picluster.harvest.formats.base import Context, Format
from picluster.harvest.observation import Fact, Observation

MINE = [
    form
    for form in FORMATS
    if not type(form).__module__.startswith("picluster.harvest.formats.switch")
]
TEXTS = [
    path.read_text(encoding="utf-8")
    for folder in ("dhcp", "neighbour", "beacon", "tftp", "capture")
    for path in sorted((FIXTURES / folder).iterdir())
]
CANONICAL = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
SERIAL = re.compile(r"[0-9a-f]{8}")
EVENTS = {"", "discover", "offer", "request", "ack", "nak", "decline", "release", "inform"} | {
    "unknown",
    "no-free-leases",
    "lease",
}
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def parsed(form: Format, text: str) -> list[Fact]:
    found: list[Fact] = []
    try:
        found.extend(form.parse(enumerate(text.split("\n"), 1), Context("f", MODIFIED)))
    except PiclusterError as error:
        assert error.problems[0].what  # noqa: PT017
    return found


def check(found: list[Fact]) -> None:
    """Every field is of the form it has to be of, so nothing else can stand in it."""
    for fact in found:
        if isinstance(fact, Observation):
            assert CANONICAL.fullmatch(fact.mac), fact
            assert fact.address is None or QUAD.fullmatch(fact.address), fact
            assert fact.serial is None or SERIAL.fullmatch(fact.serial), fact
            assert fact.event in EVENTS, fact
            assert (fact.source, fact.switch, fact.port, fact.vlan) == ("f", None, None, None)
            assert fact.seen is None or fact.seen.utcoffset().total_seconds() == 0
        else:
            assert fact.what.isprintable(), fact
            assert len(fact.what) < 400, fact


@SETTINGS
@given(st.text(max_size=400))
def test_arbitrary_text(text: str) -> None:
    for form in FORMATS:
        form.matches(text)
    for form in MINE:
        check(parsed(form, text))


PIECES = st.sampled_from(
    [
        *"\t\r\n \"'{};,:.()[]<>|\\#0\u0663\u00fc\x00\ud800",
        "b8:27:eb:66:66:66",
        "ff:ff:ff:ff:ff:ff",
        "999.1.1.1",
        "10.0.0.1",
        "DHCPACK on 10.0.0.1 to ",
        " via eth0: unknown client",
        "-" * 300,
        "9" * 40,
        "0x",
        "lease 10.0.0.1 {",
        "99:99:99",
        "2024-02-30",
    ]
)


@SETTINGS
@given(st.sampled_from(TEXTS), st.data())
def test_mutated_fixtures(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(PIECES) + text[end:]
    for form in FORMATS:
        form.matches(text)
    for form in MINE:
        check(parsed(form, text))


@SETTINGS
@given(st.text(alphabet=st.characters(exclude_characters="\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")))
def test_a_host_name_stands_in_no_observation(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    for text in (
        f"Mar  3 09:00:00 head dhcpd[7]: DHCPACK on 10.0.0.7 to b8:27:eb:00:00:07 ({name}) via e1",
        f"Mar  3 09:00:00 h dnsmasq-dhcp[7]: DHCPACK(e1) 10.0.0.7 b8:27:eb:00:00:07 {name}",
        "lease 10.0.0.7 {\n hardware ethernet b8:27:eb:00:00:07;\n"
        f' client-hostname "{escaped}";\n}}\n',
        f"Nmap scan report for x{name} (10.0.0.7)\nMAC Address: B8:27:EB:00:00:07 ({name})",
    ):
        [fact] = facts(text)
        assert isinstance(fact, Observation)
        assert (fact.mac, fact.address) == ("b8:27:eb:00:00:07", "10.0.0.7")
        check([fact])


@pytest.mark.parametrize(
    "name", ['"; }', "a\nhost x { hardware ethernet b8:27:eb:66:66:66; }", "{{ x }}", "$(id)"]
)
def test_a_host_name_with_syntax_is_kept_nowhere(name: str) -> None:
    line = "Mar  3 09:00:00 head dhcpd[7]: DHCPACK on 10.0.0.7 to b8:27:eb:00:00:07"
    for fact in facts(f"{line} ({name}) via eth1\n{line} via eth1\n"):
        assert isinstance(fact, Observation)
        assert name.rsplit("\n", maxsplit=1)[-1] not in repr(astuple(fact))


@pytest.mark.parametrize("form", MINE, ids=lambda form: form.name)
def test_long_lines_take_time_in_proportion(form: Format) -> None:
    for unit in (
        " ",
        "a ",
        "b8:",
        "10.0.0.1 ",
        "(",
        "x via ",
        '"',
        "0x0 ",
        "{",
        "1.",
        "<1>",
        "-- ",
    ):
        check(parsed(form, unit * (60_000 // len(unit))))
        form.matches(unit * (60_000 // len(unit)))
