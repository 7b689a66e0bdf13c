#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack an image version that another machine built."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_receive
short_description: Unpack an image version that another machine built
description:
  - Unpacks what M(image_pack) wrote, holds it against its manifest and the checksum of every
    entry, and puts it to C(<export_root>/images/<version>) by one rename. No half version and no
    damaged one gets there.
  - A version that is there is left as it is.
extends_documentation_fragment: [image_store]
options:
  version:
    description: Name of the version.
    type: str
    required: true
  src:
    description: The tar file, on this machine.
    type: path
    required: true
author: The picluster authors
notes:
  - Needs GNU C(tar).
attributes:
  check_mode:
    description: Says whether it would be unpacked.
    support: full
  diff_mode:
    description: The content of a version is not shown.
    support: none
"""

EXAMPLES = r"""
- name: Receive a version
  image_receive:
    version: debian-bookworm-0123456789
    export_root: /srv/picluster/export
    src: /var/cache/picluster/debian-bookworm-0123456789.tar
"""

RETURN = r"""
version:
  description: Name of the version.
  type: str
  returned: success
"""

import os
import shutil
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_store import (
    RECEIVING,
    ImageStore,
    StoreError,
    check_version,
    make_passable,
)
from ansible.module_utils.image_switch import clear, sync


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "required": True},
            "export_root": {"type": "path", "required": True},
            "src": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    store = ImageStore(Path(options["export_root"]), Path())
    try:
        name = check_version(options["version"])
        changed = name not in store.names()
        if changed and not module.check_mode:
            receive(module, store, name, Path(options["src"]))
    except (StoreError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, version=name)


def receive(module: AnsibleModule, store: ImageStore, name: str, source: Path) -> None:
    """Unpack, check and put into place.

    Raises:
        StoreError: tar failed, or the version is not what its manifest says.
        OSError: it could not be written; nothing is left of it.
    """
    make_passable(store.images)
    clear(store.images, RECEIVING)
    place = Path(tempfile.mkdtemp(prefix=RECEIVING, dir=store.images))
    try:
        there = ImageStore(place, Path())
        there.images.mkdir()
        unpack(module, source, there.images)
        there.check(name, everything=True)
        os.sync()  # the version is on the disk before its name is
        (there.images / name).rename(store.images / name)
        sync(store.images)
    finally:
        shutil.rmtree(place)


def unpack(module: AnsibleModule, source: Path, into: Path) -> None:
    """Unpack a tar file as it was packed.

    Raises:
        StoreError: tar failed.
    """
    command = ["tar", "--extract", "--numeric-owner", "--same-owner", "--preserve-permissions"]
    command += ["--xattrs", "--xattrs-include=*", f"--file={source}", f"--directory={into}"]
    status, _, errors = module.run_command(command, environ_update={"LC_ALL": "C"})
    if status:
        raise StoreError(f"cannot unpack {source}: {errors.strip()}")


if __name__ == "__main__":
    main()
