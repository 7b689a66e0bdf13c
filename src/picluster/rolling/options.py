"""What a user may say of a rolling reboot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from picluster.campaign.settings import settings_from
from picluster.errors import refusal, shown

_HOOK = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
#: What a failed drain means for the batches after it.
STOP, GO_ON = "stop", "go_on"


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say of a rolling reboot.

    Attributes:
        hooks: names of the workloads whose hooks drain and resume boards, in the order of draining.
        budget: boards a batch may lose before no further one is touched.
        force: reboot boards, too, that run the image they would boot.
        drain_failed: ``stop`` or ``go_on`` with the next bank after a drain that failed.
        back_s: seconds boards may take to come back.
        cycle: cycle the power of boards that do not come back.
        campaign: settings of the campaign that does that.
    """

    hooks: tuple[str, ...] = ()
    budget: int = 3
    force: bool = False
    drain_failed: str = STOP
    back_s: float = 300.0
    cycle: bool = True
    campaign: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what means nothing.

        Raises:
            PiclusterError: naming the value.
        """
        object.__setattr__(self, "hooks", tuple(dict.fromkeys(self.hooks)))
        for hook in self.hooks:
            if not isinstance(hook, str) or not _HOOK.fullmatch(hook):
                raise refusal(
                    f"hook {shown(hook)} is no name of a workload", "such as slurm,kubernetes"
                )
        if self.budget < 0:
            raise refusal(f"budget {self.budget} is negative", "give 0 or more")
        if not 0 < self.back_s < float("inf"):
            raise refusal(f"back_s {self.back_s:g} is no time above 0", "give seconds")
        if self.drain_failed not in (STOP, GO_ON):
            raise refusal(f"drain_failed {shown(self.drain_failed)}", f"give {STOP} or {GO_ON}")
        settings_from(self.campaign)
