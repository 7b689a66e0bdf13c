#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build an image of the nodes' root file system and boot files as one version."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_build
short_description: Build an image for network-booted boards as an immutable version
description:
  - Installs a distribution for arm64 into an empty directory, makes a node of it, makes its
    initramfs and boot files, refuses secrets, lists every file with its checksum and puts the
    whole in place under a name that follows from all inputs.
  - A version that is there is not built again, and no archive is asked then, unless
    O(state=latest).
  - A build runs in process and mount namespaces of its own. Killed at any moment, it leaves
    neither a process nor a mount, and no half version; the next build clears its directory. Two
    builds at once take turns.
  - The action plugin of the same name packs O(trees), follows the build and shows how far it is.
options:
  images:
    description: Directory of the versions. The nodes find their root in it on the server.
    type: path
    required: true
  provider:
    description: What builds the root.
    type: str
    required: true
  release:
    description: Release of the distribution, as its archive calls it.
    type: str
    required: true
  packages:
    description: Packages to install, with those they depend on.
    type: list
    elements: str
    default: []
  provider_options:
    description: Options of the provider.
    type: dict
    default: {}
  exclude:
    description: Patterns of paths below the root that are left out; V(*) matches V(/) too.
    type: list
    elements: str
    default: []
  proxy:
    description: Proxy for the archives.
    type: str
    default: ""
  cache:
    description: Directory for downloads, kept between builds.
    type: path
    default: /var/cache/picluster/image
  edition:
    description: Any text; another one makes another version of the same wishes.
    type: str
    default: ""
  state:
    description:
      - V(present) builds a version when there is none of these inputs.
      - V(latest) asks the archive, and builds one when it published anything since.
    type: str
    choices: [present, latest]
    default: present
  root:
    description: A plain tree, or one squashfs file.
    type: str
    choices: [tree, squashfs]
    default: tree
  squashfs_compression:
    description: Compression of the squashfs; V(auto) is V(zstd) where the kernel has it.
    type: str
    choices: [auto, zstd, xz]
    default: auto
  initramfs_compression:
    description: Compression of the initramfs.
    type: str
    choices: [xz, zstd, gzip]
    default: xz
  trees:
    description:
      - Directories on the control node whose files are put over the root, V(src) below V(dest).
        Files become root's, with mode 0755 when they are executable and 0644 when not.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: Directory on the control node.
        type: path
        required: true
      dest:
        description: Directory in the image.
        type: path
        required: true
  files:
    description: Text files for the image.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path in the image.
        type: str
        required: true
      content:
        description: The text.
        type: str
        required: true
      mode:
        description: Mode as octal digits.
        type: str
        default: "0644"
  authorized_keys:
    description: Public keys that open the account of root; there are no passwords.
    type: list
    elements: str
    default: []
  units_enabled:
    description: Units of systemd to enable, those among them that are in the image.
    type: list
    elements: str
    default: []
  units_masked:
    description: Units of systemd to mask, whether they are in the image or not.
    type: list
    elements: str
    default: []
  setuid:
    description: Patterns of the paths that may be setuid or setgid; any other refuses the image.
    type: list
    elements: str
    default: []
  boot:
    description: Boot files beside kernel and initramfs.
    type: dict
    required: true
    suboptions:
      firmware:
        description: Files of Debian packages, by package, source in it and path below boot/.
        type: list
        elements: dict
        required: true
        suboptions:
          package:
            description: Package name.
            type: str
            required: true
          source:
            description: Path in the package.
            type: str
            required: true
          path:
            description: Name of the boot file.
            type: str
            required: true
      device_trees:
        description: Names of the kernel's device trees.
        type: list
        elements: str
        required: true
      config:
        description: Text of config.txt.
        type: str
        required: true
      cmdline:
        description: Kernel command line, without what names the image.
        type: str
        required: true
      sources:
        description: Sources of the firmware in the deb822 format; the machine's own when empty.
        type: str
        default: ""
  space:
    description: Bytes that must be free in O(images).
    type: int
    default: 1610612736
  phase:
    description: V(look) tells the version and whether it is there; set by the action plugin.
    type: str
    choices: [look, build]
    default: build
  archive:
    description: Archive of O(trees) on the builder; set by the action plugin.
    type: path
  trees_sha256:
    description: Digest of O(trees); set by the action plugin.
    type: str
    default: ""
  recipe:
    description: Digest of the code that builds; set by the action plugin.
    type: str
    default: ""
  progress:
    description: File for progress; set by the action plugin.
    type: path
author: The picluster authors
notes:
  - Needs a builder of the Debian family, of any architecture, and root.
