"""Switch port names: what people describe and what switches print."""

from __future__ import annotations

import re
from collections import Counter

# A hyphen of a name follows a letter (ge-0/0/1); any other one makes a range.
_RANGE = re.compile(
    r"(?P<prefix>(?:(?:[A-Za-z0-9/.:_]|(?<=[A-Za-z])-)*?(?:[A-Za-z/.:_]|(?<=[A-Za-z])-))?)"
    r"(?P<first>[0-9]{1,5})"
    r"(?:-(?:(?P<short>[0-9]{1,5})|(?P=prefix)(?P<last>[0-9]{1,5})(?:/(?P<step>[0-9]{1,2}))?))?",
    re.ASCII,
)
_LIMIT = 65536

_SHORT = {
    "fa": "fastethernet", "gi": "gigabitethernet", "te": "tengigabitethernet",
    "eth": "ethernet", "et": "ethernet",
}  # fmt: skip


def expand_ports(text: str) -> tuple[str, ...]:
    """Expand a port list: ``1-41/2,2-42/2`` or ``0/1-0/42`` or ``lan1-lan4``.

    Returns:
        Port names in order.

    Raises:
        ValueError: a part that is no port or range, one that runs backwards, or a port twice.
    """
    ports: list[str] = []
    for part in text.replace(" ", "").split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"not a port or range of ports: {part!a}")
        first = int(match["first"])
        last = int(match["short"] or match["last"] or first)
        step = int(match["step"] or 1)
        if last < first or step < 1 or last - first > _LIMIT:
            raise ValueError(f"a range that runs backwards or too far: {part!a}")
        ports.extend(f"{match['prefix']}{number}" for number in range(first, last + 1, step))
        if len(ports) > _LIMIT:
            raise ValueError(f"more than {_LIMIT} ports")
    repeated = [port for port, times in Counter(ports).items() if times > 1][:5]
    if repeated:
        raise ValueError(f"ports named twice: {', '.join(repeated)}")
    return tuple(ports)


def canonical_port(name: str) -> str:
    """A port name for comparing: lower case, no blanks, known abbreviations spelled out."""
    text = re.sub(r"\s+", "", name.lower())
    match = re.match(r"[a-z-]+", text)
    if match and match[0] in _SHORT:
        return _SHORT[match[0]] + text[match.end() :]
    return text


def same_port(one: str, other: str) -> bool:
    """Whether two names mean one port: equal, or a bare number and the vendor's name of it.

    ``7`` is ``0/7``, ``g7``, ``gi7``, ``port7`` and ``lan7``, as people write the number printed
    on the front; ``1/0/7`` and ``2/0/7`` stay different ports.
    """
    a, b = canonical_port(one), canonical_port(other)
    if a == b:
        return True
    return a.isdigit() != b.isdigit() and front_number(a) == front_number(b)


def front_number(name: str) -> str | None:
    """The bare number :func:`same_port` takes a name for; itself for a number, else ``None``."""
    text = canonical_port(name)
    match = re.fullmatch(r"(?:[a-z-]+|[a-z-]*0/|)([0-9]+)", text, re.ASCII)
    return match[1] if match else None
