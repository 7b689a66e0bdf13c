"""Lines of NFS servers: rpc.mountd and nfs-ganesha."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator

from picluster.campaign.events import Sign
from picluster.campaign.watch.entry import Entry
from picluster.campaign.watch.signal import Refused, Signal, printable
from picluster.harvest.formats.rows import IPV4, ipv4

PROGRAMS = frozenset({"rpc.mountd", "mountd", "nfs-mountd", "ganesha.nfsd", "nfs-ganesha"})

_IP = rf"(?:::ffff:)?({IPV4})"
_MOUNTED = re.compile(rf"authenticated mount request from {_IP}(?::\d{{1,5}})? for ")
_ATTACHED = re.compile(rf'v4\.[0-2] client attached: 0x[0-9a-f]+ from "{_IP}(?::\d{{1,5}})?"')
_REFUSED = re.compile(rf"refused mount request from {_IP}(?::\d{{1,5}})? for (.*)", re.S)
_BAD_PATH = re.compile(rf"bad path in mount request from {_IP}: (.*)", re.S)
_GETFH = re.compile(r"getfh failed: (.*)", re.S)
_GANESHA_MOUNTED = re.compile(rf".*?:MOUNT: Entry supports \d+ .* for client {_IP}$", re.S)
_GANESHA_REFUSED = re.compile(
    rf".*?:(?:Client {_IP} is not allowed to access Export_Id|.*not allowed on Export_Id .* for "
    rf"client {_IP}$)",
    re.S,
)
_CLIENTS = 1024


class NfsLines:
    """Reads them; joins a refusal that follows its "authenticated" line by process id.

    An authenticated request is not a mounted file system, and mountd says so in the next line.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[str, str] = OrderedDict()

    def read(self, entry: Entry) -> Iterator[Signal | Refused]:
        """What a line says; nothing for one that names no client."""
        message = entry.message
        mounted = _MOUNTED.match(message) or _ATTACHED.match(message)
        if mounted is None and ":MOUNT:" in message:
            mounted = _GANESHA_MOUNTED.match(message)
        if mounted is not None:
            self._remember(entry.pid, mounted[1])
            yield from _signal(Sign.MOUNT, mounted[1])
        elif refused := _REFUSED.match(message) or _BAD_PATH.match(message):
            yield from _signal(Sign.MOUNT_REFUSED, refused[1], refused[2])
        elif failed := _GETFH.match(message):
            client = self._last.pop(entry.pid, None)
            if client is not None:
                yield from _signal(Sign.MOUNT_REFUSED, client, failed[1])
        elif denied := _GANESHA_REFUSED.match(message):
            yield from _signal(Sign.MOUNT_REFUSED, denied[1] or denied[2], "not in the export")

    def _remember(self, pid: str, client: str) -> None:
        if len(self._last) >= _CLIENTS:
            self._last.popitem(last=False)
        self._last[pid] = client


def _signal(sign: Sign, address: str, reason: str = "") -> Iterator[Signal | Refused]:
    host = ipv4(address)
    if host is None:
        yield Refused("NFS line without an address")
    else:
        yield Signal(sign, address=host, reason=printable(reason.strip(), 120))
