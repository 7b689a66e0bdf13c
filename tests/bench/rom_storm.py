"""Boot ROMs against the head that ``site.yml`` made: in waves, 84 at once, 1050 at once."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.plan.read import read_plan
from tests.bench.clusters import MINI, MINI_NODES, POLICEBOX, POLICEBOX_NODES, description_of
from tests.bench.figure import Figure, exactly
from tests.bench.heads import bare_head, converge
from tests.bench.measure import run, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from picluster.plan.model import AddressPlan
    from twin.head import Head
    from twin.rack import Rack

#: Banks that boot at a time in waves: 126 boards, what the real cluster's mains could start.
_LANES = 3
_DEADLINE_S = 900
#: ``python -m twin.rom``: every board complete; some are not.
_STATUSES = frozenset({0, 1})


@dataclass(frozen=True, slots=True)
class Storm:
    """How the boards of some banks fared.

    Attributes:
        complete: boards with their own address and every file as the head has it.
        off_plan: boards that used an address that is not theirs.
        stopped: boards that did not load everything, by the stage they reached.
        reasons: why they stopped, with their number.
        seconds: from the first power-on to the last board.
        megabytes: read by TFTP.
    """

    complete: int
    off_plan: int
    stopped: Mapping[str, int]
    reasons: Mapping[str, int]
    seconds: float
    megabytes: float


def figures() -> Iterator[Figure]:
    """One head of mini and one of policebox; each storm once: it is a count, not a time."""
    with bare_head(MINI) as (head, rack):
        converge(head, MINI)
        storm = power(head, rack, MINI, lanes=2)
        yield from _figures("mini", storm, MINI_NODES)
    with bare_head(POLICEBOX) as (head, rack):
        converge(head, POLICEBOX)
        storm = power(head, rack, POLICEBOX, lanes=_LANES)
        yield from _figures("waves", storm, POLICEBOX_NODES)
        storm = power(head, rack, POLICEBOX, lanes=len(rack.banks))
        yield from _figures("at_once", storm, None)


def _figures(name: str, storm: Storm, wanted: int | None) -> Iterator[Figure]:
    limit = None if wanted is None else exactly(wanted)
    yield Figure(f"rom_storm.{name}_complete", storm.complete, "nodes", limit)
    yield Figure(f"rom_storm.{name}_off_plan", storm.off_plan, "nodes", exactly(0))
    for stage, count in storm.stopped.items():
        yield Figure(f"rom_storm.{name}_stopped_at_{stage}", count, "nodes")
    yield Figure(f"rom_storm.{name}_time", storm.seconds, "s")
    yield Figure(f"rom_storm.{name}_rate", storm.megabytes / storm.seconds, "MB/s")


def power(head: Head, rack: Rack, inventory: Path, lanes: int) -> Storm:
    """Power every bank of a cluster, ``lanes`` at a time, the next when one has loaded.

    Boards keep real time: 18 s of silence, four tries, TFTP time-outs.
    """
    plan = read_plan(description_of(inventory))
    say(f"rom_storm: {len(plan.nodes)} boards, {lanes} banks at a time")
    with (
        tempfile.TemporaryDirectory(prefix="picluster-bench-") as name,
        ThreadPoolExecutor(lanes) as pool,
    ):
        start = time.monotonic()
        results = list(pool.map(lambda bank: _bank(rack, plan, bank, Path(name)), rack.banks))
        seconds = time.monotonic() - start
    storm = judge(plan, digests(head, f"{plan.cluster.tftp_root}/images/current"), results, seconds)
    for reason, count in storm.reasons.items():
        say(f"rom_storm: {count} boards: {reason}")
    return storm


def _bank(rack: Rack, plan: AddressPlan, bank: int, folder: Path) -> dict[str, Any]:
    """Power a bank's boards, in a process of their own, and wait for the last."""
    report = folder / f"{bank}.json"
    words = [sys.executable, "-m", "twin.rom", "--interface", rack.bank_interface(bank)]
    boards = ["--registry", str(plan.cluster.registry), "--bank", str(bank)]
    options = ["--deadline", str(_DEADLINE_S), "--json", str(report), "--quiet"]
    run(rack.namespace.inside([*words, *boards, *options]), statuses=_STATUSES)
    result: dict[str, Any] = json.loads(report.read_text())
    say(f"rom_storm: bank {bank}: {result['complete']} of {len(result['roms'])}")
    return result


def digests(head: Head, image: str) -> dict[str, str]:
    """SHA-256 of every file of an image, by the name a board asks for it."""
    script = f"cd {image} && find -L . -type f -exec sha256sum {{}} +"
    rows = (line.split(None, 1) for line in head.exec(["sh", "-c", script]).splitlines())
    return {name.removeprefix("./"): digest for digest, name in rows}


def judge(
    plan: AddressPlan,
    served: Mapping[str, str],
    results: list[dict[str, Any]],
    seconds: float,
) -> Storm:
    """Hold what the boards got against the plan and against what the head serves."""
    own = {str(node.mac): {node.address} for node in plan.nodes}
    roms = [rom for result in results for rom in result["roms"]]
    strays = [rom for rom in roms if set(rom["addresses"]) - own[rom["mac"]]]
    bad = [
        rom
        for rom in roms
        if not rom["complete"]
        or set(rom["addresses"]) != own[rom["mac"]]
        or any(served.get(name) != got["sha256"] for name, got in rom["files"].items())
    ]
    return Storm(
        complete=len(roms) - len(bad),
        off_plan=len(strays),
        stopped=Counter(rom["stage"] for rom in bad),
        reasons=Counter(rom["reason"] or "other files than the head's, or late" for rom in bad),
        seconds=seconds,
        megabytes=sum(result["data_bytes"] for result in results) / 1e6,
    )
