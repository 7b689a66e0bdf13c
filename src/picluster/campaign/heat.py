"""Heat: hold the next banks of a hot rack back, shed a bank that is too hot."""

from __future__ import annotations

from collections import Counter

from picluster.campaign.powering import Powering
from picluster.campaign.runs import BankRun, Phase
from picluster.campaign.state import CampaignState

#: Banks held back may go on when the hottest board is this much below the limit, degrees.
_HYSTERESIS_C = 2.0
#: From here on below the limit heat makes minutes dearer, degrees.
_NEAR_C = 10.0

Rack = int | None


class HeatGuard:
    """Watches the temperatures boards report; air is shared by the banks of a rack.

    Args:
        state: the campaign's.
        powering: switches banks off.
    """

    def __init__(self, state: CampaignState, powering: Powering) -> None:
        self._state = state
        self._powering = powering
        self._held: dict[Rack, float] = {}

    def held_since(self, run: BankRun) -> float | None:
        """Since when a bank is held back, ``None`` while it is not."""
        return self._held.get(self._rack_of(run)) if self._held else None

    def hottest(self, run: BankRun) -> float | None:
        """The highest temperature in its rack that is worth looking at, degrees Celsius."""
        rack = self._rack_of(run)
        found = (t for name, t in self._state.hot.items() if self._rack(name) == rack)
        return max(found, default=None)

    def pressure(self, run: BankRun) -> float:
        """How near its rack is to the limit that holds banks back: 0 far, 1 at it."""
        hottest = self.hottest(run)
        if hottest is None:
            return 0.0
        away = self._state.settings.max_temp_c - hottest
        return min(max(1 - away / _NEAR_C, 0.0), 1.0)

    def _rack(self, name: str) -> Rack:
        return self._state.fleet.by_name[name].rack

    def _rack_of(self, run: BankRun) -> Rack:
        boards = self._state.fleet.by_bank.get(run.bank)
        return boards[0].rack if boards else None

    def tick(self, now: float) -> None:
        """Hold, let go, shed."""
        if not self._state.hot and not self._held:
            return
        limit = self._state.settings.max_temp_c
        hottest: dict[Rack, tuple[float, str]] = {}
        for name, temperature in self._state.hot.items():
            rack = self._rack(name)
            hottest[rack] = max(hottest.get(rack, (temperature, name)), (temperature, name))
        for rack, (temperature, name) in hottest.items():
            if temperature >= limit and rack not in self._held:
                self._held[rack] = now
                self._state.notice(
                    f"{name} has {temperature:.1f} °C (max_temp_c {limit:g}): "
                    f"the next banks{_of(rack)} are held back"
                )
        for rack in list(self._held):
            if rack not in hottest or hottest[rack][0] < limit - _HYSTERESIS_C:
                del self._held[rack]
                self._state.notice(f"cooler: banks{_of(rack)} may go on")
        hard = self._state.settings.hard_temp_c
        if any(temperature >= hard for temperature, _ in hottest.values()):
            self._shed(hard)

    def _shed(self, hard: float) -> None:
        over = Counter[int]()
        for name, temperature in self._state.hot.items():
            run = self._state.run_of.get(self._state.fleet.by_name[name].bank)
            if temperature >= hard and run is not None:
                over[run.bank] += 1
        for bank, count in over.items():
            run = self._state.runs[bank]
            if count >= self._enough(run) and self._may(run):
                run.why = f"shed: {count} boards at {hard:g} °C or more"
                self._state.notice(run.why, run)
                self._powering.shed(run)

    def _enough(self, run: BankRun) -> int:
        boards = self._state.counts[run.bank].expected
        return max(1, min(self._state.settings.shed_boards, boards))

    def _may(self, run: BankRun) -> bool:
        idle = run.phase in (Phase.LOADING, Phase.ADOPTING, Phase.ACCEPTED, Phase.SHORT)
        return idle and not run.order and not run.stuck


def _of(rack: Rack) -> str:
    return "" if rack is None else f" of rack {rack}"
