"""The boot ROM as a state machine: frames and ticks of a clock in, frames and events out."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from picluster.mac import MacAddress, parse_mac, parse_serial
from twin.rom import dhcp
from twin.rom.config_txt import Board
from twin.rom.content import problem
from twin.rom.frames import Arp, Datagram, arp_reply, arp_request, ip_text, mac_bytes, udp_frame
from twin.rom.quirk import REPEAT_S, REPEATS, SOUND, Quirk
from twin.rom.result import Event, GotFile, RomResult, SeenOffer
from twin.rom.sequence import Answer, Ask, BootStop, Sequence, Stage, firmware_files, rom_files
from twin.rom.tftp import SIZE_MAX, Ends, State, Transfer
from twin.rom.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

#: First source port of each stage; every request takes the next one (firmware #1041).
FIRST_PORT = 49153
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Rom:
    """A board to simulate.

    Attributes:
        mac: MAC address, canonical.
        serial: 8 hex digits; made from the MAC address when empty.
        board: the model.
        power_on_s: when its power comes on, seconds after the storm begins; a second time is a
            power cycle.
        promiscuous_offers: fault: take any broadcast OFFER with the common transaction id, also
            one for another board.
        keep_files: keep the bytes of every file it reads, for :mod:`twin.machine`.
        timing: its clock.
    """

    mac: MacAddress
    serial: str = ""
    board: Board = Board.PI3B_PLUS
    power_on_s: tuple[float, ...] = (0.0,)
    promiscuous_offers: bool = False
    keep_files: bool = False
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        parse_mac(self.mac)
        digits = self.serial or "00" + self.mac.replace(":", "")[6:]
        object.__setattr__(self, "serial", parse_serial(digits))


class Machine:
    """One simulated board.

    The event loop calls :meth:`on_time` at or after :attr:`wake_s`, the ``on_…`` methods for
    frames, and reads :attr:`transfer` for the fast path. Frames go out through ``send``.

    Args:
        rom: the board.
        send: takes a whole frame.
        observe: takes an event.
    """

    def __init__(
        self,
        rom: Rom,
        send: Callable[[bytes | bytearray], object],
        observe: Callable[[Event], object],
    ) -> None:
        self.rom = rom
        self.mac = mac_bytes(rom.mac)
        self.ip = b""
        self.transfer: Transfer | None = None
        self.wake_s = _NEVER
        self.waits_for_offer = False
        self.done = False
        self.quirk = SOUND
        self._send = send
        self._observe = observe
        self._all_offers: list[SeenOffer] = []
        self._addresses: list[str] = []
        self._discovers = 0
        self.planned_s = _NEVER
        self.packets = self.bytes = 0
        self._started: float | None = None
        self._finished: float | None = None
        self._forget()

    # ---- power

    def power_on(self, now: float, quirk: Quirk = SOUND) -> None:
        """Start from nothing; a running board is cycled."""
        self._forget()
        self.quirk = quirk
        self.stage = Stage.OFF
        self._started = now
        self._tell(now, "power on")
        self._plan_discover(now, second=False)

    def power_off(self, now: float) -> None:
        """Fall silent."""
        self.hand_over()
        self._tell(now, "power off")

    def hand_over(self) -> None:
        """Something else speaks for the board from now on: its kernel, or nobody."""
        self._forget()
        self.done = True

    def _forget(self) -> None:
        self.stage = Stage.OFF
        self.done = self.complete = self.waits_for_offer = False
        self.ip = b""
        self.transfer = None
        self.wake_s = _NEVER
        self.reason = ""
        self._started = None
        self._finished = None
        self._files: dict[str, GotFile] = {}
        self._missing: dict[str, None] = {}
        self._second = False
        self._tries = self._offers_before = 0
        self._offer: dhcp.Offer | None = None
        self._menu: dhcp.Offer | None = None
        self._hop = self._hop_mac = b""
        self._sequence: Sequence | None = None
        self._ask: Ask | None = None
        self._port = FIRST_PORT
        self._repeated = 0

    # ---- clock

    def on_time(self, now: float) -> None:
        """Something is due: a DISCOVER, an ARP request, or a packet again."""
        self.wake_s = _NEVER
        if self.transfer is not None:
            self._on_silence(now, self.transfer)
        elif self._ask is not None and self._repeated:
            self._request(now, self._ask)
        elif self._hop:
            self._ask_hop(now)
        elif self._tries < self.rom.timing.tries(second=self._second):
            self._discover(now)
        else:
            stage = "bootcode.bin" if self._second else "the ROM"
            seen = "no usable offer" if len(self._all_offers) > self._offers_before else "no offer"
            self._stop(now, f"{seen} after {self._tries} tries of {stage}")

    # ---- DHCP

    def _plan_discover(self, now: float, *, second: bool) -> None:
        self._second = second
        self._tries = 0
        self._offer = self._menu = None
        self._offers_before = len(self._all_offers)
        self._hop = self._hop_mac = b""
        self.wake_s = now + self.rom.timing.first_wait_s(second=second)

    def _discover(self, now: float) -> None:
        if self.stage is Stage.OFF:
            self.stage = Stage.DHCP
        self._tries += 1
        self._discovers += 1
        self.waits_for_offer = True
        self.wake_s = now + self.rom.timing.next_wait_s(second=self._second)
        if self._carried(now):
            self._send(udp_frame(dhcp.discover(self.mac, self.rom.serial, second=self._second)))
        self._tell(now, "discover")

    def _carried(self, now: float) -> bool:
        """Whether the wire takes a DISCOVER."""
        started = self._started or 0.0
        if now < started + self.quirk.link_s / self.rom.timing.speed:
            return False
        return self._second or self._tries > self.quirk.lost_discovers

    def on_offer(self, offer: dhcp.Offer, now: float) -> None:
        """An OFFER with the common transaction id that reached this board."""
        if not self.waits_for_offer or not self._takes(offer):
            return
        # An address and the boot menu may come from two servers (proxy DHCP).
        if offer.address is not None:
            self._offer = offer
        if offer.bootable:
            self._menu = offer
        taken = self._offer is not None and self._menu is not None
        self._all_offers.append(
            SeenOffer(
                now, dhcp.describe(offer), ip_text(offer.server), ip_text(offer.boot_server), taken
            )
        )
        if self._offer is None or self._menu is None:
            return
        self.waits_for_offer = False
        self.ip = self._address_of(self._offer)
        if not self._addresses or self._addresses[-1] != ip_text(self.ip):
            self._addresses.append(ip_text(self.ip))
        self._tell(now, "offer")
        self._tries = 0
        self._hop = (
            dhcp.hop(self._offer, routed=self._second)
            if self._menu is self._offer
            else self._menu.boot_server
        )
        self._ask_hop(now)

    def _takes(self, offer: dhcp.Offer) -> bool:
        """Whether it takes an OFFER for its own."""
        if self.quirk.deaf:
            return False
        if self.quirk.credulous and self._second:
            return offer.chaddr != self.mac
        return offer.chaddr == self.mac or self.rom.promiscuous_offers

    def _address_of(self, offer: dhcp.Offer) -> bytes:
        if self._second and self.quirk.address:
            return bytes(map(int, self.quirk.address.split(".")))
        return offer.address or b""

    # ---- ARP

    def _ask_hop(self, now: float) -> None:
        if self._tries >= self.rom.timing.arp_tries:
            self._stop(now, f"no ARP reply from {ip_text(self._hop)}")
            return
        self._tries += 1
        self.wake_s = now + self.rom.timing.arp_timeout_s
        self._send(arp_request(self.mac, self.ip, self._hop))

    def on_arp(self, arp: Arp, now: float) -> None:
        """An ARP packet: answer for the own address, or learn the boot server's."""
        if arp.request:
            if self.ip and arp.target_ip == self.ip:
                self._send(arp_reply(self.mac, self.ip, arp.sender_mac, arp.sender_ip))
        elif self._hop and arp.sender_ip == self._hop and arp.target_ip == self.ip:
            self._hop = b""
            self._hop_mac = arp.sender_mac
            self._begin_files(now)

    # ---- TFTP

    def _begin_files(self, now: float) -> None:
        self._port = FIRST_PORT
        if self._second:
            self._sequence = firmware_files(self.rom.board, self.rom.serial)
        else:
            self._reach(now, Stage.TFTP)
            self._sequence = rom_files()
        self._go_on(now, None)

    def _go_on(self, now: float, answer: Answer | None) -> None:
        """Hand an answer to the sequence and start what it wants next."""
        self.transfer = None
        assert self._sequence is not None  # noqa: S101
        try:
            wanted = self._sequence.send(answer)
            while isinstance(wanted, Stage):
                self._reach(now, wanted)
                wanted = self._sequence.send(None)
        except StopIteration:
            self._end_of_files(now)
        except BootStop as stop:
            self._stop(now, str(stop))
        else:
            self._request(now, wanted)

    def _end_of_files(self, now: float) -> None:
        self._sequence = None
        if not self._second:
            self._plan_discover(now, second=True)
            return
        self.complete = True
        self._finish(now)
        self._tell(now, "complete")

    def _request(self, now: float, ask: Ask) -> None:
        assert self._menu is not None  # noqa: S101
        self._ask = ask
        server = self._menu.boot_server
        self.transfer = Transfer(ask, Ends(self.mac, self.ip, self._hop_mac, server, self._port))
        if self.rom.keep_files and ask.read:
            self.transfer.keep()
        self._port = self._port + 1 if self._port < 0xFFFF else FIRST_PORT
        self._tries = 1
        self.wake_s = now + self._timeout_s
        self._send(self.transfer.last)
        if ask.read and ask.path.rpartition("/")[2] == self.quirk.stalls_at:
            self._stop(now, f"{ask.path}: it stalls")

    @property
    def _timeout_s(self) -> float:
        timing = self.rom.timing
        return timing.start_timeout_s if self.stage is Stage.START else timing.tftp_timeout_s

    def on_datagram(self, datagram: Datagram, now: float) -> None:
        """A UDP datagram to the board's address, other than to port 68."""
        transfer = self.transfer
        if transfer is None or datagram.dst_ip != self.ip:
            return
        if datagram.dport != (self._port - 1 if self._port > FIRST_PORT else 0xFFFF):
            return
        for frame in transfer.receive(datagram):
            self._send(frame)
        if transfer.state is not State.RUNNING:
            self.on_transfer_end(now)

    def _on_silence(self, now: float, transfer: Transfer) -> None:
        """The time-out ran out: look whether anything came meanwhile, else send again."""
        self.wake_s = now + self._timeout_s
        if transfer.size > SIZE_MAX:
            transfer.give_up(f"larger than {SIZE_MAX} bytes")
            self.on_transfer_end(now)
            return
        if transfer.heard:
            transfer.heard = False
            self._tries = 0
            return
        if self._tries >= self.rom.timing.tftp_tries:
            transfer.give_up(f"no answer after {self._tries} tries")
            self.on_transfer_end(now)
            return
        self._tries += 1
        self._send(transfer.last)

    def on_transfer_end(self, now: float) -> None:
        """The transfer is over: keep the result and go on."""
        transfer, ask = self.transfer, self._ask
        assert transfer is not None  # noqa: S101
        assert ask is not None  # noqa: S101
        self.packets += transfer.size // transfer.blksize + bool(ask.read)
        self.bytes += transfer.size
        if transfer.state is State.BROKEN:
            self._stop(now, f"{ask.path}: {transfer.why}")
            return
        if transfer.state is State.MISSING:
            self._missing.setdefault(ask.path)
            self._go_on(now, Answer(found=False))
            return
        if ask.read:
            wrong = problem(ask.kind, transfer.head, transfer.size, transfer.announced)
            if wrong:
                self._stop(now, f"{ask.path}: {wrong}")
                return
            content = bytes(transfer.data) if ask.keep else None
            if transfer.kept is not None:
                content = bytes(transfer.kept)
            self._files[ask.path] = GotFile(transfer.size, transfer.sha256, content)
            if ask.path.rpartition("/")[2] == self.quirk.repeats:
                self._again(now, ask.path)
                return
        self._go_on(now, Answer(True, bytes(transfer.data)))

    def _again(self, now: float, path: str) -> None:
        """Ask for a file that it has, after a while."""
        if self._repeated >= REPEATS:
            self._stop(now, f"{path}: {REPEATS} times again")
            return
        self._repeated += 1
        self.transfer = None
        self.wake_s = now + REPEAT_S / self.rom.timing.speed

    # ---- ends

    def _reach(self, now: float, stage: Stage) -> None:
        self.stage = stage
        self._tell(now, "stage")

    def _stop(self, now: float, reason: str) -> None:
        self.reason = reason
        self._finish(now)
        self._tell(now, f"stopped: {reason}")

    def _finish(self, now: float) -> None:
        self.transfer = None
        self._hop = b""
        self._sequence = None
        self.waits_for_offer = False
        self.wake_s = _NEVER
        self.done = True
        self._finished = now

    def _tell(self, now: float, what: str) -> None:
        address = ip_text(self.ip) if self.ip else ""
        self._observe(Event(now, self.rom.mac, self.stage, address, what))

    def result(self) -> RomResult:
        """How it fared so far."""
        return RomResult(
            mac=self.rom.mac,
            serial=self.rom.serial,
            address=ip_text(self.ip) if self.ip else None,
            addresses=tuple(self._addresses),
            offers=tuple(self._all_offers),
            discovers=self._discovers,
            stage=self.stage,
            complete=self.complete,
            files=MappingProxyType(dict(self._files)),
            missing=tuple(self._missing),
            started_s=self._started,
            finished_s=self._finished,
            reason=self.reason,
        )
