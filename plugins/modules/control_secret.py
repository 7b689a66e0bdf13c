#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: control_secret
short_description: Make a random secret on the control node once
description:
  - Makes a file of random bytes on the control node, mode 0600 in a folder that is made with mode
    0700. The host of the task is never touched.
  - A file that is there is never replaced, and refused when others may read or write it.
  - What is in it is never shown.
author: The picluster authors
version_added: "0.1.0"
options:
  path:
    description: The file.
    type: path
    required: true
  bytes:
    description: Random bytes it is made of, from 16 to 1024.
    type: int
    default: 32
  format:
    description: What the file holds; V(hex) has two digits for each byte and no end of line.
    type: str
    choices: [bytes, hex]
    default: hex
attributes:
  check_mode:
    description: Says whether it would be made.
    support: full
  diff_mode:
    description: Nothing is shown.
    support: none
"""

EXAMPLES = r"""
- name: Make the token
  control_secret:
    path: ~/.local/state/picluster/zurich/secrets/token
  register: token
"""

RETURN = r"""
path:
  description: The file, a C(~) at its beginning replaced.
  type: str
  returned: success
"""
