"""Cycle the power of boards that did not come back, as a boot campaign does."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from picluster.campaign.engine import Audience
from picluster.campaign.fleet import Fleet
from picluster.campaign.live.campaign import LiveCampaign, Options
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.power import LivePower
from picluster.campaign.ports import PowerResult
from picluster.campaign.report import INTERRUPTED, Report
from picluster.campaign.settings import settings_from
from picluster.errors import PiclusterError
from picluster.plan.model import AddressPlan
from picluster.power.desk import PowerDesk
from picluster.rolling.folding import folded

#: Boards that were asked to reboot have been listened to for minutes already.
_SETTLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Cycled:
    """What a campaign came to.

    Attributes:
        why: why the power was not cycled; empty where a campaign ran.
        down: cause of each board of its banks that is not ready.
        interrupted: it was cancelled.
    """

    why: str = ""
    down: dict[str, str] | None = None
    interrupted: bool = False


def sharing(desk: PowerDesk, bank: int, names: Collection[str]) -> tuple[list[int], list[str]]:
    """Banks that lose power with a bank, and which of some boards can be cycled alone.

    Args:
        desk: the cluster's power.
        bank: number of the bank.
        names: of boards.
    """
    power = LivePower(desk, SystemClock(), _unheard)
    try:
        return list(power.sharing(bank)), [name for name in names if power.alone(name)]
    finally:
        power.close()


def obstacle(
    fleet: Fleet, banks: Collection[int], lost: Collection[str], alone: Collection[str],
    mine: Collection[str], ready: Collection[str],
) -> str:  # fmt: skip
    """Why the power of boards must not be cycled; empty where it may be.

    Whoever cuts a bank cuts all of its boards: none of them may be at work, or be nobody's
    business here.

    Args:
        fleet: the boards.
        banks: those that lose power together.
        lost: boards that did not come back.
        alone: of them, those that can be cycled alone.
        mine: boards of the batch that were drained and asked to reboot.
        ready: boards of the cluster that run now.
    """
    if set(lost) <= set(alone):
        return ""
    others = [
        board.name
        for bank in banks
        for board in fleet.by_bank.get(bank, ())
        if board.name not in mine and board.name in ready
    ]
    if others:
        return f"no power cycle: {folded(others)} would lose power too, and did not reboot with it"
    return ""


def settling(ready: Collection[str], asked: Collection[str]) -> dict[str, object]:
    """Settings of a campaign: how long it listens before it takes a silent board for lost.

    A board at work that was not asked to reboot may be silent between two heartbeats.

    Args:
        ready: boards of the campaign's banks that run now.
        asked: boards that were asked to reboot.
    """
    return {"settle_s": _SETTLE_S} if set(ready) <= set(asked) else {}


def campaign(
    plan: AddressPlan,
    desk: PowerDesk,
    options: Options,
    settings: dict[str, object],
    audience: Audience,
    began: Callable[[LiveCampaign], object],
) -> Cycled:
    """Run a boot campaign over banks that have power; it decides whether a cycle pays.

    Args:
        plan: the address plan.
        desk: the cluster's power.
        options: banks, journal, the way to the boot servers.
        settings: of the campaign, by name.
        audience: who watches it.
        began: given the campaign before it runs, for who may cancel it.
    """
    chosen = replace(options, locked=True, settings=settings_from(settings))
    try:
        run = LiveCampaign(plan, desk, chosen, audience)
        began(run)
        report: Report = run.run()
    except PiclusterError as error:
        return Cycled(why=f"no power cycle: {error.problems[0]}")
    down = {one.name: f"at stage {one.stage}: {one.cause}" for one in report.down}
    return Cycled(down=down, interrupted=report.status == INTERRUPTED)


def _unheard(_: PowerResult) -> None:
    """Nothing is ordered."""
