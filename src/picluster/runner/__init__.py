"""Playbooks of the project from Python, by ansible-runner; Ansible itself is never imported."""

from __future__ import annotations

from picluster.runner.project import default_inventory, find_project
from picluster.runner.run import Result, Run, run_playbook

__all__ = ["Result", "Run", "default_inventory", "find_project", "run_playbook"]
