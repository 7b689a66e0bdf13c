"""Every file format the harvest knows."""

from picluster.harvest.formats import beacon, capture, dhcp, neighbour, refused, switch
from picluster.harvest.formats.base import Format

FORMATS: tuple[Format, ...] = (
    *switch.FORMATS,
    *dhcp.FORMATS,
    *neighbour.FORMATS,
    *beacon.FORMATS,
    *capture.FORMATS,
    *refused.FORMATS,
)
