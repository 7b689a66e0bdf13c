"""From what is asked to what has to be switched, in which order, and why: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from picluster.errors import PiclusterError, Problem, refusal
from picluster.power.graph import Needs, dependents_of, needs_of, ordered
from picluster.power.limits import limit_problems, taken_as_on
from picluster.power.model import (
    Action,
    Kind,
    Outlet,
    OutletState,
    PowerModel,
    PowerPlan,
    Rule,
    Step,
    Supply,
)
from picluster.power.targets import Selection

States = Mapping[Outlet, OutletState]


def plan_power(
    model: PowerModel,
    action: Action,
    selection: Selection,
    states: States,
    *,
    dead: Collection[str] = (),
    cut_servers: bool = False,
) -> PowerPlan:
    """Say what has to be switched for an action, in which order, what else follows, and why.

    Switching on takes what is needed first with it; switching off takes what depends on it off
    before; a cycle touches nothing but what is asked, and says what notices. An outlet of unknown
    state is switched in any case and counts as on where limits are concerned; but what is needed
    first and hangs on a dead PDU is taken for on, for nothing can be done about it.

    Args:
        model: the cluster's power.
        action: what is asked.
        selection: for what (see :class:`picluster.power.targets.Targets`).
        states: what is known of the outlets.
        dead: PDUs that did not answer.
        cut_servers: servers nobody named may lose power.

    Raises:
        PiclusterError: more amperes or banks than allowed, or a server would lose power.
    """
    draft = _Draft(model, action, selection, states, frozenset(dead))
    if action is Action.OFF:
        draft.take_off()
    else:
        draft.take_on()
    problems = list(draft.limit_problems())
    if not cut_servers:
        problems += draft.server_problems()
    if problems:
        raise PiclusterError(problems)
    return draft.plan()


def outlets_to_read(model: PowerModel, action: Action, selection: Selection) -> set[Outlet]:
    """The outlets whose state a plan depends on.

    Args:
        model: the cluster's power.
        action: what is asked.
        selection: for what.
    """
    needs = needs_of(model)
    wanted = set(selection.outlets)
    if action is not Action.OFF:
        wanted |= _closure(wanted, needs)
        if model.limits.max_banks_on is not None:
            wanted |= set(model.supplies)
        for circuit in model.circuits:
            if circuit.outlets & wanted:
                wanted |= circuit.outlets
    if action is not Action.ON:
        wanted |= _closure(set(selection.outlets), dependents_of(needs))
    return wanted


def _closure(outlets: set[Outlet], edges: Needs) -> set[Outlet]:
    found, queue = set(outlets), list(outlets)
    while queue:
        for need in edges.get(queue.pop(), ()):
            if need.outlet not in found:
                found.add(need.outlet)
                queue.append(need.outlet)
    return found


@dataclass(slots=True)
class _Draft:
    """A plan in the making: outlet → what to do with it, and the reasons."""

    model: PowerModel
    action: Action
    selection: Selection
    states: States
    dead: frozenset[str] = frozenset()
    todo: dict[Outlet, Action] = field(default_factory=dict)
    why: dict[Outlet, list[str]] = field(default_factory=dict)
    idle: list[Outlet] = field(default_factory=list)
    assumed: dict[Outlet, None] = field(default_factory=dict)

    def take_on(self) -> None:
        """What goes on or is cycled, with what has to be on before."""
        needs = needs_of(self.model)
        queue: list[Outlet] = []
        for outlet in sorted(self.selection.outlets):
            state = self._state(outlet)
            if self.action is Action.ON and state is OutletState.ON:
                self.idle.append(outlet)
                continue
            off = state is OutletState.OFF
            self._add(outlet, Action.ON if off else self.action, "asked for")
            if self.action is Action.CYCLE and off:
                self._because(outlet, "it is off: there is nothing to cycle, it goes on")
            queue.append(outlet)
        while queue:
            then = queue.pop()
            for need in needs.get(then, ()):
                if need.outlet not in self.todo and self._beyond_reach(need.outlet):
                    self.assumed[need.outlet] = None
                elif self._state(need.outlet) is not OutletState.ON:
                    if need.outlet not in self.todo:
                        queue.append(need.outlet)
                    clauses = (f"{rule.then} needs it first: {rule.why}" for rule in need.rules)
                    self._add(need.outlet, Action.ON, *clauses)

    def take_off(self) -> None:
        """What goes off, with what has to be off before."""
        dependents = dependents_of(needs_of(self.model))
        queue: list[Outlet] = []
        for outlet in sorted(self.selection.outlets):
            if self._state(outlet) is OutletState.OFF:
                self.idle.append(outlet)
            else:
                self._add(outlet, Action.OFF, "asked for")
                queue.append(outlet)
        while queue:
            first = queue.pop()
            for need in dependents.get(first, ()):
                if self._state(need.outlet) is not OutletState.OFF:
                    if need.outlet not in self.todo:
                        queue.append(need.outlet)
                    clauses = (f"{rule.first} goes off: {rule.why}" for rule in need.rules)
                    self._add(need.outlet, Action.OFF, *clauses)

    def _beyond_reach(self, outlet: Outlet) -> bool:
        return outlet.pdu in self.dead and self._state(outlet) is OutletState.UNKNOWN

    def _state(self, outlet: Outlet) -> OutletState:
        return self.states.get(outlet, OutletState.UNKNOWN)

    def _add(self, outlet: Outlet, action: Action, *why: str) -> None:
        self.todo.setdefault(outlet, action)
        for clause in why:
            self._because(outlet, clause)

    def _because(self, outlet: Outlet, clause: str) -> None:
        clauses = self.why.setdefault(outlet, [])
        if clause not in clauses:
            clauses.append(clause)

    def limit_problems(self) -> Iterable[Problem]:
        """What would be exceeded once everything is on."""
        going_on = {o for o, action in self.todo.items() if action is not Action.OFF}
        if all(self._state(outlet) is OutletState.ON for outlet in going_on):
            return ()  # a cycle adds nothing to what is on
        on = taken_as_on(self.states, self.model) | going_on
        unknown = {o for o in on - going_on if self._state(o) is OutletState.UNKNOWN}
        return limit_problems(self.model, on, unknown)

    def server_problems(self) -> list[Problem]:
        """A server that would lose power though nobody named it, or its outlet."""
        problems = []
        for outlet, action in sorted(self.todo.items()):
            if action is Action.ON or outlet in self.selection.bare:
                continue
            for load in self.model.supplies[outlet].loads:
                if load.kind is Kind.SERVER and load.name not in self.selection.loads:
                    what = f"outlet {outlet} feeds server {load.name}, which would lose power"
                    remedy = "shut the server down and name it too, or give --cut-servers"
                    problems.append(Problem(what, remedy))
        return problems

    def plan(self) -> PowerPlan:
        """The finished plan."""
        needs = needs_of(self.model)
        order = ordered(self.todo, needs)
        if self.action is Action.OFF:
            order.reverse()
            needs = dependents_of(needs)
        numbers = {outlet: number for number, outlet in enumerate(order, start=1)}
        return PowerPlan(
            action=self.action,
            targets=self.selection.targets,
            steps=tuple(self._step(outlet, numbers, needs) for outlet in order),
            collateral=tuple(self._collateral(order)),
            notes=tuple(self._notes(order)),
            idle=tuple(self.idle),
            stagger_s=self.model.limits.stagger_s,
            off_s=self.model.limits.off_s,
        )

    def _step(self, outlet: Outlet, numbers: Mapping[Outlet, int], needs: Needs) -> Step:
        supply, action = self.model.supplies[outlet], self.todo[outlet]
        before = [need for need in needs.get(outlet, ()) if need.outlet in numbers]
        waits = (need.wait_s for need in before) if action is not Action.OFF else ()
        return Step(
            number=numbers[outlet],
            action=action,
            outlet=outlet,
            loads=tuple(load.name for load in supply.loads),
            after=tuple(sorted(numbers[need.outlet] for need in before)),
            wait_s=max(waits, default=0.0),
            known=self._state(outlet),
            cuts=() if action is Action.ON else supply.nodes,
            circuit=self._circuit(outlet),
            why=tuple(self.why[outlet]),
        )

    def _circuit(self, outlet: Outlet) -> str:
        return next((c.name for c in self.model.circuits if outlet in c.outlets), "")

    def _collateral(self, order: Iterable[Outlet]) -> Iterable[str]:
        """What loses power though nobody named it, in order of the steps."""
        meant = self.selection.nodes | self.selection.loads
        for outlet in order:
            if self.todo[outlet] is Action.ON or outlet in self.selection.bare:
                continue
            supply = self.model.supplies[outlet]
            yield from (load.name for load in supply.loads if self._other(load.kind, load.name))
            yield from (node for node in supply.nodes if node not in meant)

    def _other(self, kind: Kind, name: str) -> bool:
        return kind is not Kind.BANK and name not in self.selection.loads

    def _notes(self, order: list[Outlet]) -> Iterable[str]:
        for name in self.selection.without:
            yield f"{name} has no outlet: it is left as it is"
        for outlet in self.assumed:
            names = ", ".join(load.name for load in self.model.supplies[outlet].loads)
            yield f"{names} is taken for on: {outlet.pdu} does not answer"
        for outlet in order:
            yield from self._shared(self.model.supplies[outlet], self.todo[outlet])
        if self.action is Action.CYCLE:
            yield from self._noticed(order)

    def _shared(self, supply: Supply, action: Action) -> Iterable[str]:
        """What one outlet means for more than was asked for."""
        servers = [load.name for load in supply.loads if load.kind is Kind.SERVER]
        if servers and action is not Action.ON:
            yield f"{' and '.join(servers)} loses power as it runs: shut it down before"
        asked = supply.outlet in self.selection.outlets - self.selection.bare
        others = [load.name for load in supply.loads if self._other(load.kind, load.name)]
        boards = [node for node in supply.nodes if node not in self.selection.nodes]
        if asked and (others or boards):
            verb = "powers" if action is Action.ON else "cuts"
            parts = [f"{len(boards)} boards nobody named ({_span(boards)})"] if boards else []
            what = f"{_DOING[action]} outlet {supply.outlet}"
            yield f"{what} also {verb} {' and '.join([*parts, *others])}"
        elif len(supply.loads) > 1:
            names = " and ".join(load.name for load in supply.loads)
            yield f"{names} are one power domain at outlet {supply.outlet}"

    def _noticed(self, order: list[Outlet]) -> Iterable[str]:
        """What a cycle does to things that stay on."""
        dependents = dependents_of(needs_of(self.model))
        boards: dict[Rule, int] = {}
        for outlet in order:
            if self.todo[outlet] is not Action.CYCLE:
                continue
            for need in dependents.get(outlet, ()):
                if need.outlet in self.todo or self._state(need.outlet) is OutletState.OFF:
                    continue
                for rule in need.rules:
                    count = len(self.model.supplies[need.outlet].nodes)
                    boards[rule] = boards.get(rule, 0) + count
        for rule, count in boards.items():
            yield f"{rule.then} ({count} boards) stays on without {rule.first}: {rule.why}"


_DOING = {
    Action.ON: "switching on",
    Action.OFF: "switching off",
    Action.CYCLE: "cycling",
}


def _span(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def power_plan_of_outlets(
    model: PowerModel,
    action: Action,
    outlets: Iterable[Outlet],
    states: States,
    *,
    dead: Collection[str] = (),
) -> PowerPlan:
    """The plan for outlets as such: what hangs on them is meant.

    Raises:
        PiclusterError: see :func:`plan_power`, or an outlet that feeds nothing described.
    """
    wanted = frozenset(outlets)
    unknown = sorted(wanted - set(model.supplies))
    if unknown:
        raise refusal(f"nothing is described at outlet {unknown[0]}", "describe what it feeds")
    names = tuple(map(str, sorted(wanted)))
    return plan_power(model, action, Selection(names, wanted, bare=wanted), states, dead=dead)
