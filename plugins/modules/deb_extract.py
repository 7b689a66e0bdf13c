#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extract chosen files of Debian packages, of any architecture, into a directory."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deb_extract
short_description: Put chosen files of Debian packages into a directory, without installing them
description:
  - Fetches packages of one architecture from the machine's own Debian sources and extracts the
    files asked for, with text files beside them, into a directory that is replaced as a whole.
  - Works on a private copy of the sources with its own package lists. The machine's sources,
    lists, dpkg architectures and installed packages stay as they are. Signatures and checksums
    are verified by apt, with the keys the machine's sources name.
  - O(dest) becomes a symlink to a tree in the directory of the same name with V(.d) appended, and
    is switched when the new tree is finished. Every tree holds a file V(manifest.json) with the
    package versions and the checksums of its files.
options:
  dest:
    description: Where the files are found; a symlink this module manages.
    type: path
    required: true
  packages:
    description: The packages and the files wanted of each.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Package name.
        type: str
        required: true
      dependency:
        description: Take the files from the dependency of the package that matches this pattern,
          such as V(linux-image-[0-9]*) for the kernel a metapackage stands for.
        type: str
      files:
        description: The files to extract.
        type: list
        elements: dict
        required: true
        suboptions:
          source:
            description: Path in the package; every part may be a pattern. Exactly one file must
              match.
            type: str
            required: true
          path:
            description: Path below O(dest).
            type: str
            required: true
          gzip:
            description: Compress the file with gzip.
            type: bool
            default: false
  contents:
    description: Text files put beside the extracted ones.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path below O(dest).
        type: str
        required: true
      content:
        description: The text.
        type: str
        required: true
  architecture:
    description: Debian architecture of the packages.
    type: str
    default: arm64
  components:
    description: Archive components added to those of the machine's sources.
    type: list
    elements: str
    default: []
  sources:
    description: Sources in the deb822 format of V(sources.list(5)) to use in place of a copy of
      the machine's own.
    type: str
  state:
    description:
      - V(present) leaves an intact tree that was made with the same options as it is, and asks no
        archive.
      - V(latest) asks the archive whether the packages have newer versions.
    type: str
    choices: [present, latest]
    default: present
  keep:
    description: How many trees stay, the served one among them.
    type: int
    default: 2
  state_dir:
    description: Directory for the private sources and package lists.
    type: path
    default: /var/cache/picluster/apt
author: The picluster authors
notes:
  - Needs C(apt-get), C(apt-cache) and C(dpkg-deb), so a machine of the Debian family.
  - In check mode no archive is asked; a tree that would be made is reported without the versions.
attributes:
  check_mode:
    description: Reports whether a tree would be made.
    support: full
  diff_mode:
    description: Shows the packages, files and texts of the old and the new tree.
    support: full
"""

EXAMPLES = r"""
- name: Put the boot files of a Raspberry Pi 3B+ into the TFTP root
  deb_extract:
    dest: /srv/tftp/boot
    components: [non-free-firmware]
    packages:
      - name: raspi-firmware
        files:
          - {source: usr/lib/raspi-firmware/bootcode.bin, path: bootcode.bin}
      - name: linux-image-arm64
        dependency: linux-image-[0-9]*
        files:
          - {source: boot/vmlinuz-*, path: kernel8.img, gzip: true}
    contents:
      - {path: config.txt, content: "arm_64bit=1\n"}
"""

RETURN = r"""
packages:
  description: Versions of the packages in the served tree, by package name.
  type: dict
  returned: always
  sample: {raspi-firmware: "1:1.20220830+ds-1"}
files:
  description: SHA-256 of the files of the served tree, by path.
  type: dict
  returned: always
