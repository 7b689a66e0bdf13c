"""The two ways banks were booted before, to compare with."""

from __future__ import annotations

from picluster.campaign.policy.history import History
from picluster.campaign.policy.view import Accept, BankView, CycleBank, Decision
from picluster.campaign.settings import Settings


class UntilAllUp:
    """Shut down and try again: cycle the bank until all of it is up, as often as is allowed."""

    name = "until-all-up"
    quarantines = False

    def decide(self, view: BankView, _history: History, settings: Settings) -> Decision:
        """Say what to do with a bank."""
        if view.ready == len(view.expected):
            return Accept("all boards are ready")
        if view.attempt >= settings.max_attempts:
            return Accept(f"{view.attempt} attempts were made")
        return CycleBank(f"{view.ready} of {len(view.expected)} ready")


class FirstResult:
    """Take what comes up at the first try."""

    name = "first-result"
    quarantines = False

    def decide(self, view: BankView, _history: History, _settings: Settings) -> Decision:
        """Say what to do with a bank."""
        return Accept(f"{view.ready} of {len(view.expected)} ready at the first try")
