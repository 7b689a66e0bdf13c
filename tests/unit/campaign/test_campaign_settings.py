"""Knobs that mean nothing are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from picluster.campaign.settings import Settings, Timeouts, settings_from
from picluster.errors import PiclusterError


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"quorum": 0.0}, "quorum 0"),
        ({"quorum": 1.5}, "quorum 1.5"),
        ({"quorum": float("nan")}, "quorum nan"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"max_attempts": 0}, "max_attempts 0"),
        ({"max_banks_on": 0}, "max_banks_on 0"),
        ({"stagger_s": -1.0}, "stagger_s -1"),
        ({"link_mbit": 0.0}, "link_mbit 0"),
        ({"max_temp_c": 83.0}, "max_temp_c 83"),
        ({"off_s": float("nan")}, "off_s nan"),
        ({"timeouts": Timeouts(boot=0)}, "timeouts.boot 0"),
    ],
)
def test_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(PiclusterError, match=words):
        Settings(**values)


def test_a_gigabit_loads_several_banks_at_a_time_and_ten_more() -> None:
    assert Settings().boards_loading == 166
    assert Settings(link_mbit=10_000).boards_loading == 1666
    assert Settings(link_mbit=1).boards_loading == 1


def test_settings_of_a_playbook() -> None:
    values = {"quorum": "0.5", "batch_size": "2", "max_banks_on": None, "timeouts": {"boot": 300}}
    assert settings_from(values) == Settings(quorum=0.5, batch_size=2, timeouts=Timeouts(boot=300))
    assert settings_from({}) == Settings()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"speed": 3}, "no setting is called speed"),
        ({"quorum": "much"}, "quorum 'much' is no number"),
        ({"quorum": True}, "quorum 'True' is no number"),
        ({"stagger_s": "inf"}, "stagger_s 'inf' is no number"),
        ({"batch_size": 1.5}, "batch_size 1.5 is no whole number"),
        ({"timeouts": 3}, "timeouts is '3'"),
        ({"timeouts": {"dinner": 3}}, "no setting is called timeouts.dinner"),
        ({"quorum": 7}, "quorum 7 is no part of a bank"),
    ],
)
def test_settings_of_a_playbook_that_mean_nothing(values: dict[str, Any], words: str) -> None:
    with pytest.raises(PiclusterError, match=re.escape(words)):
        settings_from(values)