"""

import fcntl
import hashlib
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.deb_archive import ArchiveError, PrivateApt
from ansible.module_utils.deb_files import below, extract
from ansible.module_utils.deb_sources import debian_sources
from ansible.module_utils.release_tree import ReleaseTree

FILE_SPEC = {
    "source": {"type": "str", "required": True},
    "path": {"type": "str", "required": True},
    "gzip": {"type": "bool", "default": False},
}
PACKAGE_SPEC = {
    "name": {"type": "str", "required": True},
    "dependency": {"type": "str"},
    "files": {"type": "list", "elements": "dict", "required": True, "options": FILE_SPEC},
}
CONTENT_SPEC = {
    "path": {"type": "str", "required": True},
    "content": {"type": "str", "required": True},
}
SPEC = {
    "dest": {"type": "path", "required": True},
    "packages": {"type": "list", "elements": "dict", "required": True, "options": PACKAGE_SPEC},
    "contents": {"type": "list", "elements": "dict", "default": [], "options": CONTENT_SPEC},
    "architecture": {"type": "str", "default": "arm64"},
    "components": {"type": "list", "elements": "str", "default": []},
    "sources": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "latest"], "default": "present"},
    "keep": {"type": "int", "default": 2},
    "state_dir": {"type": "path", "default": "/var/cache/picluster/apt"},
}
# Options that change what the tree holds; the others change how it is made.
CONTENT_OPTIONS = ("packages", "contents", "architecture", "components", "sources")


def private_apt(options: dict[str, Any]) -> Any:
    """Make the private apt of these options and bring its lists up to date."""
    sources = options["sources"] or debian_sources(
        Path("/etc/apt"), options["architecture"], options["components"]
    )
    if not sources:
        raise ArchiveError("no apt source of this machine is Debian's; give them as sources")
    apt = PrivateApt(Path(options["state_dir"]), sources, options["architecture"])
    apt.update()
    return apt


def build(options: dict[str, Any], tree: ReleaseTree, wanted: str) -> bool:
    """Make and serve the tree unless the served one holds the same; tells whether it did."""
    state_dir = Path(options["state_dir"])
    state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        apt = private_apt(options)
        chosen = [apt.resolve(item["name"], item["dependency"]) for item in options["packages"]]
        manifest = {"options": wanted, "packages": dict(chosen)}
        served = tree.manifest()
        if tree.is_intact() and all(served.get(key) == manifest[key] for key in manifest):
            return False
        building = tree.start()
        for position, (name, version) in enumerate(chosen):
            with tempfile.TemporaryDirectory(dir=state_dir) as place:
                package = apt.download(name, version, Path(place))
                extract(package, options["packages"][position]["files"], building)
        for item in options["contents"]:
            target = below(building, item["path"])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(item["content"], encoding="utf-8")
        tree.finish(building, fingerprint(manifest), manifest, options["keep"])
    return True


def fingerprint(data: object) -> str:
    """Give a short name for JSON-ready data: same data, same name."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]


def summary(packages: list[str], tree_files: list[str], texts: dict[str, str]) -> str:
    """Describe a tree for a diff."""
    lines = [*(f"package {name}" for name in sorted(packages))]
    lines += [f"file {path}" for path in sorted(tree_files)]
    for path, text in sorted(texts.items()):
        lines += [f"{path}: {line}" for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def served_summary(tree: ReleaseTree, options: dict[str, Any]) -> str:
    """Describe the served tree for a diff."""
    manifest = tree.manifest()
    texts = {}
    for item in options["contents"]:
        path = below(tree.dest, item["path"])
        if path.is_file():
            texts[item["path"]] = path.read_text(encoding="utf-8", errors="replace")
    return summary(list(manifest.get("packages", {})), list(manifest.get("files", {})), texts)


def wanted_summary(options: dict[str, Any], packages: list[str]) -> str:
    """Describe the tree the options ask for."""
    files = [file["path"] for item in options["packages"] for file in item["files"]]
    texts = {item["path"]: item["content"] for item in options["contents"]}
    return summary(packages, [*files, *texts], texts)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    options = module.params
    tree = ReleaseTree(Path(options["dest"]))
    if tree.dest.exists() and not tree.dest.is_symlink():
        module.fail_json(msg=f"{tree.dest} is no symlink of this module; move it away")
    wanted = fingerprint({key: options[key] for key in CONTENT_OPTIONS})
    before = served_summary(tree, options)
    as_wanted = tree.is_intact() and tree.manifest().get("options") == wanted
    changed = not as_wanted
    if not module.check_mode and (changed or options["state"] == "latest"):
        try:
            changed = build(options, tree, wanted)
        except (ArchiveError, OSError, tarfile.TarError) as error:
            module.fail_json(msg=str(error))
    manifest = tree.manifest()
    names = [item["dependency"] or item["name"] for item in options["packages"]]
    after = wanted_summary(options, names if module.check_mode else list(manifest["packages"]))
    module.exit_json(
        changed=changed,
        packages=manifest.get("packages", {}),
        files=manifest.get("files", {}),
        diff={"before": before, "after": after if changed else before},
    )


if __name__ == "__main__":
    main()
