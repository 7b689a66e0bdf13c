#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_shutdown
short_description: Shut banks down, step by step
description:
  - The parts of a shutdown that are not done on the boards themselves, on the control node. Between
    V(plan) and V(wait), the boards named in C(ask) are to be asked to halt. Use C(run_once).
  - Banks go off in the reverse order of what needs what, every outlet is verified, and the journal
    of campaigns keeps it, so that C(picluster status) knows.
  - Refused while a campaign runs. An unfinished one of these banks is given up.
  - Passwords of PDUs come from the environment of ansible, as described in docs/power.md.
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment: [cluster, cluster.servers, cluster.report]
options:
  step:
    description:
      - V(plan) says which boards run and what would be switched; V(wait) waits until the boards
        that were asked to halt answer no more; V(off) switches the banks off.
    type: str
    choices: [plan, wait, "off"]
    required: true
  nodes:
    description: Names of the nodes whose banks are shut down; of a bank all or none.
    type: list
    elements: str
    required: true
  asked:
    description: Boards that were asked to halt.
    type: list
    elements: str
    default: []
  unreachable:
    description: Boards that could not be asked, for the report.
    type: list
    elements: str
    default: []
  answering:
    description: Boards that still answered in the end, for the report.
    type: list
    elements: str
    default: []
  limit_s:
    description: How long V(wait) waits at most, seconds.
    type: float
    default: 90
attributes:
  check_mode:
    description: Nothing is waited for or switched.
    support: full
"""

EXAMPLES = r"""
- name: Plan the shutdown
  picluster_shutdown:
    step: plan
    description: "{{ picluster_description }}"
    nodes: "{{ ansible_play_hosts_all }}"
  register: plan
  run_once: true
"""

RETURN = r"""
ask:
  description: Boards that run.
  type: list
  elements: str
  returned: O(step=plan)
plan:
  description: C(banks), C(ask), C(power) and C(unread).
  type: dict
  returned: O(step=plan)
lines:
  description: The plan or the report for people.
  type: list
  elements: str
  returned: O(step=plan), O(step=off)
answering:
  description: Boards that still answer.
  type: list
  elements: str
  returned: O(step=wait)
problems:
  description: Boot servers that could not listen.
  type: list
  elements: str
  returned: O(step=wait)
report:
  description: How it went, as in the file.
  type: dict
  returned: O(step=off)
report_file:
  description: The file.
  type: str
  returned: O(step=off)
"""
