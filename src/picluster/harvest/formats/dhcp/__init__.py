"""DHCP servers' logs and leases; the logs hold the TFTP servers' lines too."""

from picluster.harvest.formats.base import Format
from picluster.harvest.formats.dhcp import log, tables
from picluster.harvest.formats.dhcp.leases_isc import LeasesIsc
from picluster.harvest.formats.dhcp.leases_kea import LeasesKea

FORMATS: tuple[Format, ...] = (*log.FORMATS, LeasesIsc(), LeasesKea(), *tables.FORMATS)
