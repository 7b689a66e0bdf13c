"""Options of the modules that look after image versions."""

from __future__ import annotations


class ModuleDocFragment:
    """The export, the TFTP server's jail, and who uses what."""

    DOCUMENTATION = r"""
options:
  export_root:
    description: Directory the NFS server exports.
    type: path
    required: true
"""

    TFTP = r"""
options:
  tftp_root:
    description: Directory the TFTP server is jailed in.
    type: path
    required: true
"""

    NODES = r"""
options:
  nodes:
    description: The nodes this server boots, as M(picluster_render) writes them.
    type: path
    default: /etc/picluster/nodes.csv
"""

    CLIENTS = r"""
options:
  state_dir:
    description: Directory with the last message of each node.
    type: path
    default: /run/picluster/nodes
"""
