#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_reach
short_description: Say how commands run on boot servers
description:
  - Gives the words that lead a command to each server named, from the variables and settings
    Ansible itself would connect by. C(ssh), C(local), C(podman) and C(docker) connections have such
    words, with C(sudo) for C(become). No server is touched.
  - What is returned is what O(reach) of M(picluster_boot) takes.
author: The picluster authors
version_added: "0.1.0"
options:
  servers:
    description: Names of hosts of the inventory.
    type: list
    elements: str
    required: true
  given:
    description:
      - Words by server that are taken as they are, a list or one text, such as
        C(ssh root@10.0.0.5).
    type: dict
    default: {}
attributes:
  check_mode:
    description: It changes nothing in any mode.
    support: full
"""

EXAMPLES = r"""
- name: Find the way to the boot servers
  picluster_reach:
    servers: "{{ groups['boot_servers'] }}"
  register: way
  run_once: true
"""

RETURN = r"""
reach:
  description: Words before a command, by server.
  type: dict
  returned: success
"""
