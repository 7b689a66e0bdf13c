#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove image versions that nothing uses."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prune
short_description: Remove image versions that nothing uses
description:
  - Removes versions from a boot server, but for the newest ones and for those that a pointer, the
    plan or a board uses.
  - A board uses a version when the last message it sent says so, however old that is. A client
    that is connected to the NFS server and whose version is not known makes the module refuse.
  - A version is renamed before it is removed. A run that is killed leaves no half version; what
    it left is cleared by the next one.
extends_documentation_fragment:
  - image_store
  - image_store.tftp
  - image_store.nodes
  - image_store.clients
options:
  keep:
    description: How many of the newest versions stay in any case.
    type: int
    default: 3
  force:
    description: Go on though there are connected clients whose version is not known. What a
      pointer, the plan or a known board uses stays all the same.
    type: bool
    default: false
author: The picluster authors
notes:
  - Clients are the peers of established TCP connections to port 2049, as the kernel shows them.
attributes:
  check_mode:
    description: Says what would be removed.
    support: full
  diff_mode:
    description: Shows the versions before and after.
    support: full
"""

EXAMPLES = r"""
- name: Keep the two newest versions and what is in use
  image_prune:
    keep: 2
    export_root: /srv/picluster/export
    tftp_root: /srv/picluster/tftp
"""

RETURN = r"""
removed:
  description: Names of the versions that went, the newest first.
  type: list
  elements: str
  returned: success
kept:
  description: Why each of the others stays, by name.
  type: dict
  returned: success
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_prune import choose, refuse_unknown, remove
from ansible.module_utils.image_store import ImageStore, StoreError
from ansible.module_utils.image_use import use


def prune(
    store: ImageStore, options: dict[str, Any], *, write: bool
) -> tuple[list[str], dict[str, list[str]]]:
    """Remove what may go, or find out what that is.

    Returns:
        Names of the versions that go, and why each of the others stays.

    Raises:
        StoreError: it is refused.
        OSError: a version could not be removed.
    """
    found = use(store, Path(options["nodes"]), Path(options["state_dir"]))
    if not options["force"]:
        refuse_unknown(found)
    going, staying = choose(store, found, options["keep"])
    if write:
        remove(store, going)
    return going, staying


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "keep": {"type": "int", "default": 3},
            "force": {"type": "bool", "default": False},
            "export_root": {"type": "path", "required": True},
            "tftp_root": {"type": "path", "required": True},
            "nodes": {"type": "path", "default": "/etc/picluster/nodes.csv"},
            "state_dir": {"type": "path", "default": "/run/picluster/nodes"},
        },
        supports_check_mode=True,
    )
    options = module.params
    if options["keep"] < 0:
        module.fail_json(msg=f"keep is {options['keep']}; take 0 or more")
    store = ImageStore(Path(options["export_root"]), Path(options["tftp_root"]))
    write = not module.check_mode
    try:
        with store.locked() if write else nullcontext():
            going, staying = prune(store, options, write=write)
    except (StoreError, OSError) as error:
        module.fail_json(msg=str(error))
    before = sorted([*going, *staying])
    module.exit_json(
        changed=bool(going),
        removed=going,
        kept=staying,
        diff={
            "before": "".join(f"{name}\n" for name in before),
            "after": "".join(f"{name}\n" for name in sorted(staying)),
        },
    )


if __name__ == "__main__":
    main()
