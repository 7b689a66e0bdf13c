"""Power in a campaign: orders kept before they are given, verified, tried again, given up."""

from __future__ import annotations

from collections.abc import Callable

from picluster.campaign.events import Event, Sign
from picluster.campaign.journal.saved import Journal
from picluster.campaign.ports import PowerControl, PowerOrder, PowerResult, Verb
from picluster.campaign.runs import BankRun, BoardRun, Phase
from picluster.campaign.state import CampaignState

_VERBS = {Phase.ASKED: Verb.STATUS, Phase.SWITCHING_ON: Verb.ON, Phase.SWITCHING_OFF: Verb.OFF}


class Powering:
    """Brings banks from one phase of power to the next.

    Args:
        state: the campaign's.
        power: carries orders out.
        journal: keeps them first.
        position: where the reading of the logs stands.

    Attributes:
        switched: orders that were carried out, other than questions.
    """

    def __init__(
        self,
        state: CampaignState,
        power: PowerControl,
        journal: Journal,
        position: Callable[[], str],
    ) -> None:
        self._state = state
        self._power = power
        self._journal = journal
        self._position = position
        self.switched = 0
        self._numbers = 0
        self._last_on = float("-inf")
        self._of_order: dict[int, BankRun | str] = {}

    # ---- what the campaign asks for

    def start(self, run: BankRun) -> None:
        """Give a bank power, unless it has some."""
        self._enter(run, Phase.ASKED)

    def cycle(self, run: BankRun) -> None:
        """Take a bank's power and give it back."""
        run.cycling = True
        self._enter(run, Phase.SWITCHING_OFF)

    def shed(self, run: BankRun) -> None:
        """Take a bank's power because of heat."""
        run.shed = True
        self._enter(run, Phase.SWITCHING_OFF)

    def cycle_board(self, name: str) -> None:
        """Cycle a board that has an outlet of its own."""
        board = self._state.alone.setdefault(name, BoardRun())
        board.attempts += 1
        self._give(PowerOrder(self._next(), Verb.CYCLE, board=name), name)

    def alone(self, name: str) -> bool:
        """Whether a board can be cycled without another one losing power."""
        return self._power.alone(name)

    def waiting_for_boards(self, run: BankRun) -> bool:
        """Whether a single board of a bank is being switched."""
        alone = self._state.alone
        return bool(alone) and any(
            board.name in alone and alone[board.name].order for board in self._state.boards_of(run)
        )

    # ---- orders

    def _enter(self, run: BankRun, phase: Phase, until: float = 0.0) -> None:
        run.phase, run.since, run.until = phase, self._state.clock.now(), until
        run.order = run.tries = 0
        self._state.touch(run)

    def tick(self, now: float) -> None:
        """Give the orders whose time has come."""
        for run in self._state.runs.values():
            if run.phase is Phase.RESTING and run.until <= now:
                self._enter(run, Phase.SWITCHING_ON)
            if run.phase in _VERBS and not run.order and run.until <= now:
                self._order(run, now)

    def _order(self, run: BankRun, now: float) -> None:
        verb = Verb.STATUS if run.recheck else _VERBS[run.phase]
        if verb is Verb.ON:
            turn = self._last_on + self._state.settings.stagger_s
            if now < turn:
                run.until = turn
                return
            self._last_on = run.asked_on = now
        run.tries += 1
        order = PowerOrder(self._next(), verb, run.banks)
        run.order = order.number
        self._state.touch(run)
        self._give(order, run)

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _give(self, order: PowerOrder, whose: BankRun | str) -> None:
        if isinstance(whose, str):
            self._state.alone[whose].order = order.number
            self._state.touch_board(whose)
        self._of_order[order.number] = whose
        now = self._state.clock.now()
        self._journal.intend(order, now, self._state.taken(self._position()))
        self._power.submit(order)

    # ---- their ends

    def result(self, result: PowerResult) -> None:
        """Take the end of an order in; one that nobody waits for changes nothing."""
        whose = self._of_order.pop(result.order.number, None)
        self._state.changes.closed.append(result.order.number)
        self.switched += result.done and result.order.verb is not Verb.STATUS
        if isinstance(whose, str):
            self._board_result(whose, result)
        elif whose is not None and whose.order == result.order.number:
            whose.order = 0
            self._state.touch(whose)
            self._run_result(whose, result)

    def _run_result(self, run: BankRun, result: PowerResult) -> None:
        if not result.done:
            self._failed(run, result)
        elif run.recheck:
            self._rechecked(run, result)
        elif run.phase is Phase.ASKED:
            self._asked(run, result)
        elif run.phase is Phase.SWITCHING_ON:
            self._is_on(run, result.at)
        elif run.phase is Phase.SWITCHING_OFF:
            self._is_off(run, result.at)

    def _asked(self, run: BankRun, result: PowerResult) -> None:
        if result.on:
            self._adopt(run)
        else:
            run.blind = result.on is None
            self._enter(run, Phase.SWITCHING_ON)

    def _adopt(self, run: BankRun) -> None:
        run.adopted = True
        run.attempt = max(run.attempt, 1)
        self._enter(run, Phase.ADOPTING, self._state.clock.now() + self._state.settings.settle_s)
        self._state.notice("has power already: its boards are listened for", run)

    def adopted(self, run: BankRun) -> None:
        """The time to listen is over: whoever has said nothing counts from its beginning."""
        for board in self._state.boards_of(run):
            progress = self._state.tracker[board.name]
            if progress.heard is None and progress.on_at is None:
                self._state.apply(Event(run.since, board.name, Sign.POWER_ON))
        self._enter(run, Phase.LOADING)

    def _is_on(self, run: BankRun, at: float) -> None:
        run.attempt += 1
        run.on_at = at
        run.first_on = at if run.first_on is None else run.first_on
        run.cycling = False
        run.trouble = ""
        run.excused = False
        until = at + self._state.settings.settle_s if run.blind else 0.0
        run.blind = False
        for board in self._state.boards_of(run):
            self._state.apply(Event(at, board.name, Sign.POWER_ON))
        self._enter(run, Phase.LOADING, until)
        self._state.notice(f"has power (attempt {run.attempt})", run)

    def _is_off(self, run: BankRun, at: float) -> None:
        for board in self._state.boards_of(run):
            self._state.apply(Event(at, board.name, Sign.POWER_OFF))
        if run.shed:
            self._enter(run, Phase.SHED)
            run.done_at = at
            self._state.notice("is switched off because of heat", run)
        else:
            self._enter(run, Phase.RESTING, at + self._state.settings.off_s)

    def _failed(self, run: BankRun, result: PowerResult) -> None:
        run.trouble = result.why or "its PDU did not answer"
        now = self._state.clock.now()
        if run.tries < self._state.settings.power_tries:
            run.until = now + self._state.settings.power_retry_s
            return
        if run.phase is Phase.SWITCHING_OFF:
            self._stuck(run, now)
            return
        run.recheck = False
        self._enter(run, Phase.NO_POWER)
        run.done_at = now
        run.why = f"no power: {run.trouble}"
        self._state.notice(run.why, run)

    def _stuck(self, run: BankRun, now: float) -> None:
        """It could not be switched off: its boards go on as they are."""
        run.cycling = run.shed = run.recheck = False
        run.stuck = True
        self._enter(run, Phase.LOADING, now + self._state.settings.settle_s)
        self._state.notice(f"could not be switched off ({run.trouble}): it is left as it is", run)

    # ---- single boards

    def _board_result(self, name: str, result: PowerResult) -> None:
        board = self._state.alone[name]
        board.order = 0
        self._state.touch_board(name)
        if result.order.verb is Verb.STATUS:
            self._board_rechecked(name, result)
        elif result.done:
            board.trouble = ""
            self._state.apply(Event(result.at, name, Sign.POWER_ON))
        else:
            board.trouble = result.why or "its PDU did not answer"
            board.attempts = max(board.attempts, self._state.settings.max_attempts)
            self._state.notice(f"{name} could not be cycled: {board.trouble}")

    def _board_rechecked(self, name: str, result: PowerResult) -> None:
        if result.done and result.on is False:
            self._give(PowerOrder(self._next(), Verb.ON, board=name), name)

    # ---- after a restart

    def resume(self, last_order: int, given: dict[int, float]) -> None:
        """Take up orders whose end was not seen.

        Nothing is ordered again before the PDU was asked: an order to switch off may have been
        carried out or not, and a bank that has power is not cut because the campaign died.

        Args:
            last_order: highest number of an order.
            given: when the open ones were given, by number.
        """
        self._numbers = last_order
        for run in self._state.runs.values():
            if run.phase in _VERBS:
                run.recheck = run.recheck or (bool(run.order) and run.phase is not Phase.ASKED)
                run.order = run.tries = 0
                run.until = 0.0
                self._state.touch(run)
        self._state.changes.closed += given
        for name, board in self._state.alone.items():
            if board.order:
                at = given.get(board.order, self._state.clock.now())
                self._state.apply(Event(at, name, Sign.POWER_ON))
                self._give(PowerOrder(self._next(), Verb.STATUS, board=name), name)

    def _rechecked(self, run: BankRun, result: PowerResult) -> None:
        run.recheck = False
        if run.phase is Phase.SWITCHING_ON:
            if result.on:
                self._is_on(run, result.at if run.asked_on is None else run.asked_on)
            else:
                self._enter(run, Phase.SWITCHING_ON)
        elif result.on is False:
            self._is_off(run, result.at)
        else:
            # it was not cut: what to do with it is decided anew, when its boards were heard
            run.cycling = run.shed = False
            settle_s = self._state.settings.settle_s
            self._enter(run, Phase.LOADING, self._state.clock.now() + settle_s)
