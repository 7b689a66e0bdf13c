"""What may be on at a time: amperes of circuits, and banks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from picluster.errors import Problem
from picluster.power.model import Circuit, Outlet, OutletState, PowerModel


def taken_as_on(states: Mapping[Outlet, OutletState], model: PowerModel) -> set[Outlet]:
    """The outlets that draw power, or may: what is unknown counts as on."""
    return {o for o in model.supplies if states.get(o) is not OutletState.OFF}


def amperes(model: PowerModel, circuit: Circuit, on: Collection[Outlet]) -> float:
    """What a circuit's outlets draw when those named are on."""
    supplies = (model.supplies.get(outlet) for outlet in circuit.outlets if outlet in on)
    return sum(supply.watts for supply in supplies if supply is not None) / circuit.volts


def banks_on(model: PowerModel, on: Collection[Outlet]) -> tuple[int, ...]:
    """Numbers of the banks that have power, or a part of them, ascending."""
    return tuple(sorted({number for o in on for number in model.supplies[o].banks}))


def limit_problems(
    model: PowerModel, on: Collection[Outlet], unknown: Collection[Outlet] = ()
) -> Iterator[Problem]:
    """What would be exceeded when all the outlets named are on.

    Args:
        model: the cluster's power.
        on: outlets that would be on.
        unknown: those of them whose state is not known, for the message.
    """
    on = {outlet for outlet in on if outlet in model.supplies}
    doubt = len({outlet for outlet in unknown if outlet in on})
    counted = f", {doubt} outlets of unknown state counted as on" if doubt else ""
    most, banks = model.limits.max_banks_on, banks_on(model, on)
    if most is not None and len(banks) > most:
        what = f"{len(banks)} banks would be on ({_listed(banks)}{counted}), max_banks_on is {most}"
        yield Problem(what, "switch others off first, or name fewer")
    for circuit in model.circuits:
        drawn = amperes(model, circuit, on)
        if drawn > circuit.amperes:
            feeds = sorted(
                {load.name for o in circuit.outlets & on for load in model.supplies[o].loads}
            )
            what = (
                f"circuit {circuit.name} would carry {drawn:.1f} A of {circuit.amperes:g} A "
                f"({_listed(feeds)}{counted})"
            )
            yield Problem(what, "switch others off first, or name fewer")


def _listed(names: Collection[object]) -> str:
    texts = [str(name) for name in names]
    return ", ".join(texts[:8]) + (f" and {len(texts) - 8} more" if len(texts) > 8 else "")