attributes:
  check_mode:
    description: Tells the version and whether it would be built.
    support: full
  diff_mode:
    description: A version is new as a whole.
    support: none
"""

EXAMPLES = r"""
- name: Build the image
  image_build:
    images: /srv/picluster/export/images
    provider: debian
    release: bookworm
    packages: [systemd-sysv, openssh-server, python3, dracut-core]
    provider_options: {kernel: linux-image-arm64, kernel_dependency: "linux-image-[0-9]*"}
    trees:
      - {src: files/guest, dest: /}
    boot:
      firmware:
        - {package: raspi-firmware, source: usr/lib/raspi-firmware/bootcode.bin, path: bootcode.bin}
      device_trees: [bcm2837-rpi-3-b-plus.dtb]
      config: "arm_64bit=1\n"
      cmdline: console=tty1 panic=30
  register: image
"""

RETURN = r"""
version:
  description: Name of the version.
  type: str
  returned: always
  sample: debian-bookworm-1a2b3c4d5e
exists:
  description: Whether the version was there before.
  type: bool
  returned: always
kernel:
  description: Release of the kernel.
  type: str
  returned: when the version is there
sizes:
  description: Bytes of the root, the boot files and the initramfs, and the number of files.
  type: dict
  returned: when the version is there
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.image_build.build import build, finished, look
from ansible.module_utils.image_build.order import read_order
from ansible.module_utils.image_build.progress import close
from ansible.module_utils.image_build.provider import BuildError
from ansible.module_utils.image_build.providers import provider_of

TREE = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
}
FILE = {
    "path": {"type": "str", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "str", "default": "0644"},
}
FIRMWARE = {name: {"type": "str", "required": True} for name in ("package", "source", "path")}
BOOT = {
    "firmware": {"type": "list", "elements": "dict", "required": True, "options": FIRMWARE},
    "device_trees": {"type": "list", "elements": "str", "required": True},
    "config": {"type": "str", "required": True},
    "cmdline": {"type": "str", "required": True},
    "sources": {"type": "str", "default": ""},
}
TEXTS = {"type": "list", "elements": "str", "default": []}
SPEC = {
    "images": {"type": "path", "required": True},
    "provider": {"type": "str", "required": True},
    "release": {"type": "str", "required": True},
    "packages": TEXTS,
    "provider_options": {"type": "dict", "default": {}},
    "exclude": TEXTS,
    "proxy": {"type": "str", "default": ""},
    "cache": {"type": "path", "default": "/var/cache/picluster/image"},
    "edition": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["present", "latest"], "default": "present"},
    "root": {"type": "str", "choices": ["tree", "squashfs"], "default": "tree"},
    "squashfs_compression": {"type": "str", "choices": ["auto", "zstd", "xz"], "default": "auto"},
    "initramfs_compression": {"type": "str", "choices": ["xz", "zstd", "gzip"], "default": "xz"},
    "trees": {"type": "list", "elements": "dict", "default": [], "options": TREE},
    "files": {"type": "list", "elements": "dict", "default": [], "options": FILE},
    # Public keys, whatever the name suggests to a search for secrets.
    "authorized_keys": {**TEXTS, "no_log": False},
    "units_enabled": TEXTS,
    "units_masked": TEXTS,
    "setuid": TEXTS,
    "boot": {"type": "dict", "required": True, "options": BOOT},
    "space": {"type": "int", "default": 1536 << 20},
    "phase": {"type": "str", "choices": ["look", "build"], "default": "build"},
    "archive": {"type": "path"},
    "trees_sha256": {"type": "str", "default": ""},
    "recipe": {"type": "str", "default": ""},
    "progress": {"type": "path"},
}


def result(name: str, manifest: dict[str, Any], *, exists: bool, changed: bool) -> dict[str, Any]:
    """Give what the module returns."""
    shown: dict[str, Any] = {key: manifest[key] for key in manifest if key in ("kernel", "sizes")}
    return {"version": name, "exists": exists, "changed": changed, **shown}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    options = module.params
    said = Path(options["progress"]) if options["progress"] else None
    try:
        order = read_order(options)
        provider = provider_of(order.provider)
        if module.check_mode or options["phase"] == "look":
            wanted = look(order, provider)
            there = finished(order, wanted)
            answer = result(wanted.name, there, exists=bool(there), changed=not there)
        else:
            if not options["archive"]:
                raise BuildError("archive is not given; the action plugin image_build makes it")
            made = build(order, provider, Path(options["archive"]), said)
            now = made["built_now"]
            answer = result(made["version"], made, exists=not now, changed=now)
    except (BuildError, OSError) as error:
        module.fail_json(msg=str(error))
    finally:
        close(said)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
