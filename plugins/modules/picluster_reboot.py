#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_reboot
short_description: Reboot boards into their image, bank by bank, step by step
description:
  - The parts of a rolling reboot that are not done on the boards themselves, on the control node.
    The role C(reboot) puts them into order; see C(playbooks/reboot.yml). Use C(run_once).
  - V(plan) takes the cluster for the whole playbook. It is refused while a campaign, a roll-out or
    another reboot runs; the death of the playbook lets the cluster go.
  - Between V(begin) and V(finish), the boards in C(ask) are to be drained and asked to reboot;
    after V(finish), those in C(resumes) are to be resumed.
  - What is drained is on the disk before it is, so that a run after a killed one resumes it.
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment: [cluster, cluster.servers, cluster.report]
options:
  step:
    description:
      - V(plan) says who reboots into what, and takes the cluster; V(begin) looks at the boards of
        a batch; V(undrained) says that a drain failed; V(finish) waits for the boards, has the
        power of those that do not come back cycled by a campaign, and accounts for each;
        V(resumed) and V(unresumed) say how resuming went; V(report) makes the report and lets the
        cluster go.
    type: str
    choices: [plan, begin, undrained, finish, resumed, unresumed, report]
    required: true
  nodes:
    description: Boards that are meant, with V(plan); those of the batch, with V(begin).
    type: list
    elements: str
  hooks:
    description: Workloads whose hooks drain and resume boards, a list or one text with commas.
    type: raw
    default: []
  drain_failed:
    description: What a drain that fails means.
    type: str
    choices: [stop, go_on]
    default: stop
  budget:
    description: Boards a batch may lose, failed and unreachable together.
    type: int
    default: 3
  force:
    description: Reboot boards, too, that run the image they would boot.
    type: bool
    default: false
  back_s:
    description: Seconds boards may take to come back.
    type: float
    default: 300
  cycle:
    description: Let a campaign cycle the power of boards that do not come back.
    type: bool
    default: true
  campaign:
    description: Settings of that campaign by name, as docs/campaign.md lists them.
    type: dict
    default: {}
  unreached:
    description: Boards that could not be asked to reboot, with the reason.
    type: dict
    default: {}
  resumes:
    description: What has been resumed, as V(finish) gave it.
    type: list
    elements: dict
    default: []
  why:
    description: Why a hook failed.
    type: str
attributes:
  check_mode:
    description: V(plan) says what would be done, and takes nothing.
    support: full
  diff_mode:
    description: In check mode, shows the batches.
    support: full
"""

EXAMPLES = r"""
- name: Plan the reboot
  picluster_reboot:
    step: plan
    description: "{{ picluster_description }}"
    nodes: "{{ ansible_play_hosts_all }}"
    hooks: [slurm]
  register: plan
  run_once: true
"""

RETURN = r"""
lines:
  description: The plan or the report for people.
  type: list
  elements: str
  returned: O(step=plan), O(step=report)
preview:
  description: C(hooks) and C(batches).
  type: dict
  returned: O(step=plan)
batches:
  description: Names of the boards of each batch, in order; none in check mode.
  type: list
  elements: list
  returned: O(step=plan)
go:
  description: Something is to be done for the batch.
  type: bool
  returned: O(step=begin)
ask:
  description: Boards to drain and to ask to reboot.
  type: list
  elements: str
  returned: O(step=begin)
hooks:
  description: What drains them, in order.
  type: list
  elements: str
  returned: O(step=begin)
resumes:
  description: C(hook) and C(nodes) of everything that is to be resumed.
  type: list
  elements: dict
  returned: O(step=finish)
report:
  description: How it went, as in the file.
  type: dict
  returned: O(step=report)
report_file:
  description: The file.
  type: str
  returned: O(step=report)
"""
