"""What a user may name for power, and the outlets it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from picluster.errors import PiclusterError, Problem, shown
from picluster.plan.inventory import bank_groups
from picluster.plan.model import AddressPlan
from picluster.power.model import Kind, Outlet, PowerModel

_OUTLET = re.compile(r"(?P<pdu>[a-z0-9._-]+):(?P<number>[0-9]{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for.

    Attributes:
        targets: as the user named them; all nodes of a bank are the bank.
        outlets: the outlets that have to be switched for it.
        nodes: names of the boards that are meant.
        loads: names of the switches, servers and PDUs that are meant.
        bare: outlets named as such: whatever hangs on them is meant.
        without: banks that are meant and have no outlet.
    """

    targets: tuple[str, ...]
    outlets: frozenset[Outlet]
    nodes: frozenset[str] = frozenset()
    loads: frozenset[str] = frozenset()
    bare: frozenset[Outlet] = frozenset()
    without: tuple[str, ...] = ()


class Targets:
    """Knows every name that can be given: groups, nodes, banks, switches, servers, outlets."""

    def __init__(self, plan: AddressPlan, model: PowerModel) -> None:
        self._plan = plan
        self._model = model
        self._nodes = {node.name: node.bank.number for node in plan.nodes}
        self._groups: dict[str, list[int]] = {}
        for bank in plan.cluster.banks:
            for group in ("all", *bank_groups(bank)):
                self._groups.setdefault(group, []).append(bank.number)
        self._others = {
            load.name: load.kind
            for supply in model.supplies.values()
            for load in supply.loads
            if load.kind is not Kind.BANK
        }

    def select(self, names: Iterable[str]) -> Selection:
        """The outlets of everything named.

        Args:
            names: ``all``, a group of the inventory (``bank_11``, ``rack_1``, ``side_front``, …), a
                node, a switch, server or PDU with an outlet, ``switches``, or ``PDU:OUTLET``;
                several with commas between. ``all`` means every bank, no switch and no server.

        Raises:
            PiclusterError: nothing named, an unknown name, or something without an outlet; one
                problem each.
        """
        targets = [part.strip() for name in names for part in name.split(",") if part.strip()]
        problems: list[Problem] = []
        if not targets:
            problems.append(self._problem("no target is named", self._known()))
        parts = [self._one(target, problems) for target in dict.fromkeys(targets)]
        if problems:
            raise PiclusterError(problems)
        return Selection(
            self._short(dict.fromkeys(targets)),
            frozenset(outlet for part in parts for outlet in part.outlets),
            frozenset(node for part in parts for node in part.nodes),
            frozenset(load for part in parts for load in part.loads),
            frozenset(outlet for part in parts for outlet in part.bare),
            tuple(dict.fromkeys(name for part in parts for name in part.without)),
        )

    def _short(self, targets: Iterable[str]) -> tuple[str, ...]:
        """Names as given, with every node of a bank given as the bank."""
        named = list(targets)
        wanted: dict[int, set[str]] = {}
        for name in named:
            if name in self._nodes:
                wanted.setdefault(self._nodes[name], set()).add(name)
        whole = {number for number, names in wanted.items() if names == self._of_bank(number)}
        short = (
            f"bank_{self._nodes[name]}" if self._nodes.get(name) in whole else name
            for name in named
        )
        return tuple(dict.fromkeys(short))

    def _of_bank(self, number: int) -> set[str]:
        return {name for name, bank in self._nodes.items() if bank == number}

    def _one(self, target: str, problems: list[Problem]) -> Selection:
        numbers = self._numbers(target)
        if numbers:
            return self._banks(target, numbers, problems)
        if target in self._nodes:
            return self._node(target, problems)
        outlets = self._outlets(target, problems)
        if outlets is not None:
            return Selection((target,), outlets, bare=outlets)
        names = self._names(target)
        if not names:
            problems.append(self._problem(*self._unknown(target)))
        found = (outlet for name in names for outlet in self._model.outlets_of_load(name))
        return Selection((target,), frozenset(found), loads=frozenset(names))

    def _numbers(self, target: str) -> list[int]:
        """The banks of a group, or of a bare bank number."""
        if target.isascii() and target.isdigit():
            target = f"bank_{int(target)}"
        return self._groups.get(target, [])

    def _names(self, target: str) -> list[str]:
        """Switches, servers and PDUs with an outlet."""
        if target == "switches":
            return [name for name, kind in self._others.items() if kind is Kind.SWITCH]
        return [target] if target in self._others else []

    def _unknown(self, target: str) -> tuple[str, str]:
        cluster = self._plan.cluster
        described = {switch.name for switch in cluster.switches}
        described |= {server.name for server in cluster.servers}
        if target in described:
            return f"{target} has no outlet", "describe a supply that feeds it"
        node = re.fullmatch(r"pi-([0-9]{1,5})-([0-9]{1,5})", target, re.ASCII)
        bank = node or re.fullmatch(r"(?:bank_)?([0-9]{1,5})", target, re.ASCII)
        if bank and f"bank_{int(bank[1])}" not in self._groups:
            known = ", ".join(str(bank.number) for bank in cluster.banks)
            return f"no bank {int(bank[1])}", f"described are: {known}"
        if node:
            return f"no board is pinned as {target}", f"name one of {cluster.name}'s nodes"
        return f"{shown(target)} is nothing that has power here", self._known()

    def _banks(self, target: str, numbers: list[int], problems: list[Problem]) -> Selection:
        found = {number: self._model.outlets_of_bank(number) for number in numbers}
        without = [number for number, outlets in found.items() if not outlets]
        if len(without) == len(numbers):
            what = f"{target} has no outlet"
            problems.append(self._problem(what, "describe pdu and outlet of a bank, or a supply"))
        nodes = (name for name, bank in self._nodes.items() if bank in found)
        return Selection(
            (target,),
            frozenset(outlet for outlets in found.values() for outlet in outlets),
            frozenset(nodes),
            without=tuple(f"bank_{number}" for number in without),
        )

    def _node(self, target: str, problems: list[Problem]) -> Selection:
        outlets = self._model.outlets_of_node(target)
        if not outlets:
            what = f"{target} has no outlet"
            problems.append(self._problem(what, "describe pdu and outlet of its bank, or a supply"))
        return Selection((target,), frozenset(outlets), frozenset((target,)))

    def _outlets(self, target: str, problems: list[Problem]) -> frozenset[Outlet] | None:
        """The outlet, or those of the PDU, that is named; ``None`` where none is."""
        match = _OUTLET.fullmatch(target)
        if match and match["pdu"] in self._model.pdus:
            outlet = Outlet(match["pdu"], int(match["number"]))
            found = frozenset({outlet} & set(self._model.supplies))
        elif target in self._model.pdus and target not in self._others:
            found = frozenset(o for o in self._model.supplies if o.pdu == target)
        else:
            return None
        if not found:
            problems.append(self._problem(*self._idle(target, match)))
        return found

    def _idle(self, target: str, match: re.Match[str] | None) -> tuple[str, str]:
        count = self._model.pdus[match["pdu"]].outlets if match else None
        if match and count is not None and not 1 <= int(match["number"]) <= count:
            return f"no outlet {target}", f"{match['pdu']} has outlets 1 to {count}"
        return f"nothing is described at {target}", "describe what is fed there"

    def _problem(self, what: str, remedy: str) -> Problem:
        return Problem(what, remedy, str(self._plan.cluster.path))

    def _known(self) -> str:
        return "name " + "; ".join(self._kinds())

    def _kinds(self) -> Iterator[str]:
        groups = [name for name in self._groups if name not in ("all", "pi")]
        yield "all"
        yield f"a group ({_some(groups)})"
        yield f"a node ({_some(list(self._nodes))})" if self._nodes else "a node"
        if self._others:
            yield f"one of {_some(list(self._others))}"
        if self._model.supplies:
            yield f"an outlet ({min(self._model.supplies)})"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
