"""What to do with a settled bank, and what it costs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.campaign.diagnose import Cure
from picluster.campaign.policy import (
    Accept,
    BankView,
    BoardView,
    Boots,
    CycleBank,
    CycleBoards,
    FirstResult,
    History,
    Outcome,
    Priced,
    Record,
    UntilAllUp,
)
from picluster.campaign.policy.view import needed
from picluster.campaign.settings import Settings

SETTINGS = Settings(max_attempts=4)


def bank(ready: int, failed: int, *, attempt: int = 1, lanes: int = 3, heat: float = 0.0,
         cure: Cure = Cure.LIKELY, alone: bool = False) -> BankView:  # fmt: skip
    boards = [BoardView(f"pi-1-{n}", ready=True, alone=alone) for n in range(1, ready + 1)]
    boards += [
        BoardView(f"pi-1-{n}", ready=False, cure=cure, alone=alone, attempts=attempt)
        for n in range(ready + 1, ready + failed + 1)
    ]
    return BankView(1, attempt, tuple(boards), lanes=lanes, heat=heat)


def decided(view: BankView, history: History | None = None, settings: Settings = SETTINGS) -> type:
    return type(Priced().decide(view, history or History(), settings))


@pytest.mark.parametrize(
    ("ready", "decision"),
    [(42, Accept), (41, Accept), (40, Accept), (37, CycleBank), (30, CycleBank), (0, CycleBank)],
)
def test_forty_of_forty_two_are_enough(ready: int, decision: type) -> None:
    assert decided(bank(ready, 42 - ready)) is decision


def test_a_bank_is_not_cycled_for_what_a_cycle_does_not_cure() -> None:
    assert decided(bank(37, 5, cure=Cure.NO)) is Accept


def test_a_board_with_an_outlet_of_its_own_is_cycled_alone() -> None:
    decision = Priced().decide(bank(40, 2, alone=True), History(), SETTINGS)
    assert isinstance(decision, CycleBoards)
    assert decision.boards == ("pi-1-41", "pi-1-42")
    assert decision.price is not None
    assert decision.price.at_risk == 0


def test_attempts_are_counted() -> None:
    assert decided(bank(30, 12, attempt=2)) is CycleBank
    assert decided(bank(30, 12, attempt=4)) is Accept
    assert decided(bank(40, 2, attempt=4, alone=True)) is Accept


def test_a_bank_is_not_cycled_for_boards_that_can_be_cycled_alone() -> None:
    """Below the quorum, and no board worth another try: the good ones keep their power."""
    view = bank(20, 22, cure=Cure.NO, alone=True)
    decision = Priced().decide(view, History(), SETTINGS)
    assert isinstance(decision, Accept)
    assert "cycled alone" in decision.why
    assert decided(bank(20, 22)) is CycleBank


def test_a_price_counts_what_is_lost() -> None:
    """40 ready boards come up again with the measured probability only."""
    once = Priced().price(bank(39, 3, attempt=3), History(), SETTINGS)
    # the average boot brings 39; with one attempt left there is nothing to win on average
    assert once.at_risk == 39
    assert -1 < once.gain < 0.5
    assert not once.pays


def test_attempts_that_are_left_make_a_bad_boot_less_bad() -> None:
    gains = [
        Priced().price(bank(39, 3, attempt=attempt), History(), SETTINGS).gain
        for attempt in (3, 2, 1)
    ]
    assert gains == sorted(gains)
    assert decided(bank(39, 3, attempt=1)) is CycleBank


def test_a_boot_that_always_yields_the_same_is_worth_that() -> None:
    history = History(earlier=Boots({1.0: 10.0}, 2.0))
    price = Priced().price(bank(20, 0), history, SETTINGS)
    # nobody is quite sure to be sound
    assert price.gain == pytest.approx(-20 * 0.015)


def test_a_good_past_makes_a_cycle_cheaper_than_a_bad_one() -> None:
    good, bad = History(), History()
    for _ in range(200):
        good.earlier.add(1.0, 1.5)
        bad.earlier.add(0.8, 1.5)
    view = bank(38, 4)
    gains = [Priced().price(view, history, SETTINGS).gain for history in (good, bad)]
    assert gains[0] > 2
    assert gains[1] < 0
    assert (decided(view, good), decided(view, bad)) == (CycleBank, Accept)


def test_heat_and_time_make_a_cycle_dearer() -> None:
    slow = History()
    for _ in range(200):
        slow.earlier.add(0.97, 9.0)
    view = bank(36, 6, lanes=1)
    assert decided(view, slow) is Accept
    assert decided(bank(36, 6, lanes=8), slow) is CycleBank
    dear = Priced().price(bank(36, 6, heat=1.0), History(), SETTINGS)
    cheap = Priced().price(bank(36, 6, heat=0.0), History(), SETTINGS)
    assert dear.cost == pytest.approx(2 * cheap.cost)


def test_boards_that_do_not_count_are_left_out_of_account() -> None:
    view = bank(37, 5)
    boards = tuple(BoardView(b.name, b.ready, b.cure, expected=b.ready) for b in view.boards)
    assert decided(BankView(1, 1, boards)) is Accept


def test_something_common_that_is_wrong_ends_the_cycling() -> None:
    history = History()
    view = bank(10, 32)
    assert decided(view, history) is CycleBank
    for _ in range(4):
        history.present.add(0.1, 2.0)
    assert history.badly
    assert decided(view, history) is Accept


def test_a_boot_of_this_campaign_does_not_change_the_price_of_the_next_bank() -> None:
    history = History()
    before = Priced().price(bank(37, 5), history, SETTINGS)
    for _ in range(5):
        history.present.add(0.9, 4.0)
    assert Priced().price(bank(37, 5), history, SETTINGS) == before


# ---- records


def test_a_board_that_fails_alone_again_and_again_is_bad() -> None:
    record, chances = Record(), []
    for _ in range(3):
        record = record.after(Outcome("x", ready=False, key="no-discover"))
        chances.append(record.bad)
    assert chances == sorted(chances)
    assert chances[0] < 0.5 < chances[1]
    assert (record.failures, record.boots, record.last) == (3, 3, "no-discover")


def test_failing_with_half_the_bank_says_little_of_the_board() -> None:
    alone = Record().after(Outcome("x", ready=False))
    together = Record().after(Outcome("x", ready=False, others_failed=0.5))
    assert together.bad < 0.05 < alone.bad


def test_coming_up_alone_is_nothing_against_a_board() -> None:
    for others in (0.0, 0.5, 0.9, 1.0):
        came_up = Record().after(Outcome("x", ready=True, others_failed=others))
        assert came_up.bad < Record().bad


def test_coming_up_clears_a_board() -> None:
    record = Record().after(Outcome("x", ready=False)).after(Outcome("x", ready=True))
    assert record.failures == 0
    assert record.bad < 0.1


def test_what_was_not_its_fault_is_not_held_against_it() -> None:
    assert Record().after(Outcome("x", ready=False, excused=True)) == Record()


# ---- the baselines


def test_until_all_up_knows_nothing_but_all() -> None:
    policy, settings = UntilAllUp(), Settings(max_attempts=4)
    assert isinstance(policy.decide(bank(41, 1), History(), settings), CycleBank)
    assert isinstance(policy.decide(bank(42, 0), History(), settings), Accept)
    assert isinstance(policy.decide(bank(41, 1, attempt=4), History(), settings), Accept)


def test_first_result_takes_anything() -> None:
    assert isinstance(FirstResult().decide(bank(1, 41), History(), SETTINGS), Accept)


# ---- properties

VIEWS = st.builds(
    bank,
    ready=st.integers(0, 60),
    failed=st.integers(0, 60),
    attempt=st.integers(1, 5),
    lanes=st.integers(1, 20),
    heat=st.floats(0, 1),
    cure=st.sampled_from(Cure),
    alone=st.booleans(),
).filter(lambda view: bool(view.boards))


@settings(deadline=None)
@given(VIEWS)
def test_ready_boards_are_cut_only_at_a_price_that_pays(view: BankView) -> None:
    decision = Priced().decide(view, History(), SETTINGS)
    if isinstance(decision, CycleBank):
        assert decision.price is not None
        assert decision.price.pays
        assert decision.price.at_risk == view.ready
        assert view.attempt < SETTINGS.max_attempts
    if isinstance(decision, CycleBoards):
        ready = {board.name for board in view.boards if board.ready}
        assert not ready & set(decision.boards)


@settings(deadline=None)
@given(st.integers(1, 300), st.floats(0.01, 1.0))
def test_a_quorum_is_the_same_part_rounded_up(boards: int, quorum: float) -> None:
    assert boards * quorum - 1e-6 <= needed(boards, quorum) < boards * quorum + 1
    assert needed(42, 40 / 42) == 40
    assert needed(21, 40 / 42) == 20
