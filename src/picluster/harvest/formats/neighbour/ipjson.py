"""`ip -json neigh`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from picluster.errors import refusal, shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.rows import ipv4, is_reason, known_mac
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress


class IpJson:
    """One JSON array of neighbours, on one line or pretty-printed."""

    name = "ip-neigh-json"
    title = "Linux `ip -json neigh`"
    streams = False
    _mark = re.compile(r"\s*\[\s*\{\s*\"dst\"\s*:")

    def matches(self, head: str) -> bool:
        """Whether an array of objects with ``dst`` first begins the text."""
        return self._mark.match(head) is not None

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per entry that has a link-layer address.

        Raises:
            PiclusterError: the text is not one JSON array.
        """
        for index, entry in enumerate(_entries("\n".join(t for _, t in lines), context.source)):
            lladdr = entry.get("lladdr") if isinstance(entry, dict) else entry
            if lladdr is None or "FAILED" in _states(entry):
                continue
            mac = known_mac(lladdr) if isinstance(lladdr, str) else f"no entry: {shown(lladdr)}"
            if is_reason(mac):
                yield Remark(f"entry {index + 1}: {mac}", context.source)
                continue
            dst = entry.get("dst")
            address = ipv4(dst) if isinstance(dst, str) else None
            yield Observation(
                MacAddress(mac),
                Kind.NEIGHBOUR,
                context.source,
                None,
                context.modified,
                address=address,
            )


def _states(entry: Any) -> list[Any]:
    state = entry.get("state") if isinstance(entry, dict) else None
    return state if isinstance(state, list) else []


def _entries(text: str, source: str) -> list[Any]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise refusal(
            f"broken JSON: {getattr(error, 'msg', 'nested too deep')}",
            "take the output again, whole",
            file=source,
            line=line,
        ) from error
    if not isinstance(entries, list):
        raise refusal("not a JSON array", "give the output of ip -json neigh", file=source)
    return entries
