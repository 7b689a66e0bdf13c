"""How a boot goes with a fault: what is wrong with ROM, wire, kernel and system."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from twin.rom.quirk import SOUND, Quirk
from twin.virtual.faults import Fault

#: Files in which a TFTP transfer stalls: small ones of start.elf, always there.
_STALLS = ("fixup_cd.dat", "config.txt", "cmdline.txt")
#: Longer than a boot ROM asks: a port that spanning tree blocks for 30 s and a switch that starts.
_LINK_S = 45.0
_CRASH_S = (20.0, 300.0)
#: Ports of the NFS server, mountd and rpcbind.
_NFS = "111,2049,20048"
#: Degrees Celsius beyond its neighbours.
_WARMER = 35.0


@dataclass(frozen=True, slots=True)
class Course:
    """One boot.

    Attributes:
        power: the board does something when its outlet is on.
        quirk: of its boot ROM and its wire.
        kernel: Linux runs once it is loaded.
        linux: what goes wrong then: ``nfs``, ``hangs``, ``no-ready``, or nothing.
        drop: TCP ports whose packets are lost, with commas between.
        crash_s: seconds from its ready message to its crash, ``None`` for never.
        warmer: degrees Celsius above the others of its bank.
    """

    power: bool = True
    quirk: Quirk = SOUND
    kernel: bool = True
    linux: str = ""
    drop: str = ""
    crash_s: float | None = None
    warmer: float = 0.0


_Make = Callable[[random.Random, str], Course]
_COURSES: dict[Fault, _Make] = {
    Fault.NEVER_POWERED: lambda _c, _a: Course(power=False),
    Fault.DEAD: lambda _c, _a: Course(power=False),
    Fault.LINK_LATE: lambda _c, _a: Course(quirk=Quirk(link_s=_LINK_S)),
    Fault.DISCOVER_LOST: lambda _c, _a: Course(quirk=Quirk(lost_discovers=1)),
    Fault.SILENT: lambda _c, _a: Course(quirk=Quirk(deaf=True)),
    Fault.TAKES_OFFER: lambda _c, _a: Course(quirk=Quirk(credulous=True)),
    Fault.OFF_PLAN: lambda _c, address: Course(quirk=Quirk(address=address)),
    Fault.START_ELF: lambda _c, _a: Course(quirk=Quirk(repeats="start_cd.elf")),
    Fault.TFTP_STALL: lambda chance, _a: Course(quirk=Quirk(stalls_at=chance.choice(_STALLS))),
    Fault.PANIC: lambda _c, _a: Course(kernel=False),
    Fault.NFS_SILENT: lambda _c, _a: Course(linux="nfs", drop=_NFS),
    Fault.HANGS: lambda _c, _a: Course(linux="hangs"),
    Fault.NO_READY: lambda _c, _a: Course(linux="no-ready"),
    Fault.CRASH: lambda chance, _a: Course(crash_s=chance.uniform(*_CRASH_S)),
    Fault.OVERHEATS: lambda _c, _a: Course(warmer=_WARMER),
}


def course_of(fault: Fault | None, chance: random.Random, off_plan: str) -> Course:
    """The boot of a board.

    Args:
        fault: what goes wrong, ``None`` for nothing.
        chance: decides what the fault leaves open.
        off_plan: an address of the boot network that is nobody's.
    """
    return Course() if fault is None else _COURSES[fault](chance, off_plan)
