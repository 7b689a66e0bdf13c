"""What to do with a bank whose boards have all come up or failed."""

from picluster.campaign.policy.baselines import FirstResult, UntilAllUp
from picluster.campaign.policy.history import Boots, History, Outcome, Record
from picluster.campaign.policy.priced import Priced
from picluster.campaign.policy.view import (
    Accept,
    BankView,
    BoardView,
    CycleBank,
    CycleBoards,
    Decision,
    Policy,
    Price,
)

__all__ = [
    "Accept",
    "BankView",
    "BoardView",
    "Boots",
    "CycleBank",
    "CycleBoards",
    "Decision",
    "FirstResult",
    "History",
    "Outcome",
    "Policy",
    "Price",
    "Priced",
    "Record",
    "UntilAllUp",
]
