#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_power
short_description: Switch, cycle and read power outlets
description:
  - Plans on the control node what has to be switched for the things named, in which order and with
    what consequences, with the same code as C(picluster power), and switches it. The host of the
    task is never touched; use C(run_once).
  - What is needed first goes on first, what depends on it goes off before; nothing is switched on
    that would overload a circuit or exceed C(max_banks_on).
  - Every outlet is verified. A PDU that does not answer fails its own outlets and those that need
    them, and the task.
  - Passwords come from the environment of ansible, as described in docs/power.md.
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment: [cluster]
options:
  state:
    description:
      - V(on) and V(off) do nothing to what is so already; V(cycled) always acts; V(read) only
        reads. Quote V(on) and V(off), though the booleans YAML takes them for will do.
    type: str
    required: true
    choices: ["on", "off", cycled, read]
  targets:
    description:
      - Names of nodes, groups (V(bank_11), V(rack_1), V(all)), switches or servers that have an
        outlet, or V(PDU:OUTLET).
    type: list
    elements: str
    required: true
  collateral:
    description:
      - Boards and switches nobody named may lose power, as the rest of a bank does when one board
        of it is cycled. Without it such a task is refused.
    type: bool
    default: false
  cut_servers:
    description: Servers nobody named may lose power.
    type: bool
    default: false
attributes:
  check_mode:
    description: Reads the outlets and says what would be switched.
    support: full
  diff_mode:
    description: In check mode, shows the state of each outlet before and after.
    support: full
"""

EXAMPLES = r"""
- name: Cycle a bank
  picluster_power:
    description: "{{ picluster_description }}"
    state: cycled
    targets: [bank_11]
  run_once: true

- name: Switch off the boards of the play
  picluster_power:
    description: "{{ picluster_description }}"
    state: "off"
    targets: "{{ ansible_play_hosts_all }}"
  run_once: true
"""

RETURN = r"""
lines:
  description: The plan for people, a line for each step and for what follows from it.
  type: list
  elements: str
  returned: unless O(state=read)
plan:
  description: C(action), C(targets), C(steps), C(collateral), C(notes) and C(idle).
  type: dict
  returned: unless O(state=read)
results:
  description: How each step went; empty in check mode.
  type: list
  elements: dict
  returned: unless O(state=read)
unread:
  description: Why outlets could not be read before; they count as unknown.
  type: list
  elements: str
  returned: unless O(state=read)
outlets:
  description: C(outlet), C(state), C(feeds), C(boards) and C(problem) of each.
  type: list
  elements: dict
  returned: O(state=read)
"""
