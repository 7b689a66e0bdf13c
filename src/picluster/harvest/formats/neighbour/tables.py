"""Neighbour (ARP) tables and scans that print one neighbour a row."""

from __future__ import annotations

import re

from picluster.harvest.formats.rows import IPV4, MAC, RowFormat

# BSD drops the leading zero of an octet
_SHORT_MAC = r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}(?![0-9A-Za-z:])"
_LEASE_TABLE = re.compile(r"^\s*IP\s+MAC-Address\s+Hostname", re.M)

NEIGHBOUR = RowFormat(
    "ip-neigh",
    "Linux `ip neigh`",
    re.compile(
        rf"\s*(?:(?P<ip>{IPV4})|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)(?: dev \S+)? +lladdr (?P<mac>{MAC})"
        r"(?!.* (?:FAILED|INCOMPLETE)\s*$)"
    ),
    mark=re.compile(
        rf"^\s*(?:{IPV4}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)(?: dev \S+)? +"
        r"(?:lladdr [0-9A-Fa-f:]+ .*|(?:used \S+ )?(?:probes \d+ +)?)"
        r"(?:REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|PERMANENT|NOARP)\b",
        re.M,
    ),
)

ARP_A = RowFormat(
    "arp-a",
    "`arp -a` of Linux, BSD and macOS",
    re.compile(rf"\s*\S+ \((?P<ip>{IPV4})\) at (?P<mac>{_SHORT_MAC})"),
    mark=re.compile(
        rf"^\s*\S+ \({IPV4}\) at (?:[0-9A-Fa-f:]+|<incomplete>|\(incomplete\)) .*\bon \S", re.M
    ),
)

ARP_WINDOWS = RowFormat(
    "arp-windows",
    "`arp -a` of Windows",
    re.compile(
        rf"\s*(?P<ip>{IPV4})\s+(?P<mac>[0-9A-Fa-f]{{2}}(?:-[0-9A-Fa-f]{{2}}){{5}})\s+\S+\s*$"
    ),
)

ARP_N = RowFormat(
    "arp-n",
    "`arp -n` of Linux",
    re.compile(rf"\s*(?:(?P<ip>{IPV4})|\S+)\s+ether\s+(?P<mac>{MAC})\s+[CMP]+\b"),
    mark=re.compile(
        rf"^\s*Address\s+HWtype\s+HWaddress\s|^\s*\S+\s+ether\s+{MAC}\s+[CMP]+\s+\S+\s*$", re.M
    ),
)

ARP_PROC = RowFormat(
    "proc-net-arp",
    "/proc/net/arp",
    re.compile(rf"\s*(?P<ip>{IPV4})\s+0x1\s+0x(?!0\b)[0-9a-f]+\s+(?P<mac>{MAC})\s+\S+\s+\S+\s*$"),
    mark=re.compile(
        rf"^IP address\s+HW type\s+Flags\s+HW address|^{IPV4}\s+0x1\s+0x[0-9a-f]+\s+{MAC}", re.M
    ),
)

ARP_CISCO = RowFormat(
    "show-ip-arp",
    "`show ip arp` of Cisco IOS",
    re.compile(
        rf"\s*Internet\s+(?P<ip>{IPV4})\s+(?:\d+|-)\s+"
        r"(?P<mac>[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2})\s+ARPA\b"
    ),
)

ARP_SCAN = RowFormat(
    "arp-scan",
    "arp-scan",
    # the maker's name may follow, but nothing before the address
    re.compile(
        rf"\s*(?P<ip>{IPV4})[ \t]+(?P<mac>[0-9A-Fa-f]{{2}}(?::[0-9A-Fa-f]{{2}}){{5}})(?:\s|$)"
    ),
    mark=re.compile(
        r"^\s*Starting arp-scan |^\s*Interface: \S+, (?:datalink )?type: "
        rf"|^\s*{IPV4}[ \t]+[0-9A-Fa-f]{{2}}(?::[0-9A-Fa-f]{{2}}){{5}}(?:[ \t]|$)",
        re.M,
    ),
    never=_LEASE_TABLE,
)

ARPING = RowFormat(
    "arping",
    "arping",
    re.compile(rf"\s*(?:Uni|Broad)cast reply from (?P<ip>{IPV4}) \[(?P<mac>{MAC})\]"),
)

ROUTEROS_ARP = RowFormat(
    "routeros-arp",
    "`/ip arp print terse` of RouterOS",
    re.compile(
        rf"\s*\d+ [A-Z ]*\s*(?:comment=.*? )?address=(?P<ip>{IPV4}) mac-address=(?P<mac>{MAC})"
        r" interface="
    ),
)

FORMATS = (
    NEIGHBOUR,
    ARP_A,
    ARP_WINDOWS,
    ARP_N,
    ARP_PROC,
    ARP_CISCO,
    ARP_SCAN,
    ARPING,
    ROUTEROS_ARP,
)
