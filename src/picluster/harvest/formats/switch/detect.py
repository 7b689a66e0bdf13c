"""Which kind of switch table a text is: told by the first line no other kind has."""

from __future__ import annotations

import re
from functools import lru_cache

from picluster.harvest.formats.switch.bare import bare_row
from picluster.harvest.formats.switch.columns import read_header
from picluster.harvest.formats.switch.json_text import json_kind
from picluster.harvest.formats.switch.text import MAC_SHAPED, MAX_LINE, clean, normal, read_prompt

#: Header lines, lower case with single blanks, whole line. The order matters only where a
#: looser pattern follows a stricter one.
_HEADERS: tuple[tuple[str, str], ...] = (
    ("unifi-swctrl", r"port vlan mac-address( [a-z() -]+)?|vlan port mac-address( [a-z() -]+)?"),
    ("unifi-swctrl", r"port opmode hpmode pwrlimit .*"),
    ("cisco-ios", r"destination address address type vlan destination port"),
    ("cisco-ios", r"vlan mac address type (learn )?(qos )?(age )?ports"),
    ("cisco-ios", r"vlan mac address type (protocols|qos) (qos )?ports?( [a-z ]+)?"),
    ("cisco-ios", r"vlan mac address type ports moves last move"),
    ("cisco-nxos", r"vlan mac address type age secure ntfy ports(/swid\.ssid\.lid)?"),
    ("radlan", r"vlan mac address port type"),
    ("broadcom-fastpath", r"vlan ?id mac address interface ifindex status"),
    ("aruba-aoscx", r"mac address vlan type port"),
    ("hp-procurve", r"mac address (located on )?port( vlan)?"),
    ("hp-procurve", r"mac address vlans?"),
    (
        "hp-comware",
        r"mac addr(ess)? vlan ?id state port( ?index|/nickname)? aging( ?time)?(\(s\))?",
    ),
    ("huawei-vrp", r"mac address vlan/vsi(/bd|/si)? learned-from type"),
    ("extreme-exos", r"mac vlan( name ?\( ?tag ?\))? age flags port( / virtual port list)?"),
    ("juniper-junos", r"vlan mac mac ((age|gbp) )?logical( .*)?"),
    ("juniper-junos", r"vlan mac address type age interfaces?"),
    ("allied-telesis", r"vlan port mac (fwd|state)( .*)?"),
    (
        "alcatel-aos",
        r"(domain )?vlan(/srvcid\[?[\[:\]a-z/]+)? mac address type (protocol )?operation interface",
    ),
    ("mikrotik-bridge-host", r"columns: mac-address,.*\bbridge\b.*"),
    ("mikrotik-bridge-host", r"(# )?(bridge )?mac-address( vid)? on-interface( bridge)?( age)?"),
    ("mikrotik-bridge-host", r"# mac-address( vlan-id)? ports?( svl)?.*"),
    ("bridge-macs", r"port no mac addr is local\? ageing timer"),
)
_LONGEST_HEADER = 200
_HEADER_WORDS = ("mac", "destination address", "pwrlimit", "hw addr", "hardware addr")
_HEADER_RULES = tuple((name, re.compile(pattern)) for name, pattern in _HEADERS)

_MAC = r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}"
#: Rows no other tool prints, for formats without a header.
_ROWS: tuple[tuple[str, str], ...] = (
    ("unifi-swctrl", r"@?u? ?\d{1,3} +[ud]/[ud] +\d+[a-z]* .*"),
    ("ubnt-toughswitch", r"\[addr\]:[0-9a-f-]{17} \[fid\]:.*"),
    ("mikrotik-bridge-host", rf"\d+ .*\bmac-address={_MAC} .*\bbridge=.*"),
    (
        "bridge-fdb",
        rf"{_MAC} dev \S+ (?:.* )?(?:self|master|permanent|offload|extern_learn|static)(?: .*)?",
    ),
    (
        "snmp-walk",
        r"(?:snmpv2-smi::mib-2|\.?(?:iso|1)\.3\.6\.1\.2\.1|mib-2)\.17\.(?:4\.3|7\.1\.2|1\.4|7\.1\.4\.2)\..*",
    ),
    ("snmp-walk", r"(?:q-)?bridge-mib::dot1[dq]\w+\W.*"),
    ("snmp-walk", r"dot1[dq](?:tp|base)\w+[.\[].*"),
    ("snmp-walk", r"<snmpvariable value=.{1,100}\(oid='\S{0,100}(?:dot1[dq]|\.17\.).*"),
)
_ROW_RULES = tuple((name, re.compile(pattern, re.ASCII)) for name, pattern in _ROWS)


@lru_cache(maxsize=64)
def kind_of(head: str) -> str | None:
    """Name the format of a text from its first lines.

    Args:
        head: any text, CRLF and terminal leftovers included.

    Returns:
        The name of the one switch format it is of, or ``None``.
    """
    if kind := json_kind(head):
        return kind
    lines = head.splitlines()
    first = True
    for raw in lines:
        text = clean(raw[:MAX_LINE])
        line = normal(text)
        if not line:
            continue
        if first and not line.startswith("#"):
            first = False
            if is_positions_header(line):
                return "positions-csv"
        prompt = read_prompt(text)
        if prompt is not None and "swctrl mac" in prompt.command:
            return "unifi-swctrl"
        if prompt is None and (kind := header_kind(line) or row_kind(line)):
            return kind
    return None


def header_kind(line: str) -> str | None:
    """Name the format a header line is of.

    Args:
        line: in lower case with single blanks.
    """
    if len(line) > _LONGEST_HEADER or not any(word in line for word in _HEADER_WORDS):
        return None
    for name, rule in _HEADER_RULES:
        if rule.fullmatch(line):
            return name
    return "mac-table" if read_header(line) else None


def row_kind(line: str) -> str | None:
    """Name the format whose rows look like this line; for formats without a header."""
    for name, rule in _ROW_RULES:
        if rule.fullmatch(line):
            return name
    return "mac-table" if MAC_SHAPED.search(line) and bare_row(line) else None


_SWITCH_NAMES = ["switch", "switch_ip", "switch_name", "switch_address", "switch_addr"]
_PORT_NAMES = ["port", "switch_port", "port_number"]
_NODE_NAMES = ["node", "node_ip", "node_address", "node_addr", "address", "ip", "ip_address"]


def position_columns(line: str) -> tuple[str, dict[str, int]] | None:
    """Read the header of a positions table.

    Returns:
        The delimiter and the column numbers of ``switch``, ``port`` and ``address``;
        ``None`` when it is no such header (a MAC address column makes it another table).
    """
    for delimiter in ",;\t":
        names = [
            re.sub(r"[ -]+", "_", cell.strip(" \"'")) for cell in line.lower().split(delimiter)
        ]
        found = {}
        for key, known in (
            ("switch", _SWITCH_NAMES),
            ("port", _PORT_NAMES),
            ("address", _NODE_NAMES),
        ):
            columns = [index for index, name in enumerate(names) if name in known]
            if len(columns) == 1:
                found[key] = columns[0]
        if len(found) == 3 and not any("mac" in name.split("_") for name in names):
            return delimiter, found
    return None


def is_positions_header(line: str) -> bool:
    """Whether a line names the columns of a positions table."""
    return position_columns(line) is not None
