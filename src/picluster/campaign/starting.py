"""Which bank gets power next, and which get none."""

from __future__ import annotations

from picluster.campaign.heat import HeatGuard
from picluster.campaign.powering import Powering
from picluster.campaign.runs import BankRun, Phase
from picluster.campaign.state import CampaignState

_ABOUT_TO_LOAD = frozenset({Phase.ASKED, Phase.SWITCHING_ON, Phase.SWITCHING_OFF, Phase.RESTING})


class Starting:
    """Starts banks, batch by batch.

    The next batch may start while the last one loads, as far as the link serves both in time.

    Args:
        state: the campaign's.
        powering: switches banks on.
        heat: may hold them back.
    """

    def __init__(self, state: CampaignState, powering: Powering, heat: HeatGuard) -> None:
        self._state = state
        self._powering = powering
        self._heat = heat

    def waiting(self) -> list[BankRun]:
        """Banks that wait for their turn."""
        return [run for run in self._state.runs.values() if run.phase is Phase.WAITING]

    def batch(self) -> list[BankRun]:
        """Banks that may get power now."""
        most = min(self._state.settings.batch_size, self._room())
        if most <= 0:
            return []
        waiting = [run for run in self.waiting() if self._heat.held_since(run) is None][:most]
        loading = self._loading()
        size = sum(self._boards(run) for run in waiting)
        if loading and loading + size > self._state.settings.boards_loading:
            return []
        return waiting

    def begin(self, runs: list[BankRun]) -> None:
        """Give them power."""
        for run in runs:
            self._powering.start(run)

    def hold(self, now: float) -> None:
        """Leave off the banks that will not get power any more."""
        waiting = self.waiting()
        if not waiting:
            return
        settings = self._state.settings
        for run in waiting:
            held = self._heat.held_since(run)
            if held is not None and now - held >= settings.heat_wait_s:
                self.leave([run], self._too_hot(run), now)
        if self._room() <= 0 and not self._moving():
            why = f"max_banks_on is {settings.max_banks_on}, and so many have power"
            self.leave(self.waiting(), why, now)

    def _too_hot(self, run: BankRun) -> str:
        hottest = self._heat.hottest(run)
        temperature = "" if hottest is None else f" ({hottest:.1f} °C)"
        wait_s = self._state.settings.heat_wait_s
        return f"its rack was too hot for {wait_s:g} s{temperature}"

    def leave(self, runs: list[BankRun], why: str, now: float) -> None:
        """Leave banks off, and say why."""
        for run in runs:
            run.phase, run.since, run.done_at, run.why = Phase.HELD, now, now, why
            self._state.touch(run)
            self._state.notice(f"held back: {why}", run)

    def _boards(self, run: BankRun) -> int:
        return sum(len(self._state.fleet.by_bank.get(bank, ())) for bank in run.banks)

    def _room(self) -> int:
        most = self._state.settings.max_banks_on
        if most is None:
            return len(self._state.runs)
        powered = sum(len(run.banks) for run in self._state.runs.values() if self._draws(run))
        return most - powered

    def _draws(self, run: BankRun) -> bool:
        """A bank that rests in a cycle will draw power again in a moment."""
        return run.phase.powered or run.phase is Phase.RESTING

    def _moving(self) -> bool:
        return any(
            not run.phase.over and run.phase is not Phase.WAITING
            for run in self._state.runs.values()
        )

    def _loading(self) -> int:
        """Boards that load, or soon will."""
        total = 0
        for run in self._state.runs.values():
            if run.phase in _ABOUT_TO_LOAD:
                total += self._boards(run)
            elif run.phase is Phase.LOADING:
                total += self._state.counts[run.bank].open
        return total
