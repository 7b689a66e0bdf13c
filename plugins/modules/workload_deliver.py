#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a version of a workload to a boot server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_deliver
short_description: Bring a version of a workload to a boot server
description:
  - Packs a workload's folder on the control node, and puts it on the boot server under
    C(<export_root>/workloads/artefacts/<name>/<version>), which nodes read by NFS. Every file is
    held against its checksum before the version gets its name by one rename.
  - A version that is there is not transferred again. One of the same name with another content is
    refused, as nodes may run it.
  - Nobody runs it before it is rolled out (M(picluster_deploy)).
options:
  name:
    description: Name of the workload; small letters, digits and C(_).
    type: str
    required: true
  version:
    description: Its version; letters, digits and C(._+-).
    type: str
    required: true
  source:
    description: Its folder on the control node, as docs/workloads.md describes it.
    type: path
  files:
    description: More files of its own, by the name they get; every node copies them.
    type: dict
  share:
    description: Files and folders of the control node that nodes use in place, by the name they
      get below C(share).
    type: dict
  conf:
    description: Lines of C(workload.conf) that count instead of the folder's, by name.
    type: dict
  settings:
    description: What its programs find in their environment, by name.
    type: dict
  secrets:
    description:
      - Files of the control node that no account but root may read, by the name they get below
        C(secret). Each must be its owner's alone there, mode 0600 or less.
      - They lie as 0600 in a folder 0700 on the boot server. Root of every node can read them, and
        they travel in clear over the boot network, as the nodes' root does.
      - What everybody may read in C(SHA256SUMS) is salted with 32 bytes that this control node
        keeps as C(~/.local/state/picluster/salt). Another control node has to be given that file
        to deliver the same version again.
    type: dict
  export_root:
    description: Directory the NFS server exports.
    type: path
    required: true
  digest:
    description: Set by the action plugin of this name. SHA-256 of C(SHA256SUMS).
    type: str
  src:
    description: Set by the action plugin of this name. The packed version on the boot server.
    type: path
author: The picluster authors
notes:
  - Needs GNU C(tar) on the boot server.
attributes:
  check_mode:
    description: Says whether it would be brought.
    support: full
  diff_mode:
    description: The content of a version is not shown.
    support: none
"""

EXAMPLES = r"""
- name: Deliver the workload
  workload_deliver:
    name: example
    version: "1"
    source: "{{ role_path }}/files/workload"
    settings: {GREETING: hello}
    secrets: {token: ~/.local/state/picluster/mini/secrets/example}
    export_root: "{{ picluster_export_root }}"
"""

RETURN = r"""
version:
  description: The version.
  type: str
  returned: success
digest:
  description: SHA-256 of its C(SHA256SUMS).
  type: str
  returned: success
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

_PART = ".delivering-"


class DeliveryError(Exception):
    """It cannot be delivered; the message says why."""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "export_root": {"type": "path", "required": True},
            "digest": {"type": "str", "required": True},
            "src": {"type": "path"},
        },
        supports_check_mode=True,
    )
    options = module.params
    root = Path(options["export_root"], "workloads")
    folder = root / "artefacts" / options["name"]
    try:
        lacking = not present(folder / options["version"], options["digest"])
        if lacking and options["src"]:
            receive(module, folder, options)
        here = not lacking or bool(options["src"])
        changed = note_latest(folder, options["version"], write=here and not module.check_mode)
    except (DeliveryError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=changed or lacking,
        lacking=lacking and not options["src"],
        version=options["version"],
        digest=options["digest"],
    )


def present(place: Path, digest: str) -> bool:
    """Whether the version is there.

    Raises:
        DeliveryError: another content has its name.
    """
    if not place.exists():
        return False
    sums = place / "SHA256SUMS"
    found = hashlib.sha256(sums.read_bytes()).hexdigest() if sums.is_file() else ""
    if found != digest:
        raise DeliveryError(
            f"{place} is there with another content, and nodes may run it; give what you deliver "
            "a new version"
        )
    return True


def receive(module: AnsibleModule, folder: Path, options: dict[str, str]) -> None:
    """Unpack, verify and put into place.

    Raises:
        DeliveryError: the archive is damaged.
    """
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for old in folder.glob(f"{_PART}*"):
        shutil.rmtree(old)
    part = Path(tempfile.mkdtemp(prefix=_PART, dir=folder))
    try:
        command = ["tar", "--extract", "--no-same-owner", "--preserve-permissions"]
        command += [f"--file={options['src']}", f"--directory={part}"]
        status, _, errors = module.run_command(command, environ_update={"LC_ALL": "C"})
        if status:
            raise DeliveryError(f"cannot unpack {options['src']}: {errors.strip()}")
        check(part, options["digest"])
        part.chmod(0o755)
        os.sync()  # the version is on the disk before its name is
        part.rename(folder / options["version"])
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check(place: Path, digest: str) -> None:
    """Hold a version against its checksums.

    Raises:
        DeliveryError: something differs.
    """
    sums = (place / "SHA256SUMS").read_bytes()
    if hashlib.sha256(sums).hexdigest() != digest:
        raise DeliveryError("SHA256SUMS is not the one that was packed")
    check_sums(place, sums)
    if (place / "secret").exists():  # its own list was held against the version's
        check_sums(place / "secret", (place / "secret" / "SHA256SUMS").read_bytes())


def check_sums(place: Path, sums: bytes) -> None:
    """Hold the files of a folder against a list.

    Raises:
        DeliveryError: something differs.
    """
    for line in sums.decode().splitlines():
        wanted, _, name = line.partition("  ")
        path = place / name
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        if hashlib.sha256(content).hexdigest() != wanted:
            raise DeliveryError(f"{name} has another checksum")


def note_latest(folder: Path, version: str, *, write: bool) -> bool:
    """Note which version was delivered last; gives whether it was another."""
    path = folder / "latest"
    if path.exists() and path.read_text() == f"{version}\n":
        return False
    if write:
        fresh = folder / ".latest.new"
        fresh.write_text(f"{version}\n")
        fresh.chmod(0o644)
        fresh.replace(path)
    return True


if __name__ == "__main__":
    main()
