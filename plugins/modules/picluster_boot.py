#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_boot
short_description: Boot banks and account for every board
description:
  - Runs a boot campaign on the control node, with the same code as C(picluster boot). The host of
    the task is never touched; use C(run_once).
  - Services are tried before any power. Banks get power batch by batch; their boards are watched
    through the journals of the boot servers. What happens is shown while it happens.
  - A campaign that was interrupted or killed goes on when the task is run again with the same
    banks. Two at once are refused.
  - Fails when some bank has fewer boards than its quorum; the report is returned all the same.
  - Passwords of PDUs come from the environment of ansible, as described in docs/power.md.
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment: [cluster, cluster.servers, cluster.report]
options:
  nodes:
    description: Names of the nodes whose banks are booted; of a bank all or none.
    type: list
    elements: str
    required: true
  settings:
    description: Knobs by name, as docs/campaign.md lists them; what is left out has its default.
    type: dict
    default: {}
  policy:
    description: What is tried again.
    type: str
    choices: [priced, until-all-up, first-result]
    default: priced
  fresh:
    description: Give an unfinished campaign up instead of going on with it.
    type: bool
    default: false
attributes:
  check_mode:
    description: Reads outlets, tries services other than DHCP, and says what would be switched.
    support: full
  diff_mode:
    description: In check mode, shows the banks that would get power.
    support: full
"""

EXAMPLES = r"""
- name: Boot the banks of the play
  picluster_boot:
    description: "{{ picluster_description }}"
    nodes: "{{ ansible_play_hosts_all }}"
    settings: {quorum: 0.9, max_banks_on: 3}
  run_once: true
"""

RETURN = r"""
lines:
  description: The tables for people.
  type: list
  elements: str
  returned: unless refused
report:
  description: The report, as in the file; C(picluster boot --json) prints the same.
  type: dict
  returned: when the campaign ran
report_file:
  description: The file.
  type: str
  returned: when the campaign ran
preview:
  description: C(resumes), C(services), C(banks) and C(unread).
  type: dict
  returned: check mode
"""
