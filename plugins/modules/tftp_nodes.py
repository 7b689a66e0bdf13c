#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give every node of the plan its image on the TFTP server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tftp_nodes
short_description: Give every node of the plan its image on the TFTP server
description:
  - The TFTP server looks for every file in the directory C(<tftp_root>/nodes/<address>) of the
    board that asks. This makes each of them a symlink to C(../images/<image>) as the plan says,
    all in one go, and removes those of nodes that are no longer planned.
  - A link changes by one rename, so a board finds the old image or the new one.
  - An image that this server does not have is refused before any link changes.
extends_documentation_fragment: [image_store.nodes, image_store.tftp]
author: The picluster authors
attributes:
  check_mode:
    description: Says what would change, by the list of nodes that is on the machine.
    support: full
  diff_mode:
    description: Shows the nodes whose image changes.
    support: full
"""

EXAMPLES = r"""
- name: Give every node its image
  tftp_nodes:
    tftp_root: /srv/picluster/tftp
"""

RETURN = r"""
nodes:
  description: Number of nodes that have an image.
  type: int
  returned: success
"""

from contextlib import nullcontext
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_store import POINTERS, ImageStore, StoreError
from ansible.module_utils.image_use import planned
from ansible.module_utils.node_links import apply, differing, found, links_of, refuse_absent


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "path", "default": "/etc/picluster/nodes.csv"},
            "tftp_root": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    root = Path(options["tftp_root"])
    source = Path(options["nodes"])
    if module.check_mode and not source.exists():
        module.exit_json(changed=True, nodes=0, msg=f"{source} is not there yet")
    write = not module.check_mode
    try:
        # Nothing is pruned between the look and the links.
        with ImageStore(Path(), root).locked() if write else nullcontext():
            nodes = planned(source)
            # On a bare machine the pointers are made by a task that a check only looks at.
            refuse_absent(nodes, root / "images", passed=() if write else POINTERS)
            wanted = links_of(nodes)
            links = found(root / "nodes")
            changed = links != wanted
            if changed and write:
                apply(root / "nodes", links, wanted)
    except (StoreError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=changed,
        nodes=len(nodes),
        diff={"before": differing(links, wanted), "after": differing(wanted, links)},
    )


if __name__ == "__main__":
    main()
