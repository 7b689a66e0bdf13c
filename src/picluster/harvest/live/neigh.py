"""The neighbour table of one interface of this machine, read once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from picluster.errors import refusal, shown
from picluster.harvest.live.commands import Stream
from picluster.harvest.live.text import now
from picluster.harvest.observation import Fact, Observation

_INTERFACE = re.compile(r"[A-Za-z0-9_.@][A-Za-z0-9_.@:-]{0,14}", re.ASCII)
_LIMIT_S = 10.0


def observe_neighbours(interface: str) -> Iterator[Fact]:
    """Yield the neighbours ``ip -json neigh show dev`` lists with a link-layer address.

    Args:
        interface: network interface.

    Raises:
        PiclusterError: no such interface, no ``ip``, or no answer in time.
    """
    from picluster.harvest.formats.base import Context  # noqa: PLC0415 - as in text.py
    from picluster.harvest.formats.neighbour.ipjson import IpJson  # noqa: PLC0415

    source = f"neigh:{interface}"
    if not _INTERFACE.fullmatch(interface):
        raise refusal(f"not an interface name: {shown(interface)}", "see ip -brief link")
    with Stream(["ip", "-json", "neigh", "show", "dev", interface], source, _LIMIT_S) as stream:
        text = b"\n".join(stream.lines()).decode("utf-8", "replace")
        status = -1 if stream.timed_out else stream.status()
        if status != 0:
            raise refusal(
                f"ip failed: {stream.failure() or f'no end within {_LIMIT_S:g} s'}",
                "see ip -brief link for the interfaces",
                file=source,
            )
    # The kernel lists them in the order of a hash that changes with every boot.
    yield from sorted(IpJson().parse([(1, text)], Context(source, now())), key=_order)


def _order(fact: Fact) -> tuple[bool, str, str]:
    if isinstance(fact, Observation):
        return False, fact.mac, fact.address or ""
    return True, str(fact), ""
