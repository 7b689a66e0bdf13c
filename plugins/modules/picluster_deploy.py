#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_deploy
short_description: Roll a workload out, bank by bank
description:
  - Assigns a version of a workload to boards, with the same code as C(picluster deploy), and
    accounts for every board. The host of the task is never touched; use C(run_once).
  - A canary comes first, then the rest of its bank, then bank by bank. Boards are asked to look at
    what they are assigned, pull it from their boot server, and tell how it went.
  - A batch that loses more boards than O(budget) ends the roll-out; the report is returned all the
    same. Two at once are refused.
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment: [cluster, cluster.servers, cluster.report]
options:
  action:
    description: What is done; V(rollback) assigns the version before the present one.
    type: str
    choices: [deploy, undeploy, rollback]
    default: deploy
  workload:
    description: Name of the workload.
    type: str
    required: true
  version:
    description: Its version; the one that was delivered last when empty.
    type: str
  nodes:
    description: Names of the boards that are meant.
    type: list
    elements: str
    required: true
  budget:
    description: Boards a batch may lose, failed and unreachable together.
    type: int
    default: 3
  recheck:
    description: Ask boards, too, that said in this boot that the workload is well.
    type: bool
    default: false
  answer_s:
    description: Seconds without an answer that make a board unreachable.
    type: float
    default: 20
  board_mib:
    description: Memory of a board, MiB.
    type: int
    default: 1024
  system_mib:
    description: What the system needs of it, MiB.
    type: int
    default: 192
attributes:
  check_mode:
    description: Refuses what would be refused, and says which boards would change.
    support: full
  diff_mode:
    description: In check mode, shows the batches.
    support: full
"""

EXAMPLES = r"""
- name: Roll the workload out to the nodes of the play
  picluster_deploy:
    description: "{{ picluster_description }}"
    workload: example
    nodes: "{{ ansible_play_hosts_all }}"
  run_once: true
"""

RETURN = r"""
lines:
  description: The tables for people.
  type: list
  elements: str
  returned: unless refused
report:
  description: The report, as in the file; C(picluster deploy --json) prints the same.
  type: dict
  returned: when it ran
report_file:
  description: The file.
  type: str
  returned: when it ran
preview:
  description: C(workload), C(version) and C(batches).
  type: dict
  returned: check mode
"""
