#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which image versions a boot server has, and who uses them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Tell which image versions a boot server has, and who uses them
description:
  - Lists the versions in C(<export_root>/images), the newest first, with their manifests, whether
    their boot files are published, and what is wrong with them. Boot files are read and compared
    every time, roots with O(verify=true).
  - Tells where the pointers lead, which nodes are to boot what by the plan, which ones said they
    run it, and which connected clients have not said so.
extends_documentation_fragment:
  - image_store
  - image_store.tftp
  - image_store.nodes
  - image_store.clients
options:
  verify:
    description: Read the roots too and compare every entry with its checksum.
    type: bool
    default: false
  version:
    description: Look at this version alone; one that is not there gives an empty list.
    type: str
author: The picluster authors
notes:
  - A plan that cannot be read, on a machine that has none yet, is told in C(plan_error).
attributes:
  check_mode:
    description: Nothing is changed, so a check does the same.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: See what is there
  image_info:
    export_root: /srv/picluster/export
    tftp_root: /srv/picluster/tftp
  register: images
"""

RETURN = r"""
versions:
  description:
    - Each version with its C(name), C(manifest), C(published) and C(damage), the newest first.
      C(damage) is empty when nothing is wrong.
  type: list
  elements: dict
  returned: success
pointers:
  description: Version by pointer; empty for the bare boot files.
  type: dict
  returned: success
plan:
  description: Names of the nodes by the image they are to boot, a version or a pointer.
  type: dict
  returned: success
live:
  description: Names of the nodes by the version they said they run.
  type: dict
  returned: success
unknown:
  description: Connected clients whose version is not known, names or addresses.
  type: list
  elements: str
  returned: success
plan_error:
  description: Why the plan or the clients could not be told; empty when they could.
  type: str
  returned: success
switching:
  description: What a switch that was killed wanted of the pointers; empty when there is none.
  type: dict
  returned: success
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_store import ImageStore, StoreError
from ansible.module_utils.image_switch import begun
from ansible.module_utils.image_use import planned, use


def versions(store: ImageStore, only: str | None, *, everything: bool) -> list[dict[str, Any]]:
    """Describe the versions as plain data."""
    return [
        {
            "name": version.name,
            "manifest": version.manifest,
            "published": version.published,
            "damage": version.damage,
        }
        for version in store.versions(only=only or "", everything=everything)
    ]


def used(store: ImageStore, options: dict[str, Any]) -> dict[str, Any]:
    """Tell who uses what."""
    nodes = Path(options["nodes"])
    plan: dict[str, list[str]] = {}
    try:
        for node in planned(nodes):
            plan.setdefault(node.image, []).append(node.name)
        found = use(store, nodes, Path(options["state_dir"]))
    except StoreError as error:
        return {"plan": plan, "live": {}, "unknown": [], "plan_error": str(error)}
    return {"plan": plan, "live": found.live, "unknown": found.unknown, "plan_error": ""}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "export_root": {"type": "path", "required": True},
            "tftp_root": {"type": "path", "required": True},
            "nodes": {"type": "path", "default": "/etc/picluster/nodes.csv"},
            "state_dir": {"type": "path", "default": "/run/picluster/nodes"},
            "verify": {"type": "bool", "default": False},
            "version": {"type": "str"},
        },
        supports_check_mode=True,
    )
    options = module.params
    store = ImageStore(Path(options["export_root"]), Path(options["tftp_root"]))
    try:
        pointers = store.pointers()
        left = begun(store)
        found = versions(store, options["version"], everything=options["verify"])
    except (StoreError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=False,
        versions=found,
        pointers={name: version for name, version in pointers.items() if version is not None},
        switching=dict(left.wanted) if left else {},
        **used(store, options),
    )


if __name__ == "__main__":
    main()
