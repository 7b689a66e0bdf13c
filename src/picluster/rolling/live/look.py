"""How boards are now: ready or not, what they run, what they boot next."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from picluster.campaign.fleet import Board, fleet_of
from picluster.campaign.live.campaign import Options, reaches_of
from picluster.campaign.live.reach import Reach
from picluster.campaign.live.status import BoardStatus, status_of
from picluster.campaign.stages import Stage
from picluster.errors import refusal
from picluster.plan.model import AddressPlan

#: Addresses that are named to a server; of more, all are asked for.
_NAMED = 1000
STATES = "/run/picluster/nodes"
_IMAGE = re.compile(r"(?:[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?)?", re.ASCII)
_BOOT = re.compile(r"(?:[0-9a-f]{16})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Present:
    """A board now.

    Attributes:
        name, bank: the board.
        ready: it runs, and was heard in time.
        why: why it is not.
        image: the version it said last that it runs; empty where it never spoke.
        boot: boot id of its last message.
        next: the version it boots next; empty where it is pointed at none.
    """

    name: str
    bank: int
    ready: bool
    why: str
    image: str
    boot: str
    next: str

    @property
    def current(self) -> bool:
        """It runs what it would boot."""
        return self.ready and bool(self.next) and self.image == self.next


def look(plan: AddressPlan, names: Iterable[str], options: Options) -> dict[str, Present]:
    """How boards are now, by name.

    Args:
        plan: the address plan.
        names: of boards.
        options: journal, and the way to the boot servers.

    Raises:
        PiclusterError: a boot server cannot be reached, or says something else.
    """
    fleet = fleet_of(plan)
    boards = [fleet.by_name[name] for name in names]
    banks = tuple(sorted({board.bank for board in boards}))
    chosen = Options(banks, journal=options.journal, reach=options.reach)
    found, problems = status_of(plan, chosen)
    if problems:
        raise refusal(str(problems[0]), "every boot server has to answer")
    status = {one.name: one for one in found}
    served = {bank.number: bank.boot_server for bank in plan.cluster.banks}
    said = _ask_all(
        plan, reaches_of(plan, banks, chosen), [(served[board.bank], board) for board in boards]
    )
    return {board.name: _present(board, status[board.name], said) for board in boards}


def ready_boards(
    plan: AddressPlan, names: Iterable[str], options: Options
) -> tuple[list[str], dict[str, str]]:
    """Boards that are ready, and why the others are not.

    Args:
        plan: the address plan.
        names: of boards.
        options: journal, and the way to the boot servers.

    Raises:
        PiclusterError: a boot server cannot be reached.
    """
    wanted = dict.fromkeys(names)
    banks = tuple({node.bank.number for node in plan.nodes if node.name in wanted})
    found, problems = status_of(plan, Options(banks, journal=options.journal, reach=options.reach))
    if problems:
        raise refusal(str(problems[0]), "every boot server has to answer")
    meant = [one for one in found if one.name in wanted]
    return [one.name for one in meant if _ready(one)], {
        one.name: why(one) for one in meant if not _ready(one)
    }


def _ready(status: BoardStatus) -> bool:
    return status.stage == Stage.READY.value and not status.failed


def _present(board: Board, status: BoardStatus, said: dict[str, Any]) -> Present:
    words = said.get(board.address)
    told = words if isinstance(words, dict) else {}
    ready = _ready(status)
    image, boot = str(told.get("image", "")), str(told.get("boot", ""))
    return Present(
        board.name, board.bank, ready, "" if ready else why(status),
        image if _IMAGE.fullmatch(image) else "", boot if _BOOT.fullmatch(boot) else "",
        str(told.get("next", "")),
    )  # fmt: skip


def why(status: BoardStatus) -> str:
    """Why a board is not ready."""
    state = f"at stage {status.stage}" + (", failed there" if status.failed else "")
    return f"{state}: {status.reason}" if status.reason else state


def _ask_all(
    plan: AddressPlan, reaches: Collection[Reach], boards: list[tuple[str, Board]]
) -> dict[str, Any]:
    program = files("picluster.rolling.live").joinpath("pointed.py").read_text("utf-8")
    root = str(Path(plan.cluster.tftp_root))

    def one(reach: Reach) -> dict[str, Any]:
        addresses = [board.address for server, board in boards if server == reach.name]
        if len(addresses) > _NAMED:  # more than fit on a command line: all there are
            addresses = []
        order = {"root": root, "states": STATES, "addresses": addresses}
        text = reach.run(["python3", "-I", "-", json.dumps(order)], text=program)
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise refusal(f"{reach.name} did not say what boards boot", "is python3 there?")
        return found

    said: dict[str, Any] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(reaches))) as pool:
        for found in pool.map(one, reaches):
            said |= found
    return said
