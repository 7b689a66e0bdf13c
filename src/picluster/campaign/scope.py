"""Which banks a campaign is about, and what naming a part of one means for power."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from picluster.campaign.fleet import Fleet
from picluster.campaign.ports import PowerControl
from picluster.campaign.runs import BankRun
from picluster.errors import PiclusterError, Problem, shown

_LISTED = 6


def runs_of(banks: Iterable[int], fleet: Fleet, power: PowerControl) -> list[BankRun]:
    """The runs of banks: those that share an outlet are one.

    Args:
        banks: numbers, in the order in which they shall get power.
        fleet: the boards.
        power: knows who shares what.

    Raises:
        PiclusterError: no bank, a bank without a board, an outlet shared with a bank that was
            not named.
    """
    wanted = list(dict.fromkeys(banks))
    problems = [
        Problem(f"bank {bank} has no board", "pin its boards: picluster harvest")
        for bank in wanted
        if bank not in fleet.by_bank
    ]
    if not wanted:
        problems.append(Problem("no bank is named", "name banks, or none for all"))
    runs: dict[int, BankRun] = {}
    for bank in wanted:
        shared = tuple(sorted(set(power.sharing(bank)) | {bank}))
        others = [other for other in shared if other not in wanted]
        if others:
            listed = ", ".join(map(str, others))
            problems.append(
                Problem(
                    f"bank {bank} shares its outlet with bank {listed}: both get and lose power "
                    "together",
                    f"name bank {listed} too",
                )
            )
        runs.setdefault(shared[0], BankRun(shared[0], shared))
    if problems:
        raise PiclusterError(problems)
    return list(runs.values())


def banks_of_limit(names: Collection[str], fleet: Fleet, power: PowerControl) -> list[int]:
    """The banks of node names, which must be whole ones.

    Args:
        names: of nodes, as ``--limit`` leaves them.
        fleet: the boards.
        power: knows which boards can be switched alone.

    Raises:
        PiclusterError: a name that is no node's, or a bank of which only a part is named.
    """
    unknown = [name for name in names if name not in fleet.by_name]
    if unknown:
        listed = ", ".join(shown(name)[1:-1] for name in unknown[:_LISTED])
        raise PiclusterError(Problem(f"no node is called {listed}", "see picluster plan"))
    wanted = set(names)
    problems, banks = [], []
    for bank, boards in fleet.by_bank.items():
        named = [board for board in boards if board.name in wanted]
        if not named:
            continue
        banks.append(bank)
        if len(named) < len(boards):
            alone = all(power.alone(board.name) for board in named)
            problems.append(_cut(bank, len(named), len(boards), alone=alone))
    if problems:
        raise PiclusterError(problems)
    return banks


def _cut(bank: int, named: int, boards: int, *, alone: bool) -> Problem:
    """What a limit that names a part of a bank means for power."""
    what = f"the limit names {named} of {boards} boards of bank {bank}"
    if alone:
        return Problem(
            f"{what}, and whole banks are booted and shut down",
            f"name the group bank_{bank}; picluster power switches boards with outlets of their "
            "own one by one",
        )
    return Problem(
        f"{what}, which has one outlet: {boards - named} others would lose power with them",
        f"name the group bank_{bank}",
    )
