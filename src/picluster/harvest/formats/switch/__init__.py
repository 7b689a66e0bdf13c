"""Switch tables: every format a forwarding database, or the wiring, comes in."""

from __future__ import annotations

from picluster.harvest.formats.base import Format
from picluster.harvest.formats.switch.bridge import BridgeJsonFormat, BridgeTextFormat
from picluster.harvest.formats.switch.bridge_macs import BridgeMacsFormat
from picluster.harvest.formats.switch.dialects import DIALECTS
from picluster.harvest.formats.switch.positions import PositionsFormat
from picluster.harvest.formats.switch.snmp import SnmpWalkFormat
from picluster.harvest.formats.switch.swctrl import SwctrlFormat
from picluster.harvest.formats.switch.unifi import UnifiJsonFormat

#: One of them at most matches any text: one detector decides for all (see ``detect``).
FORMATS: tuple[Format, ...] = (
    SwctrlFormat(),
    UnifiJsonFormat(),
    *DIALECTS,
    SnmpWalkFormat(),
    BridgeTextFormat(),
    BridgeJsonFormat(),
    BridgeMacsFormat(),
    PositionsFormat(),
)
