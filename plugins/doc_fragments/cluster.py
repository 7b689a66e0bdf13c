"""Options of what runs on the control node for a whole cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """The description, the way to the boot servers, and what is kept."""

    DOCUMENTATION = r"""
options:
  description:
    description: Path of the cluster description on the control node.
    type: path
    required: true
"""

    SERVERS = r"""
options:
  reach:
    description:
      - Words before a command on a boot server, by its name, a list or one text, as
        M(picluster_reach) gives them. A server that is not named is this machine when its address
        is, or else reached by ssh under its name.
    type: dict
    default: {}
  journal:
    description: File of the campaigns' journal. By default one in the user's state folder.
    type: path
"""

    REPORT = r"""
options:
  report:
    description: File the report is written to. By default one in the user's state folder.
    type: path
"""
