"""One run of picluster.runner, as a tool would make it: told on standard input, told of on output.

A process of its own, so that its peak memory is that of this run.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from picluster.runner import Event, Options, boot, deploy, shutdown

_ACTIONS = {"boot": boot, "deploy": deploy, "shutdown": shutdown}


def main() -> None:
    """Run, and say how it went and what it took."""
    order = json.load(sys.stdin)
    seen = Counter[str]()

    def watch(event: Event) -> None:
        seen[event.kind] += 1
        seen[f"state_{event.state}"] += bool(event.state)

    options = Options(
        watch=watch,
        artefacts=Path(order["artefacts"]),
        variables=order["variables"],
        project=Path(order["project"]),
    )
    call = _ACTIONS[order["action"]]
    result = call(order["inventory"], *order["words"], options=options)
    said = {
        "end": result.end.value,
        "counts": result.counts(),
        "seconds": result.seconds,
        "events": seen.total() - sum(n for name, n in seen.items() if name.startswith("state_")),
        "results": seen["result"],
        "unreachable": seen["state_unreachable"],
        "artefacts": str(result.artefacts),
        "peak_mb": _peak_mb(),
    }
    json.dump(said, sys.stdout)


def _peak_mb() -> float:
    """The largest resident set of this process so far, in units of 10^6 bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the kernel does not say VmHWM")


if __name__ == "__main__":
    main()
