"""The stop rule: boards of the next bank that are touched, for every mix around the budget.

The roll-out's own engine in virtual time, two banks of 42 boards, a budget of 3; between none and
seven boards of the first bank fail and between none and seven do not answer.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.bench.figure import Figure, exactly
from tests.unit.rollout.rolling import FakeWorld, roll

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUDGET, _MOST = 3, 8


def figures() -> Iterator[Figure]:
    """Every mix once."""
    touched = kept = mixes = 0
    for failed, unreachable in itertools.product(range(_MOST), repeat=2):
        told = _told(failed, unreachable)
        mixes += 1
        if failed + unreachable > _BUDGET:
            touched += told
        else:
            kept += told != 42
    yield Figure("stop_rule.mixes", mixes, "mixes", exactly(_MOST**2))
    yield Figure("stop_rule.touched_beyond_budget", touched, "boards", exactly(0))
    yield Figure("stop_rule.stopped_within_budget", kept, "mixes", exactly(0))
    yield Figure("stop_rule.five_and_one", _told(5, 1), "boards", exactly(0))


def _told(failed: int, unreachable: int) -> int:
    """Boards of the second bank that are assigned something, or told."""
    world = FakeWorld({1: 42, 2: 42})
    lost = world.names(1)[1:][: failed + unreachable]
    world.failing = dict.fromkeys(lost[:failed], "too ill")
    world.silent = set(lost[failed:])
    roll(world, budget=_BUDGET)
    return len({name for name in (*world.assigned, *world.poked) if name.startswith("pi-2-")})
