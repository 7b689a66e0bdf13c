"""The project's policy: accept what is enough, and pay for a cycle only what it brings.

Cycling a bank for its two stuck boards kills the forty good ones, which come up again only as
often as was measured. So a cycle is priced: the boards that are expected to be up when the bank is
cycled until that does not pay any more, against the minutes each cycle takes. A board that has an
outlet of its own is cycled alone, which kills nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from picluster.campaign.diagnose.rules import Cure
from picluster.campaign.policy.history import History
from picluster.campaign.policy.view import (
    Accept,
    BankView,
    BoardView,
    CycleBank,
    CycleBoards,
    Decision,
    Price,
    needed,
)
from picluster.campaign.settings import Settings

#: What is left of a board's chance by what a cycle does about its cause.
_CURES = {Cure.LIKELY: 1.0, Cure.MAYBE: 0.7, Cure.NO: 0.05}
#: A single board with less chance is not tried again.
_HOPE = 0.3
#: At the limit that holds banks back, a minute costs so many times more.
_HEAT = 1.0


class Priced:
    """See the module."""

    name = "priced"
    quarantines = True

    def decide(self, view: BankView, history: History, settings: Settings) -> Decision:
        """Say what to do with a bank."""
        failed = [board for board in view.expected if not board.ready]
        if not failed:
            return Accept(f"all {len(view.expected)} boards are ready")
        alone = tuple(
            board.name
            for board in failed
            if board.alone
            and board.attempts < settings.max_attempts
            and _chance(board, history) >= _HOPE
        )
        if alone:
            return self._boards(view, alone, history, settings)
        enough = needed(len(view.expected), settings.quorum)
        counted = f"{view.ready} of {len(view.expected)} ready"
        if view.ready >= enough:
            return Accept(f"{counted}, {enough} are enough")
        if why := _no_more(view, failed, settings):
            return Accept(f"{counted}{why}")
        price = self.price(view, history, settings)
        if not price.pays:
            return Accept(f"{counted}; another cycle does not pay", price)
        return CycleBank(f"{counted}, {enough} would be enough", price)

    def price(self, view: BankView, history: History, settings: Settings) -> Price:
        """What cycling the whole bank brings and costs."""
        price = _price(0.0, view.ready, view, history, settings)
        left = settings.max_attempts - view.attempt
        each = price.cost / settings.board_minutes
        gain = _expected(view, history, left, each) - view.ready
        return replace(price, gain=gain, worth=gain * settings.board_minutes)

    def _boards(
        self, view: BankView, names: tuple[str, ...], history: History, settings: Settings
    ) -> CycleBoards:
        gain = sum(_chance(board, history) for board in view.boards if board.name in names)
        price = _price(gain, 0, view, history, settings)
        return CycleBoards(f"{len(names)} boards have outlets of their own", names, price)


def _no_more(view: BankView, failed: Sequence[BoardView], settings: Settings) -> str:
    """Why the bank is not cycled any more, whatever it would bring; empty when it may be."""
    if view.attempt >= settings.max_attempts:
        return f", and {view.attempt} attempts were made"
    if all(board.alone for board in failed):
        return "; the others have outlets of their own, and were cycled alone"
    return ""


def _expected(view: BankView, history: History, left: int, each: float) -> float:
    """Boards up in the end, when the bank is cycled as often as pays.

    A bank that comes up badly may be cycled again, so the average over what a boot yields counts
    every outcome at least as high as going on from it. Source: optimal stopping with recall of
    nothing, by induction from the last attempt.

    Args:
        view: the bank.
        history: how often a boot yields what.
        left: cycles that may still be made, at least one.
        each: what a cycle costs, in boards.
    """
    sound = sum(
        history.sound(board.name) * (1.0 if board.ready else _CURES[board.cure])
        for board in view.expected
    )
    total = history.boots.count
    outcomes = [(part * sound, often / total) for part, often in history.boots.yields.items()]
    expected = float("-inf")
    for _ in range(max(left, 1)):
        expected = sum(often * max(up, expected - each) for up, often in outcomes)
    return expected


def _chance(board: BoardView, history: History) -> float:
    """Probability that a board is up after it was cycled alone."""
    return history.chance(board.name) * _CURES[board.cure]


def _price(
    gain: float, at_risk: int, view: BankView, history: History, settings: Settings
) -> Price:
    minutes = history.minutes + settings.off_s / 60
    heat = min(max(view.heat, 0.0), 1.0)
    return Price(
        gain=gain,
        at_risk=at_risk,
        minutes=minutes,
        worth=gain * settings.board_minutes,
        cost=minutes * (1 + _HEAT * heat) / max(view.lanes, 1),
    )
