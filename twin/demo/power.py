"""Power banks one after the other and watch them fill."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from picluster.errors import refusal
from picluster.plan.model import AddressPlan, Node
from twin.head.places import TREE
from twin.rack import Rack
from twin.rom import Stage

_DEADLINE_S = 240.0
_SIGNS = {
    Stage.OFF: "·",
    Stage.DHCP: "d",
    Stage.TFTP: "t",
    Stage.START: "s",
    Stage.KERNEL: "█",
}


@dataclass(slots=True)
class BankView:
    """What is known of a bank while its boards load.

    Attributes:
        number: the bank.
        stages: stage of each board by MAC address, in order of slots.
        result: the storm's result, once it ended.
    """

    number: int
    stages: dict[str, Stage]
    stopped: set[str] = field(default_factory=set)
    result: dict[str, Any] | None = None

    def row(self) -> str:
        """One sign for each slot."""
        return "".join(
            "x" if mac in self.stopped else _SIGNS[stage] for mac, stage in self.stages.items()
        )


def power_banks(plan: AddressPlan, rack: Rack, out: Console) -> list[BankView]:
    """Power every bank in turn, the next when the last one has loaded, and show them.

    Raises:
        PiclusterError: the simulated boards could not be run.
    """
    banks: dict[int, list[Node]] = {}
    for node in plan.nodes:
        banks.setdefault(node.bank.number, []).append(node)
    views = {
        number: BankView(number, {node.mac: Stage.OFF for node in nodes})
        for number, nodes in banks.items()
    }
    with Live(console=out, auto_refresh=False, transient=out.is_terminal) as live:
        for number, nodes in banks.items():
            for message in _storm(rack, number, nodes):
                if _take(views[number], message) and out.is_terminal:
                    live.update(_table(views.values()), refresh=True)
            if not out.is_terminal:
                out.print(f"bank {number:>3}  {views[number].row()}")
    if out.is_terminal:
        out.print(_table(views.values()))
    return list(views.values())


def _storm(rack: Rack, number: int, nodes: list[Node]) -> Iterator[dict[str, Any]]:
    order = {
        "interface": rack.bank_interface(number),
        "boards": [[node.mac, node.serial] for node in nodes],
        "deadline_s": _DEADLINE_S,
    }
    process: subprocess.Popen[str] = rack.namespace.popen(
        [sys.executable, "-m", "twin.demo.bank"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=TREE,
    )
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    with process:
        try:
            process.stdin.write(json.dumps(order))
            process.stdin.close()
            for line in process.stdout:
                yield json.loads(line)
        finally:
            if process.poll() is None:
                process.terminate()
    if process.returncode != 0:
        raise refusal(f"the boards of bank {number} ended with status {process.returncode}")


def _take(view: BankView, message: dict[str, Any]) -> bool:
    """Take a message in; whether the view shows something else now."""
    if "result" in message:
        view.result = message["result"]
        return True
    event = message["event"]
    before = view.row()
    view.stages[event["mac"]] = Stage(event["stage"])
    if event["what"].startswith("stopped"):
        view.stopped.add(event["mac"])
    return view.row() != before


def _table(views: Any) -> Table:
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column("bank", justify="right")
    table.add_column("slots 1 to 42: · off  d dhcp  t bootcode  s start.elf  █ kernel  x stopped")
    table.add_column("loaded", justify="right")
    for view in views:
        counts = Counter(view.stages.values())
        loaded = f"{counts[Stage.KERNEL]}/{len(view.stages)}"
        table.add_row(str(view.number), view.row(), loaded)
    return table
