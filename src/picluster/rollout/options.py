"""What a user may say of a roll-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from picluster.errors import refusal, shown
from picluster.rollout.assigned import check_version, check_workload
from picluster.rollout.target import DEPLOY, ROLLBACK, UNDEPLOY, Limits

ACTIONS = (DEPLOY, UNDEPLOY, ROLLBACK)


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say of a roll-out.

    Attributes:
        action: one of :data:`ACTIONS`.
        workload: its name.
        version: empty for the one delivered last.
        nodes: names of nodes; empty for all.
        budget: boards a batch may lose before no further one is touched.
        recheck: ask boards, too, that said in this boot that they are well.
        limits: see :class:`~picluster.rollout.target.Limits`.
        answer_s: seconds without an answer that make a board unreachable.
        journal: file of the campaigns' journal; ``None`` for the user's own.
        reach: words before a command on a boot server, by its name.
    """

    action: str
    workload: str
    version: str = ""
    nodes: tuple[str, ...] = ()
    budget: int = 3
    recheck: bool = False
    limits: Limits = field(default_factory=Limits)
    answer_s: float = 20.0
    journal: Path | None = None
    reach: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no roll-out.

        Raises:
            PiclusterError: naming the value.
        """
        check_workload(self.workload)
        if self.version:
            check_version(self.version)
        if self.action not in ACTIONS:
            raise refusal(f"no action {shown(self.action)}", f"there are: {', '.join(ACTIONS)}")
        if self.budget < 0:
            raise refusal(f"budget {self.budget} is negative", "give 0 or more")
        if not self.answer_s > 0:
            raise refusal(f"answer_s {self.answer_s:g} is not above 0", "give seconds")
