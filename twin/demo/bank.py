"""The boards of one bank, in a process of their own inside the rack's namespace.

``python -m twin.demo.bank`` takes the boards as JSON on standard input and writes one JSON object
a line: events while it runs, the result at the end.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from picluster.mac import MacAddress
from twin.rom import Event, Rom, Storm


def main() -> int:
    """Run the storm."""
    order = json.load(sys.stdin)
    roms = [Rom(MacAddress(mac), serial) for mac, serial in order["boards"]]
    result = Storm(order["interface"], roms, observer=_tell).run(order["deadline_s"])
    print(json.dumps({"result": result.as_dict()}), flush=True)
    return 0


def _tell(event: Event) -> None:
    print(json.dumps({"event": asdict(event)}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
