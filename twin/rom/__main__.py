"""Power boot ROMs on an interface and show what becomes of them: ``python -m twin.rom``."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.errors import PiclusterError, refusal
from picluster.mac import parse_mac
from picluster.registry.file import load_registry
from twin.rom import Board, Rom, Stage, Storm, Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.rom import Event, StormResult

_UNFINISHED = "still under way"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 when every board is complete and no two share an address, 1 otherwise, 2 when the
        command could not run.
    """
    args = _parser().parse_args(argv)
    try:
        roms = _roms(args)
        observer = None if args.quiet else _Progress(len(roms)).take
        with Storm(args.interface, roms, observer=observer) as storm:
            result = storm.run(args.deadline)
    except (PiclusterError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.keep:
        keep(args.keep, result)
    if args.json:
        text = json.dumps(result.as_dict(), indent=1)
        if args.json == "-":
            print(text)
        else:
            Path(args.json).write_text(text + "\n", encoding="utf-8")
    if args.json != "-":
        print(table(result))
    return 0 if result.complete == len(roms) and not result.shared_addresses else 1


def keep(folder: Path, result: StormResult) -> None:
    """Write what each board read to its end: ``<folder>/<MAC without colons>/<name asked for>``.

    A name is a relative path of a request, so it stays below the folder.
    """
    for rom in result.roms:
        own = folder / rom.mac.replace(":", "")
        for name, got in rom.files.items():
            if got.content is None:
                continue
            path = own.joinpath(*(part for part in name.split("/") if part not in ("", ".", "..")))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(got.content)


def table(result: StormResult) -> str:
    """The result as text: one row per board, then totals and shared addresses."""
    head = f"{'MAC address':<18}{'address':<16}{'stage':<8}{'files':>5}{'MB':>8}{'s':>8}  reason"
    rows = []
    for rom in result.roms:
        size = sum(got.size for got in rom.files.values()) / 1e6
        started, finished = rom.started_s, rom.finished_s
        took = f"{finished - started:.1f}" if started is not None and finished is not None else "-"
        reason = rom.reason or ("" if rom.complete else _UNFINISHED)
        rows.append(
            f"{rom.mac:<18}{rom.address or '-':<16}{rom.stage:<8}{len(rom.files):>5}"
            f"{size:>8.2f}{took:>8}  {reason}".rstrip()
        )
    rate = result.data_bytes / 1e6 / result.elapsed_s if result.elapsed_s else 0.0
    total = (
        f"{result.complete} of {len(result.roms)} complete in {result.elapsed_s:.1f} s, "
        f"{result.data_packets} data packets, {rate:.1f} MB/s"
    )
    alarms = [
        f"address {address} used by {', '.join(macs)}"
        for address, macs in result.shared_addresses.items()
    ]
    return "\n".join([head, *rows, total, *alarms])


class _Progress:
    """A line on standard error whenever a board changes its stage."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._stage: dict[str, str] = {}

    def take(self, event: Event) -> None:
        stage = event.what.partition(":")[0] if event.what.startswith("stop") else event.stage.value
        if self._stage.get(event.mac) == stage:
            return
        self._stage[event.mac] = stage
        counts = Counter(self._stage.values())
        names = [*(known.value for known in Stage), "stopped"]
        summary = "  ".join(f"{name} {counts[name]}" for name in names if counts[name])
        print(f"{event.at_s:8.1f} s  {summary}  of {self._total}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twin.rom", description=__doc__)
    parser.add_argument("--interface", required=True, help="where the boards are plugged in")
    parser.add_argument("--mac", action="append", default=[], help="a board; may be repeated")
    parser.add_argument("--registry", type=Path, help="take boards from a registry (macs.csv)")
    parser.add_argument("--bank", type=int, action="append", help="of the registry only this bank")
    parser.add_argument("--board", type=Board, choices=list(Board), default=Board.PI3B_PLUS)
    add = parser.add_argument
    seconds: dict[str, Any] = {"type": float, "metavar": "SECONDS"}
    add("--deadline", default=300.0, help="stop then at the latest", **seconds)
    add("--wave-gap", default=0.0, help="power bank after bank, this far apart", **seconds)
    add("--power-cycle", help="switch every board off and on after that time", **seconds)
    add("--promiscuous-offers", action="store_true", help="fault: take others' broadcast OFFERs")
    add("--speed", type=float, default=1.0, help="speed of the boards' clocks")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the files read there")
    parser.add_argument("--json", metavar="FILE", help="write the result there, - for output only")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return parser


def _roms(args: argparse.Namespace) -> list[Rom]:
    if args.speed <= 0:
        raise refusal(f"--speed is {args.speed}", "give a number above 0")
    boards = [(parse_mac(mac), "", 0.0) for mac in args.mac]
    if args.registry:
        waves: dict[int, int] = {}
        for entry in load_registry(args.registry).entries:
            if entry.mac is None or (args.bank and entry.bank not in args.bank):
                continue
            wave = waves.setdefault(entry.bank, len(waves))
            boards.append((entry.mac, entry.serial, wave * args.wave_gap))
    if not boards:
        raise refusal("no boards", "give --mac, or --registry with a --bank that has boards")
    cycle = () if args.power_cycle is None else (args.power_cycle,)
    return [
        Rom(
            mac,
            serial,
            args.board,
            (at_s, *(at_s + later for later in cycle)),
            promiscuous_offers=args.promiscuous_offers,
            keep_files=args.keep is not None,
            timing=Timing(speed=args.speed),
        )
        for mac, serial, at_s in boards
    ]


if __name__ == "__main__":
    sys.exit(main())
