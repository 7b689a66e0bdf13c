"""Find out who reboots into what, and whether anything speaks against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from picluster.campaign.fleet import fleet_of
from picluster.campaign.live.campaign import Options as Campaign
from picluster.campaign.live.campaign import reaches_of
from picluster.campaign.live.services import LiveServices
from picluster.cluster.model import CANARY
from picluster.errors import PiclusterError, Problem, refusal, shown
from picluster.plan.model import AddressPlan
from picluster.power.desk import PowerDesk
from picluster.rolling.batches import batches_of
from picluster.rolling.live.look import look
from picluster.rolling.options import Options
from picluster.rolling.preview import Prepared, reboots


def prepared(
    plan: AddressPlan,
    campaign: Campaign,
    options: Options,
    names: Sequence[str],
    drained: Collection[str],
) -> Prepared:
    """What would be done; nothing is changed.

    Args:
        plan: the address plan.
        campaign: journal, and the way to the boot servers.
        options: what the user said.
        names: boards that are meant.
        drained: boards that an earlier run drained and did not resume.

    Raises:
        PiclusterError: a name is nobody's, a boot server cannot be reached, or boards would find
            no image.
    """
    fleet = fleet_of(plan)
    unknown = [name for name in names if name not in fleet.by_name]
    if unknown or not names:
        what = f"no node is called {shown(unknown[0])[1:-1]}" if unknown else "no node is named"
        raise refusal(what, "see picluster plan")
    boards, desk = look(plan, names, campaign), PowerDesk.of(plan)

    def first(name: str) -> bool:
        return reboots(boards[name], options) and desk.model.cuts_alone(name)

    canary = [bank.number for bank in plan.cluster.banks if bank.image == CANARY]
    batches = batches_of(fleet, names, canary[0] if canary else None, first)
    found = Prepared(options, tuple(batches), boards, frozenset(drained))
    found.refuse_unpointed()
    return found


def refuse_unserved(plan: AddressPlan, campaign: Campaign, found: Prepared) -> None:
    """Refuse while a service is away: a board that reboots then is lost until its power is cut.

    Raises:
        PiclusterError: naming the services.
    """
    banks = sorted({batch.bank for batch in found.batches})
    reaches = reaches_of(plan, banks, campaign)
    states = LiveServices(plan.cluster, fleet_of(plan), reaches).check(banks)
    bad = [one for one in states if not one.ready]
    if bad:
        raise PiclusterError(Problem(f"{one.name} is not ready: {one.why}") for one in bad)
