"""Neighbour tables and scans."""

from picluster.harvest.formats.base import Format
from picluster.harvest.formats.dhcp import FORMATS as DHCP_FORMATS
from picluster.harvest.formats.neighbour import nmap, tables
from picluster.harvest.formats.neighbour.addresses import AddressTable
from picluster.harvest.formats.neighbour.ipjson import IpJson
from picluster.harvest.formats.switch.detect import kind_of

_OWN: tuple[Format, ...] = (*tables.FORMATS, *nmap.FORMATS, IpJson())


def _known(head: str) -> bool:
    return kind_of(head) is not None or any(form.matches(head) for form in (*_OWN, *DHCP_FORMATS))


FORMATS: tuple[Format, ...] = (*_OWN, AddressTable(_known))
