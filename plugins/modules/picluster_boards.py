#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_boards
short_description: Say which boards are ready
description:
  - Asks the boot servers what the boards said last, as C(picluster status) does, on the control
    node. No board is logged in to. Use C(run_once).
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment: [cluster, cluster.servers]
options:
  nodes:
    description: Names of the boards that are meant.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    description: Nothing is changed anyway.
    support: full
"""

EXAMPLES = r"""
- name: Find the boards that are ready
  picluster_boards:
    description: "{{ picluster_description }}"
    nodes: "{{ ansible_play_hosts_all }}"
  register: boards
  run_once: true
"""

RETURN = r"""
ready:
  description: Boards that are ready.
  type: list
  elements: str
  returned: success
absent:
  description: The others, by name, with the reason.
  type: dict
  returned: success
"""
