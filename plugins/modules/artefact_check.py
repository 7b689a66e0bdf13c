#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: artefact_check
short_description: Check files that were brought from elsewhere
description:
  - Holds files of the control node against their checksums, and programs against the architecture
    they have to run on. Everything that is wrong is told at once. The host of the task is never
    touched.
author: The picluster authors
version_added: "0.1.0"
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      what:
        description: What it is, for messages.
        type: str
        required: true
      path:
        description: Where it is.
        type: path
        required: true
      sha256:
        description: Its SHA-256, 64 hex digits.
        type: str
        required: true
      machine:
        description: Architecture of the program it is, by Debian's name such as V(arm64).
        type: str
  most_mib:
    description: Size they may have together, MiB.
    type: int
attributes:
  check_mode:
    description: Checks in check mode, too.
    support: full
  diff_mode:
    description: Nothing is shown.
    support: none
"""

EXAMPLES = r"""
- name: Refuse a damaged program
  artefact_check:
    files:
      - what: k3s
        path: ~/k3s/k3s-arm64
        sha256: 3f786850e387550fdab836ed7e6dc881de23001b1f54b9cd1c1d9b7c1f8f4f5a
        machine: arm64
"""

RETURN = r"""
bytes:
  description: Size of all files.
  type: int
  returned: success
"""
