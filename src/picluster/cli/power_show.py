"""Power plans, results and states as text: whole lines, fit for a journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table as Grid

from picluster.cli.common import console
from picluster.errors import printable
from picluster.power.control import Event
from picluster.power.dialects.transcript import Found
from picluster.power.driver import Reading
from picluster.power.limits import amperes, banks_on
from picluster.power.model import Action, Outlet, OutletState, PowerModel, PowerPlan, Step


def unreadable(readings: Iterable[Reading]) -> list[str]:
    """What kept outlets from being read, each once."""
    problems = (str(reading.problem) for reading in readings if reading.problem is not None)
    return list(dict.fromkeys(problems))


def print_plan(plan: PowerPlan, model: PowerModel, problems: Sequence[str]) -> None:
    """Print what will be switched, in which order and why, and what else follows."""
    out = console()
    for problem in problems:
        out.print(f"not read, taken for unknown: {problem}", soft_wrap=True)
    if not plan.steps:
        out.print(f"{', '.join(plan.targets)}: nothing to do, {_already(plan)}", soft_wrap=True)
        return
    grid = Grid(box=None, pad_edge=False)
    for column in ("step", "do", "outlet", "feeds", "is", "boards cut", "after", "why"):
        grid.add_column(column, no_wrap=column != "why")
    for step in plan.steps:
        grid.add_row(*_row(step))
    out.print(grid)
    for line in _after(plan, model):
        out.print(line, soft_wrap=True)


def _already(plan: PowerPlan) -> str:
    if not plan.idle:
        return "nothing of it has an outlet"
    outlets = ", ".join(map(str, plan.idle[:5])) + (", …" if len(plan.idle) > 5 else "")
    return f"{'off' if plan.action is Action.OFF else 'on'} already: {outlets}"


def _row(step: Step) -> tuple[str, ...]:
    after = _ranges(step.after)
    if step.wait_s:
        after += f" + {step.wait_s:g} s"
    return (
        str(step.number),
        step.action.value,
        str(step.outlet),
        ", ".join(step.loads),
        step.known.value,
        str(len(step.cuts)) if step.cuts else "",
        after,
        "; ".join(step.why),
    )


def _ranges(numbers: Sequence[int]) -> str:
    """``1, 2, 3, 7`` as ``1-3, 7``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def _after(plan: PowerPlan, model: PowerModel) -> Iterable[str]:
    if plan.idle:
        yield f"left alone: {_already(plan)}"
    yield from plan.notes
    cut = len({node for step in plan.steps for node in step.cuts})
    if cut:
        outlets = sum(1 for step in plan.steps if step.cuts)
        yield f"{cut} boards lose power at {outlets} outlet{'s' if outlets > 1 else ''}"
    starting = sum(1 for step in plan.steps if step.action is not Action.OFF)
    if starting > 1 and plan.stagger_s:
        yield f"{plan.stagger_s:g} s between two outlets of one circuit that go on"
    most = model.limits.max_banks_on
    if most is not None and starting:
        yield f"at most {most} banks may be on at a time"


def print_results(event: Event) -> None:
    """Print a step that has ended, one line."""
    result = event.result
    if result is None:
        return
    step = result.step
    line = f"{step.outlet} {step.action.value} ({', '.join(step.loads)}): "
    if result.done:
        line += f"done in {result.seconds:.1f} s"
    else:
        line += f"{'not tried' if result.skipped else 'FAILED'}: {result.problem}"
    print(line, flush=True)


def print_readings(readings: Mapping[Outlet, Reading], model: PowerModel) -> None:
    """Print the states of outlets, then what they add up to."""
    out = console()
    grid = Grid(box=None, pad_edge=False)
    for column in ("outlet", "state", "feeds", "boards", "circuit"):
        grid.add_column(column, no_wrap=True)
    for outlet, reading in readings.items():
        supply = model.supplies[outlet]
        grid.add_row(
            str(outlet),
            reading.state.value,
            ", ".join(load.name for load in supply.loads),
            str(len(supply.nodes)) if supply.nodes else "",
            next((c.name for c in model.circuits if outlet in c.outlets), ""),
        )
    out.print(grid)
    _print_sums(out, readings, model)
    for problem in unreadable(readings.values()):
        out.print(f"not read: {problem}", soft_wrap=True)


def _print_sums(out: Console, readings: Mapping[Outlet, Reading], model: PowerModel) -> None:
    on = {o for o, reading in readings.items() if reading.state is OutletState.ON}
    unknown = sum(1 for reading in readings.values() if reading.state is OutletState.UNKNOWN)
    doubt = f", {unknown} unknown" if unknown else ""
    most = model.limits.max_banks_on
    limit = f" of at most {most}" if most is not None else ""
    out.print(
        f"{len(on)} of {len(readings)} outlets on{doubt}; "
        f"{len(banks_on(model, on))} banks with power{limit}"
    )
    for circuit in model.circuits:
        if circuit.outlets & set(readings):
            drawn = amperes(model, circuit, on)
            out.print(f"circuit {circuit.name}: about {drawn:.1f} A of {circuit.amperes:g} A")


def print_tables(found: Mapping[str, Sequence[Found]]) -> None:
    """Print tables of outlets found in files."""
    out = console()
    for file, tables in found.items():
        for one in tables:
            out.print(f"{printable(file)}: {one.kind}")
            for row in one.table.values():
                out.print(f"  {row.number:>3}  {row.state.value:7}  {printable(row.name)}")
