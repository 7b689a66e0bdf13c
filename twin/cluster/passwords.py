"""Passwords of the simulated devices: their factories'; a description never holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picluster.cluster.model import Cluster

PDU_PASSWORD, PDU_COMMUNITY = "admin", "private"
SWITCH_USER, SWITCH_PASSWORD = "ubnt", "ubnt"
CONTROLLER_USER, CONTROLLER_PASSWORD = "picluster", "unifi"


def environment(cluster: Cluster) -> dict[str, str]:
    """Variables that hold them, for whoever switches and harvests the devices of a cluster."""
    wanted = {
        "PICLUSTER_PDU_PASSWORD": any(
            pdu.driver == "synaccess" and pdu.username for pdu in cluster.pdus
        ),
        "PICLUSTER_PDU_COMMUNITY": any(pdu.driver == "apc" for pdu in cluster.pdus),
        "PICLUSTER_SSH_PASSWORD": bool(cluster.switches),
        "PICLUSTER_UNIFI_PASSWORD": bool(cluster.controllers),
    }
    known = (PDU_PASSWORD, PDU_COMMUNITY, SWITCH_PASSWORD, CONTROLLER_PASSWORD)
    return {name: word for (name, used), word in zip(wanted.items(), known, strict=True) if used}
