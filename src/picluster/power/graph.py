"""Which outlets have to be on before which: the order rules, seen from the outlets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from picluster.power.model import Outlet, PowerModel, Rule


@dataclass(frozen=True, slots=True)
class Need:
    """One outlet that has to be on before another, and the rules that say so."""

    outlet: Outlet
    rules: tuple[Rule, ...]

    @property
    def wait_s(self) -> float:
        """Seconds to wait between the two."""
        return max((rule.wait_s for rule in self.rules), default=0.0)


Needs = Mapping[Outlet, tuple[Need, ...]]


def needs_of(model: PowerModel) -> Needs:
    """For each outlet, the outlets that have to be on before it; only those that have any.

    A rule between two loads of one outlet asks for nothing: they go on together.
    """
    found: dict[Outlet, dict[Outlet, list[Rule]]] = defaultdict(lambda: defaultdict(list))
    outlets = _outlets_by_load(model)
    for rule in model.rules:
        for then in outlets.get(rule.then, ()):
            for first in outlets.get(rule.first, ()):
                if first != then:
                    found[then][first].append(rule)
    return {
        then: tuple(Need(first, tuple(rules)) for first, rules in sorted(firsts.items()))
        for then, firsts in found.items()
    }


def dependents_of(needs: Needs) -> Needs:
    """The same, turned round: for each outlet, the outlets that need it."""
    found: dict[Outlet, list[Need]] = defaultdict(list)
    for then in sorted(needs):
        for need in needs[then]:
            found[need.outlet].append(Need(then, need.rules))
    return {outlet: tuple(thens) for outlet, thens in found.items()}


def _outlets_by_load(model: PowerModel) -> dict[str, list[Outlet]]:
    found: dict[str, list[Outlet]] = defaultdict(list)
    for outlet, supply in sorted(model.supplies.items()):
        for load in supply.loads:
            found[load.name].append(outlet)
    return found


def ordered(outlets: Iterable[Outlet], needs: Needs) -> list[Outlet]:
    """Outlets in an order in which each comes after what it needs; ties by name and number.

    Args:
        outlets: the outlets to put in order.
        needs: without a circle (see :func:`find_circle`).
    """
    left = sorted(set(outlets))
    members, placed, order = set(left), set[Outlet](), list[Outlet]()
    while left:
        ready = [
            outlet
            for outlet in left
            if all(
                need.outlet in placed or need.outlet not in members
                for need in needs.get(outlet, ())
            )
        ]
        order += ready
        placed.update(ready)
        left = [outlet for outlet in left if outlet not in placed]
    return order


def find_circle(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """Names that go round in a circle, the first one again at the end; empty when none do.

    Args:
        edges: name → names that come after it.
    """
    done = set[str]()
    for start in sorted(edges):
        circle = _circle_from(start, edges, done)
        if circle:
            return circle
    return []


def _circle_from(start: str, edges: Mapping[str, Iterable[str]], done: set[str]) -> list[str]:
    # Depth first without recursion: a chain of rules may be as long as a description.
    path, stack = list[str](), [iter([start])]
    on_path = set[str]()
    while stack:
        name = next(stack[-1], None)
        if name is None:
            stack.pop()
            if path:
                finished = path.pop()
                on_path.discard(finished)
                done.add(finished)
        elif name in on_path:
            return [*path[path.index(name) :], name]
        elif name not in done:
            path.append(name)
            on_path.add(name)
            stack.append(iter(sorted(edges.get(name, ()))))
    return []


def arrow(names: Sequence[str]) -> str:
    """A circle as text: ``a → b → a``."""
    return " → ".join(names)
