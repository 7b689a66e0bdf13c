"""Messages of nodes, as text and as data.

A message is one datagram of at most 512 bytes of printable ASCII, with or without an RFC 3164
syslog prefix before it::

    picluster/1 EVENT mac=b8:27:eb:12:34:56 image=VERSION boot=16 hex digits up=SECONDS
        [temp=CELSIUS] [throttled=0xBITS] [upper=PERCENT] [step=WORD] [reason=PERCENT-ENCODED]
        [workload=NAME version=VERSION state=WORD order=16 hex digits]
"""

from __future__ import annotations

import re
from typing import NamedTuple

from node_plan import IMAGE, MAC
from node_words import MalformedError, decoded, encoded, plain_text, shown

SIZE_MAX = 512
EVENTS = ("kernel", "nfs", "ready", "alive", "failed", "warning", "workload")
_PREFIX = re.compile(
    r"<[0-9]{1,3}>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} "
    r"(?:[A-Za-z0-9.-]{1,64} )?[A-Za-z0-9._/-]{1,32}(?:\[[0-9]{1,10}\])?: ",
    re.ASCII,
)
_START = "picluster/1 "
_REASON_MAX = 200
_TEMPERATURE_MIN, _TEMPERATURE_MAX = -50.0, 150.0
_PATTERNS = {
    "mac": MAC,
    "image": IMAGE,
    "boot": re.compile(r"[0-9a-f]{16}", re.ASCII),
    "up": re.compile(r"[0-9]{1,9}\.[0-9]", re.ASCII),
    "temp": re.compile(r"-?[0-9]{1,3}\.[0-9]", re.ASCII),
    "throttled": re.compile(r"0x[0-9a-f]{1,8}", re.ASCII),
    "upper": re.compile(r"[0-9]|[1-9][0-9]|100", re.ASCII),
    "step": re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII),
    "reason": re.compile(r".*"),
    "workload": re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII),
    "version": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,47}", re.ASCII),
    "state": re.compile(r"starting|ok|failed|gone", re.ASCII),
    "order": re.compile(r"[0-9a-f]{16}", re.ASCII),
}
_REQUIRED = ("mac", "boot", "up")
#: What an event says beyond that.
_MORE = {"failed": ("step",), "workload": ("workload", "state", "order")}
_WORK = ("workload", "version", "state", "order")


class Work(NamedTuple):
    """How a workload is on a node.

    Attributes:
        workload: its name.
        version: its version; ``None`` where it is not there.
        state: ``starting``, ``ok``, ``failed`` or ``gone``.
        order: name of the roll-out that assigned it, 16 hex digits.
    """

    workload: str
    version: str | None
    state: str
    order: str


class Message(NamedTuple):
    """What a node said.

    Attributes:
        event: one of :data:`EVENTS`.
        mac: its MAC address, canonical.
        image: image version it runs, or ``None``.
        boot: 16 hex digits, others in each boot.
        uptime_s: seconds since its kernel started.
        temperature_c: of the processor, degrees Celsius.
        throttled: the firmware's throttle bits, as ``0x50005``.
        upper_percent: used part of the overlay's writable layer.
        step: where it failed, or what a warning is about.
        reason: why, for people; printable ASCII.
        work: how a workload is, of event ``workload`` alone.
    """

    event: str
    mac: str
    image: str | None
    boot: str
    uptime_s: float
    temperature_c: float | None
    throttled: str | None
    upper_percent: int | None
    step: str | None
    reason: str | None
    work: Work | None = None


def parse_message(datagram: bytes) -> Message:
    """Read a datagram.

    Raises:
        MalformedError: it is anything but a message.
    """
    text = plain_text(datagram, SIZE_MAX)
    prefix = _PREFIX.match(text)
    if prefix:
        text = text[prefix.end() :]
    if not text.startswith(_START):
        raise MalformedError(f"does not begin with {_START.strip()}: {shown(text)}")
    event, *words = text[len(_START) :].split(" ")
    if event not in EVENTS:
        raise MalformedError(f"unknown event {shown(event)}")
    return _message(event, _values(words))


def _values(words: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        pattern = _PATTERNS.get(name)
        if pattern is None:
            raise MalformedError(f"unknown key in {shown(word)}")
        if name in values:
            raise MalformedError(f"{name} is given twice")
        if not pattern.fullmatch(value):
            raise MalformedError(f"not a value of {name}: {shown(value)}")
        values[name] = value
    return values


def _message(event: str, values: dict[str, str]) -> Message:
    missing = [name for name in _REQUIRED if name not in values]
    missing += [name for name in _MORE.get(event, ()) if name not in values]
    if missing:
        raise MalformedError(f"{event} without {' and '.join(missing)}")
    if event != "workload" and not values.keys().isdisjoint(_WORK):
        raise MalformedError(f"{event} that speaks of a workload")
    reason = values.get("reason")
    return Message(
        event=event,
        mac=values["mac"],
        image=values.get("image"),
        boot=values["boot"],
        uptime_s=float(values["up"]),
        temperature_c=_temperature(values.get("temp")),
        throttled=values.get("throttled"),
        upper_percent=int(values["upper"]) if "upper" in values else None,
        step=values.get("step"),
        reason=None if reason is None else decoded(reason, _REASON_MAX),
        work=_work(values) if event == "workload" else None,
    )


def _work(values: dict[str, str]) -> Work:
    version = values.get("version")
    if version is None and values["state"] != "gone":
        raise MalformedError(f"workload {values['state']} without version")
    return Work(values["workload"], version, values["state"], values["order"])


def _temperature(text: str | None) -> float | None:
    if text is None:
        return None
    value = float(text)
    if not _TEMPERATURE_MIN <= value <= _TEMPERATURE_MAX:
        raise MalformedError(f"not a temperature of a board: {text}")
    return value


def message_words(message: Message) -> str:
    """A message as its words, in one order and notation; what is unknown is left out.

    ``picluster/1`` and these words are a datagram that says the same.
    """
    values = {
        "mac": message.mac,
        "image": message.image,
        "boot": message.boot,
        "up": f"{message.uptime_s:.1f}",
        "temp": None if message.temperature_c is None else f"{message.temperature_c:.1f}",
        "throttled": message.throttled,
        "upper": message.upper_percent,
        "step": message.step,
        "reason": None if message.reason is None else encoded(message.reason),
        **(message.work._asdict() if message.work else {}),
    }
    known = [f"{name}={value}" for name, value in values.items() if value is not None]
    return " ".join([message.event, *known])
