#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switch what boards boot: promote an image version, or take that back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_pointer
short_description: Decide which image version boards boot
description:
  - C(<tftp_root>/images/) holds the pointers C(current), C(canary) and C(previous), symlinks to
    published versions. What a board boots is decided there and by its bank's image in the plan,
    and nowhere else. Running boards are not touched; each takes what it finds at its next boot.
  - Each pointer changes by one rename. What is wanted of all of them is written down before, so a
    run that is killed leaves each pointer old or new, and the next one ends what it began.
extends_documentation_fragment: [image_store, image_store.tftp]
options:
  operation:
    description:
      - V(initial) makes the pointers C(current) and C(canary) lead to the bare boot files where
        there are none yet.
      - V(promote) makes O(version) what O(target) boots.
      - V(rollback) swaps C(current) and C(previous), and C(canary) follows C(current).
    type: str
    required: true
    choices: [initial, promote, rollback]
  target:
    description:
      - V(canary) promotes for the canary bank alone.
      - V(all) promotes for every bank that names no version of its own; the version that was
        current becomes C(previous).
    type: str
    choices: [canary, all]
  version:
    description:
      - The version to promote.
      - With V(rollback) the version that must be C(current) afterwards; saying it twice then
        changes nothing the second time. Without it, two rollbacks go back and forth.
    type: str
author: The picluster authors
notes:
  - A version that is absent, damaged or not published is refused, and so is a rollback when there
    is no previous version.
attributes:
  check_mode:
    description: Says what would change, after the same checks.
    support: full
  diff_mode:
    description: Shows the pointers.
    support: full
"""

EXAMPLES = r"""
- name: Let the canary bank try a version
  image_pointer:
    operation: promote
    target: canary
    version: debian-bookworm-0123456789
    export_root: /srv/picluster/export
    tftp_root: /srv/picluster/tftp

- name: Go back to the version before
  image_pointer:
    operation: rollback
    export_root: /srv/picluster/export
    tftp_root: /srv/picluster/tftp
"""

RETURN = r"""
pointers:
  description: Version by pointer, as it is afterwards; empty for the bare boot files.
  type: dict
  returned: success
resumed:
  description: Whether a switch that had been killed was, or would be, ended first.
  type: bool
  returned: success
"""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_store import ImageStore, StoreError
from ansible.module_utils.image_switch import begun, carry_out


def shown(pointers: Mapping[str, Any]) -> str:
    """Show pointers for a diff."""
    rows = ((name, version) for name, version in pointers.items() if version is not None)
    return "".join(f"{name} -> {version or 'bare boot files'}\n" for name, version in rows)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "operation": {
                "type": "str",
                "required": True,
                "choices": ["initial", "promote", "rollback"],
            },
            "target": {"type": "str", "choices": ["canary", "all"]},
            "version": {"type": "str"},
            "export_root": {"type": "path", "required": True},
            "tftp_root": {"type": "path", "required": True},
        },
        required_if=[("operation", "promote", ("target", "version"))],
        supports_check_mode=True,
    )
    options = module.params
    store = ImageStore(Path(options["export_root"]), Path(options["tftp_root"]))
    write = not module.check_mode
    try:
        with store.locked() if write else nullcontext():
            before = store.pointers()
            left = begun(store) is not None
            after = carry_out(
                store,
                options["operation"],
                options["version"] or "",
                options["target"] or "",
                write=write,
            )
    except (StoreError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=left or before != after,
        pointers={name: version for name, version in after.items() if version is not None},
        resumed=left,
        diff={"before": shown(before), "after": shown(after)},
    )


if __name__ == "__main__":
    main()
