"""A simulated board: what it asks for and says, when, and what stops it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from picluster.campaign.events import Health, Sign
from picluster.campaign.fleet import Board
from picluster.campaign.watch.signal import Signal
from twin.rom.timing import Timing
from twin.virtual.faults import Fault

if TYPE_CHECKING:
    from twin.virtual.world import VirtualWorld

_TIMING = Timing()
#: What start.elf asks for, in its order, before the initramfs and the kernel.
_SMALL_FILES = (
    "config.txt",
    "fixup_cd.dat",
    "dt-blob.bin",
    "bootcfg.txt",
    "kernel8.img",
)
_LATE_FILES = ("bcm2837-rpi-3-b-plus.dtb", "cmdline.txt", "armstub8.bin")
#: How often bootcode.bin and start.elf ask a service, and how many seconds apart.
_PATIENCE = {
    "dhcp": (_TIMING.second_tries, _TIMING.second_interval_s),
    "tftp": (_TIMING.tftp_tries, _TIMING.tftp_timeout_s),
}
_AGAIN = 12
_HARD_C = 85.0
_SOFT_BITS, _HOT_BITS = 0x80008, 0xE0008


class SimulatedBoard:
    """One board.

    Args:
        world: what it hangs on.
        board: who it is.

    Attributes:
        fault: what goes wrong in its present boot.
        ended: what stopped it, ``None`` while nothing has; ``"network"`` for a service or a switch.
        ended_at: when, in seconds of the simulation.
        ready: it said so in its present boot, and still runs.
    """

    __slots__ = ("_boot_id", "_boots", "_chance", "_life", "_warmer", "_world", "board", "ended",
                 "ended_at", "fault", "ready")  # fmt: skip

    def __init__(self, world: VirtualWorld, board: Board) -> None:
        self.board = board
        self.fault: Fault | None = None
        self.ended: Fault | str | None = None
        self.ended_at = 0.0
        self.ready = False
        self._world = world
        self._life = 0
        self._boots = 0
        self._boot_id = ""
        self._warmer = world.plagues.chance("warm", board.name).gauss(0, 1.5)
        self._chance: random.Random = random.Random(0)  # noqa: S311 - a simulation

    # ---- power

    def power_on(self, fault: Fault | None) -> None:
        """Begin to boot."""
        self._life += 1
        self._boots += 1
        self.fault, self.ended, self.ready = fault, None, False
        self._chance = self._world.plagues.chance("run", self.board.name, self._boots)
        if fault in (Fault.NEVER_POWERED, Fault.DEAD, Fault.LINK_LATE):
            self.ended = fault
            return
        self._later(_TIMING.discover_first_s + 1.5 * self._chance.random(), self._first_discover)

    def power_off(self) -> None:
        """Stop at once."""
        self._life += 1
        self.ready = False

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        life = self._life
        self._world.simulation.after(seconds, lambda: step() if life == self._life else None)

    def _load(self, megabytes: float, step: Callable[[], None]) -> None:
        life = self._life
        self._world.link.load(megabytes, lambda: step() if life == self._life else None)

    def _stop(self, why: Fault | str) -> None:
        self.ended, self.ended_at = why, self._world.simulation.now
        self.ready = False
        self._life += 1

    # ---- what the head hears

    def _dhcp(self, *signs: Sign) -> None:
        for sign in signs:
            given = self.board.address if sign in (Sign.OFFER, Sign.ACK, Sign.REQUEST) else None
            self._world.say("dhcp", Signal(sign, mac=str(self.board.mac), address=given))

    def _file(self, *names: str, address: str = "") -> None:
        for name in names:
            signal = Signal(Sign.FILE, address=address or self.board.address, detail=name)
            self._world.say("tftp", signal)

    def _message(self, sign: Sign, health: Health | None = None) -> None:
        if not self._world.reachable(self.board.bank):
            return
        signal = Signal(
            sign,
            str(self.board.mac),
            self.board.address,
            self.board.name,
            boot="" if sign is Sign.KEYS else self._boot_id,  # the authority knows none
            health=health,
        )
        self._world.say("messages", signal)

    # ---- the boot ROM

    def _first_discover(self) -> None:
        self._discover(1)

    def _discover(self, number: int) -> None:
        heard = self._world.answers("dhcp", self.board.bank)
        lost = self.fault is Fault.DISCOVER_LOST and number == 1
        if heard and not lost:
            self._dhcp(Sign.DISCOVER, Sign.OFFER)
            if self.fault is not Fault.SILENT:
                self._later(0.3, self._bootcode)
                return
        if number >= _TIMING.discover_tries:
            self._stop(self.fault if self.fault is Fault.SILENT else "network")
            return
        self._later(_TIMING.discover_interval_s, lambda: self._discover(number + 1))

    def _bootcode(self) -> None:
        if self.fault is Fault.TAKES_OFFER:
            self._stray(self._world.another(self.board, self._chance).address)
        elif self.fault is Fault.OFF_PLAN:
            self._stray(self._world.off_plan(self.board))
        else:
            self._when("tftp", self._load_bootcode)

    def _load_bootcode(self) -> None:
        self._file("bootcode.bin", "bootsig.bin")
        self._load(0.052, self._after_bootcode)

    def _when(self, service: str, step: Callable[[], None], tries: int = 1) -> None:
        """Go on when a service answers; a board asks a few times and gives up."""
        if self._world.answers(service, self.board.bank):
            step()
            return
        most, wait_s = _PATIENCE[service]
        if tries >= most:
            self._stop("network")
        else:
            self._later(wait_s, lambda: self._when(service, step, tries + 1))

    def _stray(self, address: str) -> None:
        self._file("bootcode.bin", f"{self._serial}/start.elf", address=address)
        self._stop(self.fault or "network")

    @property
    def _serial(self) -> str:
        return self.board.serial or "00" + self.board.mac.replace(":", "")[6:]

    def _after_bootcode(self) -> None:
        self._when("dhcp", self._second_discover)

    def _second_discover(self) -> None:
        self._dhcp(Sign.DISCOVER, Sign.OFFER)
        self._file(f"{self._serial}/start.elf", "autoboot.txt", "config.txt", "start_cd.elf")
        if self.fault is Fault.START_ELF:
            self._start_again(1)
        else:
            self._load(
                self._world.hardware.firmware_mb, lambda: self._when("tftp", self._small_files)
            )

    def _start_again(self, times: int) -> None:
        self._file("start_cd.elf")
        if times >= _AGAIN:
            self._stop(Fault.START_ELF)
        else:
            self._later(4.0, lambda: self._start_again(times + 1))

    def _small_files(self) -> None:
        if self.fault is Fault.TFTP_STALL:
            self._file(*_SMALL_FILES[: self._chance.randint(1, len(_SMALL_FILES))])
            self._stop(Fault.TFTP_STALL)
            return
        self._file(*_SMALL_FILES, "initramfs8")
        self._load(self._world.hardware.initramfs_mb, lambda: self._when("tftp", self._kernel_file))

    def _kernel_file(self) -> None:
        self._file(*_LATE_FILES, "kernel8.img")
        self._load(self._world.hardware.kernel_mb, self._start_kernel)

    # ---- Linux

    def _start_kernel(self) -> None:
        if self.fault is Fault.PANIC:
            self._stop(Fault.PANIC)
            return
        self._boot_id = f"{self._chance.getrandbits(64):016x}"
        self._later(self._world.hardware.kernel_s * (0.9 + 0.3 * self._chance.random()), self._ask)

    def _ask(self) -> None:
        if not self._world.answers("dhcp", self.board.bank):
            self._later(4.0, self._ask)
            return
        self._dhcp(Sign.DISCOVER, Sign.OFFER, Sign.REQUEST, Sign.ACK)
        self._message(Sign.KERNEL, Health(uptime_s=self._world.hardware.kernel_s))
        if self.fault is Fault.NFS_SILENT:
            self._stop(Fault.NFS_SILENT)
        else:
            self._later(0.5, self._mount)

    def _mount(self) -> None:
        if not self._world.answers("nfs", self.board.bank):
            self._later(5.0, self._mount)
            return
        self._world.say("nfs", Signal(Sign.MOUNT, address=self.board.address))
        self._message(Sign.ROOT)
        if self.fault is Fault.HANGS:
            self._stop(Fault.HANGS)
            return
        hardware = self._world.hardware
        life, waits = self._life, [2]

        def one_done() -> None:
            waits[0] -= 1
            if not waits[0] and life == self._life:
                self._up()

        self._world.link.load(hardware.root_mb, one_done)
        busy_s = hardware.system_s * (0.85 + 0.4 * self._chance.random())
        self._world.simulation.after(busy_s, one_done)

    def _up(self) -> None:
        if not self._world.answers("nfs", self.board.bank):
            self._later(5.0, self._up)  # a hard mount waits
            return
        self._message(Sign.KEYS)
        if self.fault is Fault.NO_READY:
            self._stop(Fault.NO_READY)
        else:
            self._later(1.0, self._become_ready)

    def _become_ready(self) -> None:
        self.ready = True
        self._message(Sign.READY, self._health())
        if self.fault is Fault.CRASH:
            self._later(20 + 280 * self._chance.random(), lambda: self._stop(Fault.CRASH))
        self._later(self._world.hardware.heartbeat_s, self._alive)

    def _alive(self) -> None:
        health = self._health()
        self._message(Sign.ALIVE, health)
        if health.temperature is not None and health.temperature >= _HARD_C:
            self._stop(Fault.OVERHEATS)
            return
        self._later(self._world.hardware.heartbeat_s, self._alive)

    def _health(self) -> Health:
        temperature = self._world.heat.of(self.board.bank) + self._warmer
        if self.fault is Fault.OVERHEATS:
            temperature += 35
        bits = _HOT_BITS if temperature >= _HARD_C - 5 else _SOFT_BITS if temperature >= 60 else 0
        return Health(round(temperature, 1), bits)
