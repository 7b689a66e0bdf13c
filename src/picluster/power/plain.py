"""Power plans, results and readings as plain data, for JSON and for Ansible."""

from __future__ import annotations

from typing import Any

from picluster.power.driver import Reading, StepResult
from picluster.power.model import Action, PowerModel, PowerPlan, Step

Plain = dict[str, Any]


def plain_plan(plan: PowerPlan) -> Plain:
    """A plan: ``action, targets, steps, collateral, notes, idle``."""
    return {
        "action": plan.action.value,
        "targets": list(plan.targets),
        "steps": [plain_step(step) for step in plan.steps],
        "collateral": list(plan.collateral),
        "notes": list(plan.notes),
        "idle": [str(outlet) for outlet in plan.idle],
    }


def plain_step(step: Step) -> Plain:
    """A step of a plan."""
    return {
        "number": step.number,
        "action": step.action.value,
        "outlet": str(step.outlet),
        "feeds": list(step.loads),
        "known": step.known.value,
        "after": list(step.after),
        "wait_s": step.wait_s,
        "cuts": list(step.cuts),
        "circuit": step.circuit,
        "why": list(step.why),
    }


def plain_result(result: StepResult) -> Plain:
    """How a step went."""
    return {
        "number": result.step.number,
        "outlet": str(result.step.outlet),
        "action": result.step.action.value,
        "done": result.done,
        "skipped": result.skipped,
        "problem": None if result.problem is None else str(result.problem),
        "seconds": round(result.seconds, 3),
    }


def plain_reading(reading: Reading, model: PowerModel) -> Plain:
    """The state of an outlet, and what hangs on it."""
    supply = model.supplies[reading.outlet]
    return {
        "outlet": str(reading.outlet),
        "state": reading.state.value,
        "feeds": [load.name for load in supply.loads],
        "boards": len(supply.nodes),
        "problem": None if reading.problem is None else str(reading.problem),
    }


def plan_lines(plan: PowerPlan) -> list[str]:
    """A plan as lines for people: what is done, what waits for what, why, and what follows."""
    lines = [_step_line(step) for step in plan.steps]
    if plan.idle:
        state = "off" if plan.action is Action.OFF else "on"
        lines.append(f"{state} already: {', '.join(map(str, plan.idle))}")
    return [*lines, *plan.notes]


def _step_line(step: Step) -> str:
    line = f"{step.number}. {step.action} {step.outlet} ({', '.join(step.loads)})"
    if step.after:
        line += f" after {', '.join(map(str, step.after))}"
    if step.wait_s:
        line += f" and {step.wait_s:g} s"
    if step.cuts:
        line += f", cuts {len(step.cuts)} boards"
    return f"{line}: {'; '.join(step.why)}"
