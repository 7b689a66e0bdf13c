#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put an image version's boot files where the TFTP server finds them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_publish
short_description: Give an image version's boot files to the TFTP server
description:
  - Holds the version C(<export_root>/images/<version>) against its manifest and the checksums of
    its root, then copies its boot files to C(<tftp_root>/images/<version>). A board finds all of
    them or none. No board boots the version by that; M(image_pointer) decides who does.
  - A version whose boot files are there and whole is left as it is, without reading its root again.
extends_documentation_fragment: [image_store, image_store.tftp]
options:
  version:
    description: Name of the version.
    type: str
    required: true
author: The picluster authors
attributes:
  check_mode:
    description: Says what would be copied, after the same checks.
    support: full
  diff_mode:
    description: Shows the boot files.
    support: full
"""

EXAMPLES = r"""
- name: Publish a version
  image_publish:
    version: debian-bookworm-0123456789
    export_root: /srv/picluster/export
    tftp_root: /srv/picluster/tftp
"""

RETURN = r"""
version:
  description: Name of the version.
  type: str
  returned: always
boot_bytes:
  description: Size of its boot files together.
  type: int
  returned: always
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_store import ImageStore, StoreError
from ansible.module_utils.image_switch import publish


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "required": True},
            "export_root": {"type": "path", "required": True},
            "tftp_root": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    store = ImageStore(Path(options["export_root"]), Path(options["tftp_root"]))
    name = options["version"]
    try:
        manifest = store.check(name)
        before = staged(store, name)
        changed = not store.is_published(name, manifest)
        if changed and module.check_mode:
            store.check(name, everything=True)
        elif changed:
            with store.locked():
                publish(store, name)
    except (StoreError, OSError) as error:
        module.fail_json(msg=str(error))
    after = "".join(f"{path} {size}\n" for path, (size, _) in sorted(manifest.boot.items()))
    module.exit_json(
        changed=changed,
        version=name,
        boot_bytes=sum(size for size, _ in manifest.boot.values()),
        diff={
            "before_header": str(store.staged / name),
            "after_header": str(store.staged / name),
            "before": before if changed else after,
            "after": after,
        },
    )


def staged(store: ImageStore, name: str) -> str:
    """List the boot files of a version that the TFTP server has, with their sizes."""
    folder = store.staged / name
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{path.relative_to(folder)} {path.stat().st_size}\n" for path in paths)


if __name__ == "__main__":
    main()
