"""Power domains as data: load, supply, PDU outlet, circuit, and the order they are switched in.

Nothing here knows how an outlet is switched (:mod:`picluster.power.driver`) or described
(:mod:`picluster.power.build`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from picluster.cluster.model import Pdu


class Action(StrEnum):
    """What is asked of an outlet."""

    ON = "on"
    OFF = "off"
    CYCLE = "cycle"


class OutletState(StrEnum):
    """What is known of an outlet; ``unknown`` is never taken for ``off`` where that is risky."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a load is; in the order they are switched on."""

    PDU = "pdu"
    SERVER = "server"
    SWITCH = "switch"
    BANK = "bank"


@dataclass(frozen=True, slots=True, order=True)
class Outlet:
    """One outlet of one PDU; a port of a switch that feeds by PoE is one too.

    Attributes:
        pdu: name of the PDU.
        number: the outlet's number as the PDU counts, from 1.
    """

    pdu: str
    number: int

    def __str__(self) -> str:
        return f"{self.pdu}:{self.number}"


@dataclass(frozen=True, slots=True)
class Load:
    """Something a supply feeds.

    Attributes:
        name: ``bank_11``, or the name of a server, switch or PDU.
        kind: what it is.
        bank: number of the bank, of a bank only.
        slots: slots of the bank fed by this supply, ascending; empty for other kinds.
        nodes: names of the pinned boards in those slots, in order of slots.
    """

    name: str
    kind: Kind
    bank: int | None = None
    slots: tuple[int, ...] = ()
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Supply:
    """A power supply at an outlet: what is fed by it goes on and off together.

    Attributes:
        name: its name; the bank's or node's where none is described.
        outlet: the outlet it hangs on; no other supply does.
        loads: what it feeds, at least one.
        watts: what it draws with all its loads running.
    """

    name: str
    outlet: Outlet
    loads: tuple[Load, ...]
    watts: float

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the boards it feeds."""
        return tuple(node for load in self.loads for node in load.nodes)

    @property
    def banks(self) -> tuple[int, ...]:
        """Numbers of the banks it feeds, or a part of them."""
        return tuple(load.bank for load in self.loads if load.bank is not None)


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit with a breaker.

    Attributes:
        name: its name.
        amperes: most that may be drawn for long.
        volts: its voltage.
        outlets: the outlets on it.
    """

    name: str
    amperes: float
    volts: float
    outlets: frozenset[Outlet]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must be on before another.

    Attributes:
        first: name of the load that has to be on.
        then: name of the load that needs it.
        why: the reason, a clause for people: ``sw-11 carries its network``.
        wait_s: seconds ``first`` needs after it got power before ``then`` may get some.
    """

    first: str
    then: str
    why: str
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be on at a time, and how fast.

    Attributes:
        max_banks_on: banks that may be on at a time; ``None`` for no limit.
        stagger_s: seconds between switching on two outlets of one circuit; outlets on no circuit
            count as one circuit.
        off_s: seconds an outlet stays off in a cycle.
    """

    max_banks_on: int | None = None
    stagger_s: float = 5.0
    off_s: float = 10.0


@dataclass(frozen=True, slots=True)
class PowerModel:
    """All that is known of a cluster's power; made by :func:`picluster.power.build.build_power`.

    Attributes:
        cluster: the cluster's name.
        supplies: by outlet.
        circuits: those described.
        rules: described ones and those that follow from the description; without a circle.
        limits: see :class:`Limits`.
        pdus: by name.
        servers: names of servers, whose power is never cut on the way to something else.
    """

    cluster: str
    supplies: Mapping[Outlet, Supply]
    circuits: tuple[Circuit, ...] = ()
    rules: tuple[Rule, ...] = ()
    limits: Limits = Limits()
    pdus: Mapping[str, Pdu] = field(default_factory=dict)
    servers: tuple[str, ...] = ()

    def outlets_of_bank(self, number: int) -> tuple[Outlet, ...]:
        """Every outlet that feeds a part of a bank, ascending; empty where none is described."""
        return tuple(sorted(o for o, supply in self.supplies.items() if number in supply.banks))

    def outlets_of_node(self, name: str) -> tuple[Outlet, ...]:
        """Every outlet that feeds a node, ascending; empty where none is described."""
        return tuple(sorted(o for o, supply in self.supplies.items() if name in supply.nodes))

    def outlets_of_load(self, name: str) -> tuple[Outlet, ...]:
        """Every outlet that feeds a load (see :attr:`Load.name`), ascending."""
        return tuple(
            sorted(
                outlet
                for outlet, supply in self.supplies.items()
                if any(load.name == name for load in supply.loads)
            )
        )

    def cuts_alone(self, node: str) -> bool:
        """Whether a board can be cycled without cutting another one."""
        outlets = self.outlets_of_node(node)
        return bool(outlets) and all(
            self.supplies[outlet].nodes == (node,) and len(self.supplies[outlet].loads) == 1
            for outlet in outlets
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One outlet to switch.

    Attributes:
        number: place in the plan, from 1.
        action: what to do.
        outlet: with which.
        loads: names of what it feeds.
        after: numbers of the steps that must have succeeded before.
        wait_s: seconds to wait after the last of those.
        known: state of the outlet when the plan was made.
        cuts: names of the boards that lose power by it; empty for ``on``.
        circuit: the circuit it is staggered with (see :class:`Limits`); empty for none described.
        why: the reasons, a clause each.
    """

    number: int
    action: Action
    outlet: Outlet
    loads: tuple[str, ...]
    after: tuple[int, ...] = ()
    wait_s: float = 0.0
    known: OutletState = OutletState.UNKNOWN
    cuts: tuple[str, ...] = ()
    circuit: str = ""
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """What will be switched, in which order and why; made by :mod:`picluster.power.planning`.

    Attributes:
        action: what was asked.
        targets: for what, as the user named it.
        steps: in an order that may be taken one by one; see :attr:`Step.after` for what must not
            be changed about it.
        collateral: boards, switches and servers that lose power though nobody named them.
        notes: what else follows from the plan, a sentence each.
        idle: outlets asked for that are in the wanted state already.
        stagger_s: see :class:`Limits`.
        off_s: see :class:`Limits`.
    """

    action: Action
    targets: tuple[str, ...]
    steps: tuple[Step, ...]
    collateral: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    idle: tuple[Outlet, ...] = ()
    stagger_s: float = 0.0
    off_s: float = 10.0
