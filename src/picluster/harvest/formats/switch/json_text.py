"""JSON documents in captures: told apart by their keys, read with the line of the failure."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from picluster.errors import PiclusterError, refusal
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.rows import unmarked
from picluster.harvest.formats.switch.text import clean, read_prompt

_REMEDY = "give the whole JSON document, from its first bracket to its last"
_UNIFI_KEY = re.compile(
    r'"(?:mac_table|mac_table_count|port_table|port_overrides|sw_mac|sw_port|sw_depth|uplink_mac'
    r'|ethernet_table|_uptime_by_usw|_last_seen_by_usw|is_wired|switch_caps)"\s*:'
)
_FDB_ENTRY = re.compile(r'"mac"\s*:\s*"[0-9a-fA-F:]{17}"\s*,\s*"ifname"\s*:')
_FDB_ENTRY_2 = re.compile(r'"ifname"\s*:\s*"[^"\n]{1,64}"[^{}]{0,400}"master"\s*:')
_LOG = re.compile(r'"(?:MESSAGE|__REALTIME_TIMESTAMP|_SOURCE_REALTIME_TIMESTAMP|lladdr|client-id)"')
#: Notes on the controller's API: what is sent to it says nothing of where a board is.
_REQUEST = re.compile(r"^\s*(?:POST|PUT) /\S*api/", re.M)
_JSON_LINE = re.compile(r'\s*(?:[\[{]|"[\w-]{1,64}"\s*:|[\]}],?\s*$)')


def json_kind(head: str) -> str | None:
    """Name the JSON format a text is of, whole or broken; ``None`` when it is not JSON."""
    if not any(map(_JSON_LINE.match, _content(head))):
        return None
    if _LOG.search(head) or _REQUEST.search(head):
        return None
    if _UNIFI_KEY.search(head):
        return "unifi-json"
    if _FDB_ENTRY.search(head) or (_FDB_ENTRY_2.search(head) and '"mac"' in head):
        return "bridge-fdb-json"
    return None


def _content(head: str) -> Iterable[str]:
    for raw in head.splitlines()[:50]:
        line = unmarked(clean(raw[:4096]))
        if line.strip() and read_prompt(line) is None:
            yield line


@dataclass(frozen=True, slots=True)
class Document:
    """JSON values of a capture and where they stand.

    Attributes:
        values: the documents, in order.
        text: what was parsed.
        starts: offset in ``text`` at which each line begins.
        numbers: line number in the source of each line.
        switch: the switch a prompt before the document names.
    """

    values: tuple[object, ...]
    text: str
    starts: tuple[int, ...]
    numbers: tuple[int, ...]
    switch: str | None

    def line_at(self, offset: int) -> int:
        """Line number in the source of an offset in ``text``."""
        return self.numbers[max(0, bisect_right(self.starts, offset) - 1)]

    def mac_lines(self) -> Callable[[str], int]:
        """Give a function that finds the line of a ``"mac"`` value: its next one at each call."""
        places: dict[str, deque[int]] = {}
        for match in re.finditer(r'"mac"\s{0,20}:\s{0,20}"([^"\n]{1,64})"', self.text):
            places.setdefault(match[1], deque()).append(match.start())

        def line(mac: str) -> int:
            found = places.get(mac)
            if not found:
                return self.numbers[0]
            return self.line_at(found.popleft() if len(found) > 1 else found[0])

        return line


def read_documents(lines: Iterable[Line], context: Context) -> Document:
    """Parse the JSON documents of a capture; command lines around them are left out.

    Raises:
        PiclusterError: broken, cut or fragmentary JSON, with line and reason.
    """
    kept: list[Line] = []
    switch: str | None = None
    for number, marked in lines:
        raw = unmarked(marked)
        if raw.lstrip()[:1] not in {'"', "{", "}", "[", "]"}:
            prompt = read_prompt(clean(raw[:4096]))
            if prompt is not None:
                switch = prompt.switch or switch
                continue
            if not kept:
                continue  # what was written above the document
        kept.append((number, raw))
    starts, numbers, offset = [], [], 0
    for number, raw in kept:
        starts.append(offset)
        numbers.append(number)
        offset += len(raw) + 1
    text = "\n".join(raw for _, raw in kept)
    document = Document((), text, tuple(starts or [0]), tuple(numbers or [1]), switch)
    return Document(_values(document, context), text, document.starts, document.numbers, switch)


def _values(document: Document, context: Context) -> tuple[object, ...]:
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    values: list[object] = []
    position = _skip(document.text, 0)
    while position < len(document.text):
        if values and not any(map(_JSON_LINE.match, document.text[position:].splitlines())):
            break  # what was written below
        if document.text[position] not in "[{":
            raise _broken(
                "starts in the middle" if not values else "text behind the end",
                document,
                position,
                context,
            )
        try:
            value, position = decoder.raw_decode(document.text, position)
        except json.JSONDecodeError as error:
            raise _broken(error.msg, document, error.pos, context) from error
        except RecursionError as error:
            raise _broken("nested too deeply", document, position, context) from error
        except ValueError as error:
            raise _broken(str(error), document, position, context) from error
        values.append(value)
        position = _skip(document.text, position)
    if not values:
        raise refusal("no JSON document in it", _REMEDY, file=context.source)
    return tuple(values)


def _skip(text: str, position: int) -> int:
    match = re.compile(r"[\s\ufeff]*").match(text, position)
    return match.end() if match else position


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _broken(reason: str, document: Document, position: int, context: Context) -> PiclusterError:
    return refusal(
        f"broken JSON: {reason}",
        _REMEDY,
        file=context.source,
        line=document.line_at(position),
    )
