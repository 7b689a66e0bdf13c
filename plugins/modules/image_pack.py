#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pack an image version for another boot server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_pack
short_description: Pack an image version for another boot server
description:
  - Writes C(<export_root>/images/<version>) with owners, modes, links and extended attributes into
    one tar file, which is there whole or not at all. M(image_receive) unpacks it.
  - A file that is there is replaced; a run that failed may have left it, of other content.
extends_documentation_fragment: [image_store]
options:
  version:
    description: Name of the version.
    type: str
    required: true
  dest:
    description: The tar file; its directory is made if need be.
    type: path
    required: true
author: The picluster authors
notes:
  - Needs GNU C(tar).
attributes:
  check_mode:
    description: Says that it would be packed, if the version is whole.
    support: full
  diff_mode:
    description: The content of a version is not shown.
    support: none
"""

EXAMPLES = r"""
- name: Pack a version
  image_pack:
    version: debian-bookworm-0123456789
    export_root: /srv/picluster/export
    dest: /var/cache/picluster/debian-bookworm-0123456789.tar
"""

RETURN = r"""
dest:
  description: The tar file.
  type: str
  returned: success
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_store import ImageStore, StoreError
from ansible.module_utils.image_switch import sync


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "required": True},
            "export_root": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    store = ImageStore(Path(options["export_root"]), Path())
    dest = Path(options["dest"])
    try:
        store.check(options["version"])
        if not module.check_mode:
            pack(module, store, options["version"], dest)
    except (StoreError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, dest=str(dest))


def pack(module: AnsibleModule, store: ImageStore, version: str, dest: Path) -> None:
    """Write the file.

    Raises:
        StoreError: tar failed; nothing is left of the file.
        OSError: its directory cannot be written.
    """
    dest.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = dest.with_name(f".{dest.name}.new")
    command = ["tar", "--create", "--numeric-owner", "--xattrs", "--xattrs-include=*"]
    command += [f"--file={new}", f"--directory={store.images}", version]
    status, _, errors = module.run_command(command, environ_update={"LC_ALL": "C"})
    if status:
        new.unlink(missing_ok=True)
        raise StoreError(f"cannot pack image version {version}: {errors.strip()}")
    new.chmod(0o644)
    sync(new)
    os.replace(new, dest)  # noqa: PTH105 - the target may be there
    sync(dest.parent)


if __name__ == "__main__":
    main()
