#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: java_jar
short_description: Build a jar on the control node
description:
  - Compiles the C(.java) files of a folder and packs them, on the control node; the host of the
    task is never touched. The jar is removed when the run of Ansible ends.
  - The same source and JDK give the same bytes.
author: The picluster authors
version_added: "0.1.0"
options:
  source:
    description: The folder, on the control node.
    type: path
    required: true
  main_class:
    description: The class that is started.
    type: str
    required: true
  release:
    description: Oldest version of Java that runs it.
    type: int
    default: 11
notes:
  - Needs a JDK of version 17 or later on the control node.
attributes:
  check_mode:
    description: Builds in check mode, too; nothing but a temporary file is written.
    support: full
  diff_mode:
    description: Nothing is shown.
    support: none
"""

EXAMPLES = r"""
- name: Build the jar
  java_jar:
    source: "{{ role_path }}/files/primes"
    main_class: Primes
  register: built
"""

RETURN = r"""
jar:
  description: Path of the jar on the control node.
  type: str
  returned: success
sha256:
  description: Its checksum.
  type: str
  returned: success
"""
