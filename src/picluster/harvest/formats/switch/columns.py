"""Headers of tables no dialect knows: their words read as columns."""

from __future__ import annotations

import re

from picluster.harvest.formats.switch.station import Cells
from picluster.harvest.formats.switch.text import MAC_LOOKING, MAC_SHAPED

#: Header phrases and what the column below holds; longest first where one begins another.
_PHRASES: tuple[tuple[str, str], ...] = (
    (r"destination mac address", "mac"),
    (r"destination address", "mac"),
    (r"(?:mac|hw|hardware)[ -]?addr(?:ess)?", "mac"),
    (r"mac", "mac"),
    (r"destination port(?:s)?", "port"),
    (r"address type", "type"),
    (r"entry type", "type"),
    (r"port[ -]?index", "skip"),
    (r"if[ -]?index", "skip"),
    (r"vlan name", "skip"),
    (r"vlan(?:[ -]?id|s)?(?:/vsi(?:/si|/bd)?)?", "vlan"),
    (r"vid", "vlan"),
    (r"(?:logical |egress )?interfaces?", "port"),
    (r"port(?:s|list| list|[ -]?name|[ -]?id)?", "port"),
    (r"learned-from", "port"),
    (r"source", "port"),
    (r"type", "type"),
    (r"status", "type"),
    (r"state", "type"),
    (r"mode", "type"),
    (r"ag(?:e|ing)(?:[ -]?time)?(?: ?\((?:s|sec|secs|seconds)\))?", "skip"),
    (r"index", "skip"),
    (r"flags?", "skip"),
    (r"secure", "skip"),
    (r"ntfy", "skip"),
    (r"moves?", "skip"),
    (r"protocol", "skip"),
    (r"operation", "skip"),
    (r"priority", "skip"),
    (r"no\.?", "skip"),
    (
        r"(?:ttl|static|master|tunneldest|lastseen|last seen|live time|svl|used|hits|lifetime)",
        "skip",
    ),
    (r"index", "skip"),
    (r"#", "skip"),
)
_PHRASE = re.compile("|".join(f"(?P<p{n}>{text})(?= |$)" for n, (text, _) in enumerate(_PHRASES)))


def read_header(line: str) -> tuple[str, ...] | None:
    """Read a header line as columns.

    Args:
        line: the line in lower case with single blanks.

    Returns:
        For each column ``mac``, ``port``, ``vlan``, ``type`` or ``skip``; ``None`` when a word is
        not one of a switch table, or MAC address and port are not there just once.
    """
    if len(line) > 200 or not any(word in line for word in ("mac", "destination", "hw addr")):
        return None
    roles: list[str] = []
    position = 0
    while position < len(line):
        match = _PHRASE.match(line, position)
        if match is None or match.lastgroup is None:
            return None
        role = _PHRASES[int(match.lastgroup[1:])][1]
        # D-Link prints a status behind the type
        roles.append("skip" if role == "type" and role in roles else role)
        position = match.end() + 1
    once = all(roles.count(role) == 1 for role in ("mac", "port"))
    return tuple(roles) if once and roles.count("vlan") <= 1 else None


_FLAG = re.compile(r"[*+~&#]|[A-Z]{1,2}")
_RULER = re.compile(r"\s*-{2,}(?:[\s+|]+-{2,})+\s*")
#: Port names printed with a blank before their number.
_SPACED = re.compile(
    r"\b([a-z-]*ethernet|aggregateport|port-channel) (?=\d+(?:/\d+)*(?: |$))", re.I
)
_CPU = re.compile(r"\bCPU Interface:\s*\S+", re.IGNORECASE)


def read_ruler(text: str) -> tuple[int, ...] | None:
    """Where the columns begin, from a dashed ruler; ``None`` when the line is no ruler."""
    if not _RULER.fullmatch(text):
        return None
    return tuple(match.start() for match in re.finditer(r"-+", text))


def split_row(roles: tuple[str, ...], text: str, ruler: tuple[int, ...] | None) -> Cells | None:
    """Read a row by its header.

    Args:
        roles: what :func:`read_header` gave.
        text: the row.
        ruler: column starts, used when blanks do not tell the cells apart (empty cells).

    Returns:
        The cells, or ``None`` when words and columns do not fit.
    """
    text = _SPACED.sub("\\1\0", _CPU.sub("CPU", text))
    match = MAC_SHAPED.search(text) or MAC_LOOKING.search(text)
    if match is None:
        return None
    at = roles.index("mac")
    left, right = text[: match.start()].split(), _words(text[match.end() :])
    while len(left) > at and _FLAG.fullmatch(left[0]):
        left.pop(0)
    if len(left) != at:
        return None
    wanted = roles[at + 1 :]
    if len(right) < len(wanted) and ruler is not None and len(ruler) == len(roles):
        right = _cut(text, ruler)[at + 1 :]
    if len(right) > len(wanted) and wanted and wanted[-1] == "port":
        last = len(wanted) - 1
        right = [*right[:last], ",".join(right[last:])]
    cells = dict(zip((*roles[:at], *wanted), (*left, *right), strict=False))
    vlan, mac = _vlan_in_mac(match[0])
    port = cells.get("port", "")
    return Cells(
        mac=mac,
        port=re.sub(r"^port:\s*", "", port.replace("\0", " "), flags=re.IGNORECASE),
        single="\0" in port,
        vlan=cells.get("vlan", vlan).partition("/")[0],
        type=cells.get("type", ""),
    )


def _words(text: str) -> list[str]:
    """Words, with ``Port: 7`` and ``1, 2`` kept together."""
    return re.sub(r"([:,])\s+", r"\1", text).split()


def _cut(text: str, ruler: tuple[int, ...]) -> list[str]:
    ends = (*ruler[1:], len(text) + 1)
    return [text[start:end].strip() for start, end in zip(ruler, ends, strict=True)]


def _vlan_in_mac(token: str) -> tuple[str, str]:
    """Old FASTPATH prints the VLAN as the first two of eight octets."""
    octets = re.split(r"[:-]", token)
    if len(octets) != 8:
        return "", token
    try:
        return str(int(octets[0] + octets[1], 16)), ":".join(octets[2:])
    except ValueError:
        return "", token
