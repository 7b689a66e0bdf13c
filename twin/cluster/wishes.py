"""What a live twin shall be like, and the names of what can go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from picluster.errors import refusal
from twin.boards.setup import Linux
from twin.devices.pdu_synaccess import Mode
from twin.virtual.faults import Fault, Plagues
from twin.virtual.heat import Climate

if TYPE_CHECKING:
    from picluster.plan.model import AddressPlan

#: Faults of boards by the name a person gives.
FAULTS: dict[str, Fault] = {fault.name.lower().replace("_", "-"): fault for fault in Fault}
#: Faults of a PDU.
PDU_MODES: dict[str, Mode] = {
    "no-answer": Mode.HANGS,
    "garbage": Mode.GARBAGE,
    "no-login": Mode.REFUSES,
    "drops": Mode.DROPS_AT_PSET,
}
UNPLUGGED, HOT = "unplugged", "hot"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a twin shall be like.

    Attributes:
        plagues: faults by seed and probability, and by name.
        pdus: how PDUs behave, by name; well unless said otherwise.
        linux: see :class:`twin.boards.setup.Linux`.
        climate: see :class:`twin.virtual.heat.Climate`.
        speed: how much faster the clocks of boot ROMs run than the wall's.
        machines: names of boards that are QEMU machines booting the real image.
    """

    plagues: Plagues = field(default_factory=Plagues)
    pdus: dict[str, Mode] = field(default_factory=dict)
    linux: Linux = field(default_factory=Linux)
    climate: Climate = field(default_factory=Climate)
    speed: float = 1.0
    machines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """Faults by name.

    Attributes:
        boards: of boards.
        pdus: of PDUs.
        unplugged: numbers of banks.
        hot: numbers of banks.
    """

    boards: dict[str, Fault]
    pdus: dict[str, Mode]
    unplugged: frozenset[int]
    hot: frozenset[int]


def read_faults(words: Iterable[str]) -> Named:
    """Read ``pi-1-7=panic``, ``bank_2=unplugged``, ``bank_2=hot``, ``pdu-1=no-answer``.

    Raises:
        PiclusterError: a word is none of these.
    """
    boards: dict[str, Fault] = {}
    pdus: dict[str, Mode] = {}
    banks: dict[str, set[int]] = {UNPLUGGED: set(), HOT: set()}
    for word in words:
        name, _, fault = word.partition("=")
        if name.startswith("bank_") and name[5:].isdigit() and fault in banks:
            banks[fault].add(int(name[5:]))
        elif name and fault in FAULTS:
            boards[name] = FAULTS[fault]
        elif name and fault in PDU_MODES:
            pdus[name] = PDU_MODES[fault]
        else:
            known = ", ".join([*FAULTS, *PDU_MODES, *banks])
            raise refusal(f"not NAME=FAULT: {word!a}", f"faults are {known}")
    return Named(boards, pdus, frozenset(banks[UNPLUGGED]), frozenset(banks[HOT]))


def check_names(wishes: Wishes, plan: AddressPlan) -> None:
    """Refuse wishes about boards, PDUs and banks that a cluster has not.

    Raises:
        PiclusterError: naming all of them.
    """
    cluster, plagues = plan.cluster, wishes.plagues
    boards = {*plagues.boards, *wishes.machines} - {node.name for node in plan.nodes}
    pdus = set(wishes.pdus) - {pdu.name for pdu in cluster.pdus}
    banks = (plagues.banks | plagues.hot) - {bank.number for bank in cluster.banks}
    unknown = sorted(boards | pdus | {f"bank_{bank}" for bank in banks})
    if unknown:
        raise refusal(f"{cluster.name} has no {', '.join(unknown)}", "see picluster plan")
