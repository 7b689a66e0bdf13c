"""Everything about a cluster's power in one place: what commands, playbooks and campaigns use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from picluster.plan.model import AddressPlan
from picluster.power.build import build_power
from picluster.power.control import Watch, carry_out, dead_pdus, read_outlets, states_of
from picluster.power.driver import Connect, Reading, StepResult
from picluster.power.drivers.connect import connector
from picluster.power.drivers.context import Ask
from picluster.power.model import Action, Outlet, PowerModel, PowerPlan
from picluster.power.planning import outlets_to_read, plan_power
from picluster.power.targets import Selection, Targets


@dataclass(frozen=True, slots=True)
class PowerDesk:
    """A cluster's power, and the way to its PDUs.

    Attributes:
        model: what feeds what.
        targets: finds the outlets of what a user names.
        connect: opens sessions with PDUs.
    """

    model: PowerModel
    targets: Targets
    connect: Connect

    @classmethod
    def of(
        cls,
        plan: AddressPlan,
        *,
        ask: Ask | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> PowerDesk:
        """The desk of a cluster.

        Args:
            plan: the address plan.
            ask: asks the operator, for PDUs of driver ``manual``; ``None`` where nobody is there.
            environ: where secrets come from; the process's own variables when ``None``.
        """
        model = build_power(plan)
        connect = connector(model, plan.cluster, ask=ask, environ=environ)
        return cls(model, Targets(plan, model), connect)

    def select(self, names: Iterable[str]) -> Selection:
        """See :meth:`picluster.power.targets.Targets.select`."""
        return self.targets.select(names)

    async def read(self, outlets: Collection[Outlet]) -> dict[Outlet, Reading]:
        """See :func:`picluster.power.control.read_outlets`."""
        return await read_outlets(self.connect, outlets)

    async def look(self, action: Action, selection: Selection) -> dict[Outlet, Reading]:
        """Read what a plan for this would depend on."""
        return await self.read(outlets_to_read(self.model, action, selection))

    def plan(
        self,
        action: Action,
        selection: Selection,
        readings: Iterable[Reading],
        *,
        cut_servers: bool = False,
    ) -> PowerPlan:
        """See :func:`picluster.power.planning.plan_power`; takes what :meth:`look` gave."""
        read = list(readings)
        return plan_power(
            self.model,
            action,
            selection,
            states_of(read),
            dead=dead_pdus(read),
            cut_servers=cut_servers,
        )

    async def carry_out(
        self, plan: PowerPlan, watch: Watch | None = None
    ) -> tuple[StepResult, ...]:
        """See :func:`picluster.power.control.carry_out`."""
        if watch is None:
            return await carry_out(plan, self.connect)
        return await carry_out(plan, self.connect, watch)
