"""What nodes have told their head."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from picluster.errors import refusal

if TYPE_CHECKING:
    from twin.head.kind import AnyHead

#: Where the role message_server keeps the last message of each node.
STATE = "/run/picluster/nodes"
#: A machine is ready within half a minute of a free core; two cores may be busy.
READY_S = 400.0
#: Each look starts a program in the head, on the processors that the node boots on.
_POLL_S = 2.0


def last(head: AnyHead, address: str) -> dict[str, Any] | None:
    """The last message of a node as its head keeps it, or ``None``."""
    done = head.run(["cat", f"{STATE}/{address}.json"])
    found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def wait(
    head: AnyHead, address: str, event: str, *, since: float, timeout_s: float = READY_S
) -> dict[str, Any]:
    """Wait until a node has told its head an event.

    Args:
        head: the head.
        address: the node's.
        event: the event; a node that says ``alive`` has been ``ready``.
        since: what was told before does not count, epoch seconds.
        timeout_s: seconds to wait at most.

    Raises:
        PiclusterError: it did not; the message holds what it said last.
    """
    events = {event, "alive"} if event == "ready" else {event}
    end = time.monotonic() + timeout_s
    said = None
    while time.monotonic() < end:
        said = last(head, address)
        if said is not None and said["received"] >= since and said["event"] in events:
            return said
        time.sleep(_POLL_S)
    raise refusal(f"{address} did not tell {event} within {timeout_s:.0f} s; its last: {said}")


def overlay_s(console: str) -> float | None:
    """When the overlay was there, seconds since the kernel started; ``None`` if it never was.

    Args:
        console: everything on the console of a machine.
    """
    found = re.search(
        r"^\[ *([0-9.]+)\] picluster: root is \S+, overlay on$", console, re.MULTILINE
    )
    return float(found[1]) if found else None


def journal(head: AnyHead, since: float) -> list[str]:
    """What the message server logged since a moment (epoch seconds)."""
    args = ["journalctl", "-q", "-o", "cat", "--since", f"@{since:.0f}"]
    return head.exec([*args, "SYSLOG_IDENTIFIER=picluster-messages"]).splitlines()
