"""Neighbour tables and scans."""

from picluster.harvest.formats.base import Format
from picluster.harvest.formats.neighbour import nmap, tables
from picluster.harvest.formats.neighbour.ipjson import IpJson

FORMATS: tuple[Format, ...] = (*tables.FORMATS, *nmap.FORMATS, IpJson())
