"""The order power is switched in: rules described, and rules that follow from the description."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from picluster.cluster.model import Cluster, Feed, SupplyEntry
from picluster.errors import Problem
from picluster.power.graph import arrow, find_circle
from picluster.power.model import Rule


def supply_entries(cluster: Cluster) -> tuple[SupplyEntry, ...]:
    """Supplies described, and one for each bank that names its outlet itself."""
    own = (
        SupplyEntry(name, bank.pdu, bank.outlet, (Feed(name, bank.number),))
        for bank in cluster.banks
        if bank.pdu is not None and bank.outlet is not None
        for name in (f"bank_{bank.number}",)
    )
    return (*cluster.supplies, *own)


def rules_of(cluster: Cluster) -> tuple[Rule, ...]:
    """Every rule; of several for the same two loads the one described counts."""
    found: dict[tuple[str, str], Rule] = {}
    for rule in (*_described(cluster), *_following(cluster)):
        found.setdefault((rule.first, rule.then), rule)
    return tuple(found.values())


def _described(cluster: Cluster) -> Iterator[Rule]:
    for entry in cluster.power_order:
        for first in entry.first:
            wait_s = _wait(cluster, first) if entry.wait_s is None else entry.wait_s
            for then in entry.then:
                if then != first:
                    yield Rule(
                        first, then, entry.why or f"{first} before {then} is described", wait_s
                    )


def _following(cluster: Cluster) -> Iterator[Rule]:
    """A bank needs its switch and the server that boots it, everything on a PDU needs the PDU."""
    for bank in cluster.banks:
        name = f"bank_{bank.number}"
        if bank.switch is not None:
            why = f"{bank.switch} carries the network of bank {bank.number}"
            yield Rule(bank.switch, name, why, _wait(cluster, bank.switch))
        why = f"{bank.boot_server} boots bank {bank.number}"
        yield Rule(bank.boot_server, name, why, _wait(cluster, bank.boot_server))
    for supply in supply_entries(cluster):
        for feed in supply.feeds:
            yield Rule(supply.pdu, feed.name, f"{supply.pdu} feeds {feed.name}")


def _wait(cluster: Cluster, first: str) -> float:
    if any(switch.name == first for switch in cluster.switches):
        return cluster.power.switch_wait_s
    if any(server.name == first for server in cluster.servers):
        return cluster.power.server_wait_s
    return 0.0


def order_problems(cluster: Cluster) -> Iterator[Problem]:
    """Rules that go round in a circle, between loads or between the outlets they hang on."""
    rules = rules_of(cluster)
    edges: dict[str, set[str]] = defaultdict(set)
    for rule in rules:
        edges[rule.first].add(rule.then)
    circle = find_circle(edges)
    if circle:
        yield _problem(cluster, circle, f"the power order goes round in a circle: {arrow(circle)}")
        return
    outlets: dict[str, list[str]] = defaultdict(list)
    for supply in supply_entries(cluster):
        for feed in supply.feeds:
            outlets[feed.name].append(f"{supply.pdu}:{supply.outlet}")
    between: dict[str, set[str]] = defaultdict(set)
    for rule in rules:
        for first in outlets[rule.first]:
            between[first].update(then for then in outlets[rule.then] if then != first)
    circle = find_circle(between)
    if circle:
        what = f"the power order goes round in a circle between outlets: {arrow(circle)}"
        names = [name for name, places in outlets.items() if set(places) & set(circle)]
        yield _problem(cluster, names, what)


def _problem(cluster: Cluster, names: list[str], what: str) -> Problem:
    """Point at a described rule of the circle, else at a supply in it, else at the description."""
    line = None
    for i, entry in enumerate(cluster.power_order):
        if set(entry.first) & set(names) and set(entry.then) & set(names):
            line = cluster.lines.get(f"power_order {i}")
            break
    else:
        for supply in cluster.supplies:
            if {feed.name for feed in supply.feeds} & set(names):
                line = cluster.lines.get(f"supplies {supply.name}")
                break
    return Problem(what, "remove one of its rules or supplies", str(cluster.path), line)
