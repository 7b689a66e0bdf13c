#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: mpi_program
short_description: Build an MPI program on the control node
description:
  - Compiles a C file and links it with MPI, on the control node; the host of the task is never
    touched. The program is removed when the run of Ansible ends.
  - The same source and compiler give the same bytes.
author: The picluster authors
version_added: "0.1.0"
options:
  source:
    description: The C file, on the control node; its name without C(.c) is the program's.
    type: path
    required: true
  compiler:
    description: The compiler and its options, quoted as for a shell.
    type: str
    default: mpicc -O2
notes:
  - Needs the compiler on the control node, and the library C(libmpi) for the boards' processor.
attributes:
  check_mode:
    description: Builds in check mode, too; nothing but a temporary file is written.
    support: full
  diff_mode:
    description: Nothing is shown.
    support: none
"""

EXAMPLES = r"""
- name: Build the program
  mpi_program:
    source: "{{ role_path }}/files/primes/primes.c"
    compiler: mpicc -O2
  register: built
"""

RETURN = r"""
name:
  description: Name of the program.
  type: str
  returned: success
program:
  description: Path of the program on the control node.
  type: str
  returned: success
sha256:
  description: Its checksum.
  type: str
  returned: success
"""
