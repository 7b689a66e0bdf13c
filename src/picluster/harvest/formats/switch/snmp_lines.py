"""Lines of SNMP walks: whatever way net-snmp or a library prints an object and its value."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Objects of interest by their path below mib-2 (RFC 4188, RFC 4363, RFC 2863).
_BY_PATH = {
    (17, 4, 3, 1, 1): "dot1dTpFdbAddress",
    (17, 4, 3, 1, 2): "dot1dTpFdbPort",
    (17, 4, 3, 1, 3): "dot1dTpFdbStatus",
    (17, 7, 1, 2, 2, 1, 2): "dot1qTpFdbPort",
    (17, 7, 1, 2, 2, 1, 3): "dot1qTpFdbStatus",
    (17, 7, 1, 4, 2, 1, 3): "dot1qVlanFdbId",
    (17, 1, 4, 1, 2): "dot1dBasePortIfIndex",
    (2, 2, 1, 2): "ifDescr",
    (31, 1, 1, 1, 1): "ifName",
}
_NAMES = {name.lower(): name for name in _BY_PATH.values()}
_EASYSNMP = re.compile(
    r"<SNMPVariable value='(?P<value>[^']{0,256})' \(oid='(?P<oid>[^']{1,256})', "
    r"oid_index='(?P<index>[^']{0,256})'.{0,80}",
)
_SPLIT = re.compile(r"(?P<oid>[^=]{1,300}?)\s+=\s+(?P<value>.*)")
#: What snmpsim and LibreNMS record: object, type, value.
_RECORDED = re.compile(r"(?P<oid>\.?\d+(?:\.\d+){3,63})\|\w{1,8}\|(?P<value>.*)")
_QUICK = re.compile(r"(?P<oid>\S{1,300})\s+(?P<value>\S.*)")
_ROOT = re.compile(
    r"(?:SNMPv2-SMI::mib-2|\.?(?:iso|1)\.3\.6\.1\.2\.1|\.?iso\.org\.dod\.internet\.mgmt\.mib-2"
    r"|mib-2)\.(?=\d)"
)
_NAMED = re.compile(
    r"(?:[\w-]{1,64}::|\.?(?:[A-Za-z][\w-]{0,64}\.){1,16})?(?P<name>[A-Za-z]\w{1,64})"
)
_MAC_TEXT = r"[0-9a-fA-F]{1,2}(?:[:-][0-9a-fA-F]{1,2}){5}"
_PART = re.compile(
    r"\.?(?:(?P<mac>"
    + _MAC_TEXT
    + r")|\[(?:(?:STRING|Hex-STRING): ?)?[\"']?(?:(?P<inside>"
    + _MAC_TEXT
    + r")|(?P<hex>[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2}){5}) ?|(?P<boxed>\d{1,10}))"
    r"[\"']?\]|['\"](?P<quoted>" + _MAC_TEXT + r")['\"]|(?<=\.)(?P<number>\d{1,10}))"
)
_TYPE = re.compile(r"(?:[A-Za-z][\w-]{1,20}): ?(?P<value>.*)")
_INTEGER = re.compile(r"(?:[A-Za-z][\w-]{0,40}\()?(?P<number>\d{1,10})\)?")


@dataclass(frozen=True, slots=True)
class Binding:
    """One object of a walk.

    Attributes:
        name: its MIB name.
        index: its index as numbers; ``None`` when it is printed in a way that loses octets.
        value: its value without the type, quotes or trailing blanks.
    """

    name: str
    index: tuple[int, ...] | None
    value: str

    def integer(self) -> int | None:
        """The value as a number, ``learned(3)`` too."""
        match = _INTEGER.fullmatch(self.value)
        return int(match["number"]) if match else None


def read_binding(text: str) -> Binding | None:
    """Read a line; ``None`` when it is no object this harvest uses."""
    text = text.strip()
    if easy := _EASYSNMP.fullmatch(text):
        oid = str(easy["oid"]) + (f".{easy['index']}" if easy["index"] else "")
        value = str(easy["value"])
    elif match := (_SPLIT.fullmatch(text) or _RECORDED.fullmatch(text) or _QUICK.fullmatch(text)):
        oid, value = str(match["oid"]), str(match["value"])
    else:
        return None
    found = _object(oid)
    if found is None:
        return None
    return Binding(*found, _value(value))


def _object(oid: str) -> tuple[str, tuple[int, ...] | None] | None:
    if root := _ROOT.match(oid):
        numbers = _index("." + oid[root.end() :])
        if numbers is None:
            return None
        for path, found in _BY_PATH.items():
            if numbers[: len(path)] == path:
                return found, numbers[len(path) :]
        return None
    match = _NAMED.match(oid)
    name = _NAMES.get(match["name"].lower()) if match else None
    if match is None or name is None:
        return None
    return name, _index(oid[match.end() :])


def _index(text: str) -> tuple[int, ...] | None:
    numbers: list[int] = []
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            return None
        position = part.end()
        octets = part["mac"] or part["inside"] or part["quoted"] or part["hex"]
        if octets:
            numbers.extend(int(octet, 16) for octet in re.split(r"[: -]", octets))
        else:
            numbers.append(int(part["number"] or part["boxed"]))
    return tuple(numbers)


def _value(text: str) -> str:
    text = text.strip()
    if typed := _TYPE.fullmatch(text):
        text = typed["value"].strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return text
