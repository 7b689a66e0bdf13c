"""The end of a batch: wait, cycle the power of who does not come back, account for every board."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from picluster.campaign.engine import Audience
from picluster.campaign.fleet import Fleet
from picluster.campaign.journal import Notice
from picluster.campaign.live.campaign import LiveCampaign, reaches_of
from picluster.campaign.live.campaign import Options as Campaign
from picluster.campaign.state import CampaignState
from picluster.plan.model import AddressPlan
from picluster.power.desk import PowerDesk
from picluster.rolling.live import cycle
from picluster.rolling.live.comeback import Comeback, wait
from picluster.rolling.live.look import Present, look
from picluster.rolling.options import Options
from picluster.rolling.record import Told
from picluster.rolling.report import BoardResult, Outcome


class Finish:
    """See the module.

    Args:
        plan: the address plan.
        fleet: its boards.
        campaign: journal, and the way to the boot servers.
        options: what the user said.
        say: told in one line what happens.
        turn: called several times a second.

    Attributes:
        cancelled: it ends soon.
    """

    def __init__(
        self,
        plan: AddressPlan,
        fleet: Fleet,
        campaign: Campaign,
        options: Options,
        say: Callable[[str], object],
        turn: Callable[[], object],
    ) -> None:
        self._plan = plan
        self._fleet = fleet
        self._campaign = campaign
        self._options = options
        self._say = say
        self._turn = turn
        self._running: LiveCampaign | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """End soon without touching power any more."""
        self.cancelled = True
        if self._running is not None:
            self._running.cancel()

    def run(self, told: Told, unreached: Mapping[str, str]) -> list[BoardResult]:
        """Account for the boards of a batch that were to reboot.

        Args:
            told: the batch.
            unreached: boards that could not be asked, with the reason.

        Raises:
            PiclusterError: a boot server cannot be reached.
        """
        if not told.boots:
            return []
        asked = {name: boot for name, boot in told.boots.items() if name not in unreached}
        comeback = Comeback(self._fleet, asked)
        causes: dict[str, str] = {}
        if asked:
            began = time.monotonic()
            causes = self._wait(told, comeback)
            if causes and self._options.cycle and not self.cancelled:
                # a board that halted has said a heartbeat ago that it is ready
                fresh_s = comeback.fresh_s(time.monotonic() - began)
                causes = self._cycle(told, causes, asked, fresh_s)
        boards = look(self._plan, told.boots, self._campaign)
        return [self._result(board, told, comeback, causes, unreached) for board in boards.values()]

    def _wait(self, told: Told, comeback: Comeback) -> dict[str, str]:
        reaches = reaches_of(self._plan, [told.bank], self._campaign)

        def say(text: str) -> None:
            self._say(f"{told.title}: {text}")

        def cancelled() -> bool:
            self._turn()
            return self.cancelled

        limit_s = self._options.back_s
        causes = wait(comeback, self._fleet, reaches, limit_s, say, cancelled)
        return {name: f"not back after {limit_s:.0f} s, {why}" for name, why in causes.items()}

    def _cycle(
        self, told: Told, causes: dict[str, str], asked: Collection[str], fresh_s: float
    ) -> dict[str, str]:
        desk = PowerDesk.of(self._plan)
        banks, alone = cycle.sharing(desk, told.bank, causes)
        near = [board.name for bank in banks for board in self._fleet.by_bank.get(bank, ())]
        ready = [one.name for one in look(self._plan, near, self._campaign).values() if one.ready]
        why = cycle.obstacle(self._fleet, banks, causes, alone, told.boots, ready)
        if why:
            return {name: f"{cause}; {why}" for name, cause in causes.items()}
        self._say(f"{told.title}: {len(causes)} boards are not back; a campaign looks after them")
        chosen = replace(self._campaign, banks=tuple(banks), fresh_s=fresh_s)
        settings = {**cycle.settling(ready, asked), **self._options.campaign}
        found = cycle.campaign(self._plan, desk, chosen, settings, self._audience(), self._began)
        self.cancelled = self.cancelled or found.interrupted
        if found.down is None:
            return {name: f"{cause}; {found.why}" for name, cause in causes.items()}
        return {
            name: f"{cause}; after a campaign {found.down[name]}" if name in found.down else cause
            for name, cause in causes.items()
        }

    def _audience(self) -> Audience:
        def notice(one: Notice) -> None:
            self._say(f"bank {one.bank}: {one.text}" if one.bank else one.text)

        def look(_: CampaignState) -> None:
            self._turn()

        return Audience(notice, look)

    def _began(self, campaign: LiveCampaign) -> None:
        self._running = campaign
        if self.cancelled:
            campaign.cancel()

    def _result(
        self,
        board: Present,
        told: Told,
        comeback: Comeback,
        causes: Mapping[str, str],
        unreached: Mapping[str, str],
    ) -> BoardResult:
        name, target = board.name, told.targets[board.name]
        back = comeback.back.get(name)
        image = back.image if back is not None else board.image
        anew = back is not None or (board.ready and board.boot not in ("", told.boots[name]))

        def ended(outcome: Outcome, reason: str = "") -> BoardResult:
            seconds = back.seconds if back else None
            return BoardResult(name, board.bank, outcome, reason, image, seconds)

        if anew and image == target:
            return ended(Outcome.OK)
        if anew:
            what = image or "an image it does not name"
            return ended(Outcome.FAILED, f"came back with {what}, its bank is pointed at {target}")
        if name in unreached:
            return ended(Outcome.UNREACHABLE, f"could not be asked: {unreached[name]}")
        if self.cancelled:
            return ended(Outcome.OPEN, "asked to reboot, and not heard before it was cancelled")
        return ended(Outcome.FAILED, causes.get(name, "not back"))
