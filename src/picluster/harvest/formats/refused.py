"""Kinds of text a user may well give that hold nothing to harvest: known, and refused by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from picluster.errors import refusal
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.dhcp.log import SyslogText
from picluster.harvest.observation import Fact

_LOG = SyslogText()


@dataclass(slots=True)
class Refused:
    """A kind of text without a board's MAC address, or without what ties it to a place.

    Attributes:
        name: see Format.
        title: see Format.
        mark: found in such a text.
        why: what it is and why nothing can be harvested.
        remedy: what to give instead.
        streams: see Format.
    """

    name: str
    title: str
    mark: re.Pattern[str]
    why: str
    remedy: str
    streams: bool = True

    def matches(self, head: str) -> bool:
        """Whether the head has the mark and is not a log."""
        return self.mark.search(head) is not None and not _LOG.matches(head)

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Refuse.

        Raises:
            PiclusterError: always.
        """
        del lines
        raise refusal(self.why, self.remedy, file=context.source)
        yield  # a generator, as the others


PDU = Refused(
    "pdu",
    "refused: session with a PDU",
    re.compile(
        r"^\s*(?:> ?)?(?:pshow|pset \d+ [01])\b|^Port \| Name +\|Status|cmd\.cgi\?"
        r"|^\$A[0F](?:,|\\r|\s*$)"
        r"|^(?:POST|PUT) /(?:proxy/network/)?api/s/\S+/(?:cmd/devmgr|rest/device/)"
        r"|\bs?rPDU2?Outlet\w+\b|\bsPDU(?:OutletCtl|MasterState)\b",
        re.M,
    ),
    "is about power outlets: an outlet feeds a bank and names no board",
    "give switch tables, DHCP logs, beacons or neighbour tables",
)
VCGENCMD = Refused(
    "vcgencmd",
    "refused: vcgencmd",
    re.compile(
        r"^\s*(?:throttled=(?:0x)?[0-9a-f]+|temp=[\d.]+'C|volt=[\d.]+V)\s*$"
        r"|^0x[0-9a-f]{1,6}\s+bit \d+\s",
        re.M,
    ),
    "is a board's throttling state: it names no board",
    "give switch tables, DHCP logs, beacons or neighbour tables",
)
CONSOLE = Refused(
    "console",
    "refused: console or kernel log of one board",
    re.compile(
        r"^\s*(?:\[[^\]]{10,40}\] )?\[ *\d+\.\d{6}\] \S|^Raspberry Pi Bootcode"
        r"|^Trying booting from "
        r"|^Boot mode: |^RPi: BOOTLOADER |^NETWORK [0-9a-f:]{17} wait for link",
        re.M,
    ),
    "is the console of one board: it says nothing of its place, and may show its server's MAC "
    "address too",
    "give the log of the DHCP server, or name the board: picluster replace <node> <mac>",
)
MOUNTD = Refused(
    "mountd",
    "refused: messages of rpc.mountd",
    re.compile(r"^rpc\.mountd(?:\[\d+\])?: ", re.M),
    "is the NFS server's log: it knows addresses, no MAC addresses",
    "give the log of the DHCP server",
)
TRANSFERS = Refused(
    "tftp-transfers",
    "refused: list of TFTP transfers",
    re.compile(r"^\[\d\d:\d\d:\d\d(?:\.\d+)?\] TFTP:", re.M),
    "is a list of TFTP transfers: it knows addresses, no MAC addresses",
    "give the log of the DHCP server",
)
DHCLIENT = Refused(
    "dhclient-leases",
    "refused: leases of a DHCP client",
    re.compile(r"^\s*lease \{\s*$", re.M),
    "is a DHCP client's own list of leases: it holds no MAC address",
    "give dhcpd.leases of the server",
)

FORMATS = (PDU, VCGENCMD, CONSOLE, MOUNTD, TRANSFERS, DHCLIENT)
