#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whether a systemd unit runs with its files as they are now."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_outdated
short_description: Tell whether a systemd unit runs with older files than those on the machine
description:
  - Compares when a unit was started with when its files last changed. A run of Ansible that was
    killed between a change and its handler leaves no other trace, so the next run asks for this.
  - A unit that does not run is outdated as well when one of its files is there. What starts it
    then should reload systemd first, as a handler that restarts it does.
  - A change is one of content, owner, mode or name (V(ctime)), of the file or of a symlink to it.
    A file that is not there is passed over.
options:
  unit:
    description: Name of the unit with its suffix. A V(oneshot) service needs C(RemainAfterExit).
    type: str
    required: true
  paths:
    description: The files it reads when it starts, its own unit file among them.
    type: list
    elements: path
    required: true
  reload:
    description: Whether a successful C(systemctl reload) loads O(paths) too, as a start does.
    type: bool
    default: false
author: The picluster authors
notes:
  - Start means the moment systemd began to start the unit, before the daemon reads anything. A
    file changed while it starts thus counts as not loaded, which costs one more restart.
  - The start is known on two clocks, as the time of day then and as a duration up to now, and the
    unit is outdated when either says so. So a clock that was stepped once, forward or back, hides
    no change; it may cost a restart that was not needed. A file changed in the future, before the
    clock was stepped back, is reported until the clock has passed it.
  - Linux gives a file the time of the last timer tick. A start up to 20 ms behind a change counts
    as before it.
  - With O(reload=true), the latest change of the unit's state counts, on one clock. A change of a
    file while another reload runs is missed.
  - Needs nothing newer than systemd 239.
attributes:
  check_mode:
    description: Nothing is changed, so a check does the same.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: Find a server that runs with an older configuration
  service_outdated:
    unit: isc-dhcp-server.service
    paths: [/etc/dhcp/dhcpd.conf, /etc/default/isc-dhcp-server]
  register: server
  changed_when: server.outdated
  notify: Restart the DHCP server
"""

RETURN = r"""
outdated:
  description: Whether the unit must be started, restarted or, with O(reload=true), reloaded.
  type: bool
  returned: always
running:
  description: Whether the unit runs, starts or is being reloaded.
  type: bool
  returned: always
newer:
  description: The files of O(paths) that changed after the unit was started; all that are there
    when it does not run, or when its last reload failed.
  type: list
  elements: str
  returned: always
"""

import os
import time
from datetime import datetime
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule

PROPERTIES = (
    "ActiveState",
    "InactiveExitTimestamp",
    "InactiveExitTimestampMonotonic",
    "ReloadResult",
    "StateChangeTimestampMonotonic",
)
STOPPED = ("", "deactivating", "failed", "inactive")
#: File times come from the kernel's last timer tick, 10 ms ago at most.
TICK_S = 0.02


class Clocks(NamedTuple):
    """Time of day and time since boot, read together, in seconds."""

    realtime: float
    monotonic: float


def parse_properties(text: str) -> dict[str, str]:
    """Read the lines ``Name=value`` of ``systemctl show``."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def since_boot(properties: dict[str, str], name: str, now: Clocks) -> float | None:
    """Give the time of day, on the clock as it goes now, of an event noted in µs since boot."""
    noted = properties.get(name, "")
    if not noted.isdigit() or noted == "0":
        return None
    return now.realtime - (now.monotonic - int(noted) / 1e6)


def noted_time(properties: dict[str, str]) -> float | None:
    """Give the start as the time of day noted then, ``Sun 2026-11-22 12:14:32 UTC``.

    It is cut to the second; the end of that second is given, as the other clock is exact.
    """
    words = properties.get("InactiveExitTimestamp", "").split()
    if len(words) != 4 or words[3] != "UTC":
        return None
    try:
        return datetime.fromisoformat(f"{words[1]}T{words[2]}+00:00").timestamp() + 1
    except ValueError:
        return None


def loaded_at(properties: dict[str, str], reload: bool, now: Clocks) -> float | None:
    """Give the time before which a file must have changed to be loaded; ``None`` if nothing is."""
    if properties.get("ActiveState", "") in STOPPED:
        return None
    if reload:
        if properties.get("ReloadResult", "") not in ("", "success"):
            return None
        return since_boot(properties, "StateChangeTimestampMonotonic", now)
    start = since_boot(properties, "InactiveExitTimestampMonotonic", now)
    if start is None:
        return None
    noted = noted_time(properties)
    return min(start - TICK_S, noted if noted is not None else start)


def changed_at(path: str) -> float | None:
    """Give the time of a file's last change, a symlink to it included; ``None`` without a file."""
    try:
        return max(os.lstat(path).st_ctime, os.stat(path).st_ctime)  # noqa: PTH116
    except FileNotFoundError:
        return None


def newer_files(changes: dict[str, float | None], loaded: float | None) -> list[str]:
    """Give the files that are there and were not loaded, in the order given."""
    return [
        path
        for path, change in changes.items()
        if change is not None and (loaded is None or change > loaded)
    ]


def show(module: AnsibleModule, unit: str) -> dict[str, str]:
    """Ask systemd for a unit's properties; a failure ends the module."""
    systemctl = module.get_bin_path("systemctl", required=True)
    command = [systemctl, "show", f"--property={','.join(PROPERTIES)}", "--", unit]
    status, output, errors = module.run_command(
        command, environ_update={"LC_ALL": "C", "TZ": "UTC"}
    )
    properties = parse_properties(output)
    if status or "ActiveState" not in properties:
        module.fail_json(
            msg=f"systemd tells nothing of {unit}: {errors.strip() or output.strip()};"
            " this needs a machine that systemd runs"
        )
    return properties


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "paths": {"type": "list", "elements": "path", "required": True},
            "reload": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    unit = module.params["unit"]
    # The files first: one that changes meanwhile belongs to another run.
    try:
        changes = {path: changed_at(path) for path in module.params["paths"]}
    except OSError as error:
        module.fail_json(msg=f"cannot look at a file of {unit}: {error}")
    properties = show(module, unit)
    now = Clocks(time.time(), time.monotonic())
    newer = newer_files(changes, loaded_at(properties, module.params["reload"], now))
    running = properties["ActiveState"] not in STOPPED
    module.exit_json(changed=False, outdated=bool(newer), running=running, newer=newer)


if __name__ == "__main__":
    main()
