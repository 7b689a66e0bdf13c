"""Why a board is not ready: its stage, the evidence, the likely cause, and what to do."""

from picluster.campaign.diagnose.diagnosis import BankFacts, Case, Diagnosis, diagnose
from picluster.campaign.diagnose.rules import RULES, Cure, Rule

__all__ = ["RULES", "BankFacts", "Case", "Cure", "Diagnosis", "Rule", "diagnose"]
