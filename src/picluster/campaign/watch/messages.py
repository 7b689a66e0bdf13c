"""The nodes' own messages, as the head's receiver logs and keeps them.

Lines of the journal read ``node <name> <address> <event> key=value ...``, or ``refused <address>
<why> key=value ...``; a file ``/run/picluster/nodes/<address>.json`` holds the last message of each
node. The authority that signs host keys writes ``certificate <name> <address> key=value ...``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from picluster.campaign.events import Health, Sign, Work
from picluster.campaign.watch.entry import Entry
from picluster.campaign.watch.signal import Refused, Signal, printable
from picluster.harvest.formats.rows import ipv4
from picluster.mac import parse_mac

PROGRAMS = frozenset({"picluster-messages", "picluster-authority"})

_SIGNS = {
    "kernel": Sign.KERNEL,
    "nfs": Sign.ROOT,
    "ready": Sign.READY,
    "alive": Sign.ALIVE,
    "failed": Sign.FAILED,
    "warning": Sign.WARNING,
    "workload": Sign.WORKLOAD,
}
_NODE = r"([a-z0-9-]{1,63}) (\d{1,3}(?:\.\d{1,3}){3})"
_LINE = re.compile(rf"node {_NODE} ([a-z]{{1,20}})((?: \S+)*)$")
_CERTIFIED = re.compile(rf"certificate {_NODE}((?: \S+)*)$")
_REFUSED = re.compile(r"refused (\d{1,3}(?:\.\d{1,3}){3}) ([a-z-]{1,32})((?: \S+)*)$")
_BOOT = re.compile(r"[0-9a-f]{16}")
_IMAGE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)
_WORD = re.compile(r"[a-z0-9_.-]{1,32}", re.I)
_WORKLOAD = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_VERSION = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._+-]{0,47})?", re.ASCII)
_STATES = frozenset({"starting", "ok", "failed", "gone"})
_REASON = 120
_HOTTEST_C = 150.0


class MessageLines:
    """Reads lines of the head's receiver."""

    def read(self, entry: Entry) -> Iterator[Signal | Refused]:
        """What a line says; one that the head itself refused is told, and not believed."""
        message = entry.message.rstrip()
        if message.startswith("refused "):
            yield _refused(message)
        elif entry.program == "picluster-authority":
            certified = _CERTIFIED.match(message)
            address = ipv4(certified[2]) if certified else None
            if certified is not None and address is not None:
                yield _signal(Sign.KEYS, certified[1], address, _pairs(certified[3]))
        elif message.startswith("node "):
            found = _LINE.match(message)
            sign = _SIGNS.get(found[3]) if found else None
            address = ipv4(found[2]) if found else None
            if found is None or sign is None or address is None:
                yield Refused("node message not understood")
            else:
                yield _signal(sign, found[1], address, _pairs(found[4]))


def _pairs(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def _refused(message: str) -> Refused:
    found = _REFUSED.match(message)
    if found is None or found[2] not in ("unknown-address", "wrong-mac"):
        return Refused("node message refused by the head")
    try:
        mac = str(parse_mac(unquote(_pairs(found[3]).get("mac", ""))))
    except ValueError:
        mac = None
    return Refused("node message refused by the head", ipv4(found[1]), mac)


def state_of(text: str, address: str) -> tuple[Signal, float] | Refused:
    """Read a node's state file.

    Args:
        text: its content.
        address: the address the file is called after.

    Returns:
        What it says and when that was received, seconds since 1970.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return Refused("broken state file")
    if not isinstance(fields, dict) or fields.get("address") != address:
        return Refused("broken state file")
    sign = _SIGNS.get(str(fields.get("event")))
    received = fields.get("received")
    name = fields.get("name")
    if sign is None or isinstance(received, bool) or not isinstance(received, (int, float)):
        return Refused("broken state file")
    if not isinstance(name, str) or ipv4(address) is None:
        return Refused("broken state file")
    signal = _signal(sign, name, address, _words(fields))
    return signal if isinstance(signal, Refused) else (signal, float(received))


#: Keys of the state file → words of the message.
_KEYS = {
    "mac": "mac",
    "boot": "boot",
    "image": "image",
    "uptime_s": "up",
    "temperature_c": "temp",
    "throttled": "throttled",
    "upper_percent": "upper",
    "step": "step",
    "reason": "reason",
}


def _words(fields: Mapping[str, Any]) -> dict[str, str]:
    return {
        word: str(fields[key]) for key, word in _KEYS.items() if fields.get(key) not in (None, "")
    }


def _signal(sign: Sign, name: str, address: str, words: Mapping[str, str]) -> Signal | Refused:
    mac: str | None = None
    if "mac" in words:
        try:
            mac = str(parse_mac(words["mac"]))
        except ValueError:
            return Refused("node message with a broken MAC address")
    boot = words.get("boot", "")
    if boot and not _BOOT.fullmatch(boot):
        return Refused("node message with a broken boot id")
    work = _work(words) if sign is Sign.WORKLOAD else None
    if sign is Sign.WORKLOAD and work is None:
        return Refused("node message on a workload not understood")
    step, image = words.get("step", ""), words.get("image", "")
    return Signal(
        sign,
        mac,
        address,
        name,
        detail=step if _WORD.fullmatch(step) else "",
        reason=printable(unquote(words.get("reason", ""), errors="replace"), _REASON),
        boot=boot,
        health=_health(words),
        work=work,
        image=image if _IMAGE.fullmatch(image) else "",
    )


def _work(words: Mapping[str, str]) -> Work | None:
    name, version = words.get("workload", ""), words.get("version", "")
    state, order = words.get("state", ""), words.get("order", "")
    good = (
        _WORKLOAD.fullmatch(name)
        and _VERSION.fullmatch(version)
        and state in _STATES
        and bool(version) != (state == "gone")
        and _BOOT.fullmatch(order)
    )
    return Work(name, version, state, order) if good else None


def _health(words: Mapping[str, str]) -> Health | None:
    temperature = _number(words.get("temp") or words.get("temperature"))
    if temperature is not None and not -40 <= temperature <= _HOTTEST_C:
        temperature = None
    upper = _number(words.get("upper"))
    health = Health(
        temperature,
        _bits(words.get("throttled")),
        int(upper) if upper is not None and 0 <= upper <= 100 else None,
        _number(words.get("up") or words.get("uptime")),
    )
    return None if health == Health() else health


def _number(text: str | None) -> float | None:
    if text is None or re.fullmatch(r"-?\d{1,9}(?:\.\d{1,3})?", text) is None:
        return None
    return float(text)


def _bits(text: str | None) -> int | None:
    """``0x50005``, or the decimal number a state file may hold."""
    if text is None:
        return None
    if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", text):
        return int(text, 16)
    return int(text) if re.fullmatch(r"\d{1,9}", text) else None
