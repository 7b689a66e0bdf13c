"""Many boot ROMs on one interface, in one process: one socket, one loop, no thread per board.

The TFTP data path decides the speed: a frame that holds the next block of a running transfer is
recognised by four comparisons, its payload is hashed where it lies, and the acknowledgement is a
ready-made frame with two bytes changed. Everything else takes the long way through
:class:`~twin.rom.machine.Machine`.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import select
import struct
import time
from collections import deque
from typing import TYPE_CHECKING

from picluster.errors import refusal
from twin.rom.capture import dropped, open_arp, open_ip
from twin.rom.dhcp import CLIENT_PORT, parse_offer
from twin.rom.frames import BROADCAST, parse_arp, parse_udp
from twin.rom.machine import Machine, Rom
from twin.rom.quirk import SOUND, Quirk
from twin.rom.result import Event, RomResult, StormResult, shared
from twin.rom.tftp import ACK_BLOCK_AT

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Sequence

    from twin.rom.dhcp import Offer
    from twin.rom.frames import Datagram

#: Frames taken before the clock is looked at again.
_BATCH = 256
_FRAME_MAX = 2048
_IDLE_S = 1.0
#: Destination MAC address (upper 48 of 64 bits); addresses and ports; UDP length; TFTP words.
_FAST = struct.Struct("!Q18x12sH2xI")
_BLOCK_0 = 3 << 16
_BLOCK_NUMBER = struct.Struct("!H")


class Storm:
    """Boards on one interface.

    Args:
        interface: name of the interface, in the network namespace of the caller.
        roms: the boards; their MAC addresses differ.
        observer: takes every :class:`~twin.rom.result.Event`, in the thread of :meth:`run`.

    Raises:
        PiclusterError: two boards with one MAC address.
    """

    def __init__(
        self,
        interface: str,
        roms: Sequence[Rom],
        *,
        observer: Callable[[Event], object] | None = None,
    ) -> None:
        self._interface = interface
        self._observe = observer or (lambda _event: None)
        self._machines = [Machine(rom, self._send, self._observe) for rom in roms]
        self._by_mac = {machine.mac: machine for machine in self._machines}
        self._fast = {int.from_bytes(mac, "big"): m for mac, m in self._by_mac.items()}
        if len(self._by_mac) != len(self._machines):
            raise refusal("two boot ROMs have the same MAC address", "give each its own")
        self._credulous = [m for m in self._machines if m.rom.promiscuous_offers]
        self._switch: deque[tuple[Machine, Quirk | None, bool]] = deque()
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._timers: list[tuple[float, int, Machine]] = []
        self._power_ons: list[tuple[float, int, Machine]] = []
        self._serial = 0
        self._stopped = False
        self._out: socket.socket | None = None
        self._start = 0.0
        self._lost = 0

    def run(self, deadline_s: float, *, until_done: bool = True) -> StormResult:
        """Run until every board is complete or has stopped for good, or time is up.

        Args:
            deadline_s: wall-clock seconds at most.
            until_done: ``False`` waits for the deadline anyway.

        Raises:
            PiclusterError: the interface does not exist, or the caller is not root.
        """
        for number, machine in enumerate(self._machines):
            for at_s in machine.rom.power_on_s:
                heapq.heappush(self._power_ons, (at_s, number, machine))
        with (
            open_ip(self._interface, self._by_mac) as ip_socket,
            open_arp(self._interface) as arp_socket,
            contextlib.closing(select.epoll()) as poller,
        ):
            self._out = ip_socket
            poller.register(ip_socket, select.EPOLLIN)
            poller.register(arp_socket, select.EPOLLIN)
            poller.register(self._wakeup, select.EPOLLIN)
            self._start = time.monotonic()
            self._loop(poller, ip_socket, arp_socket, deadline_s, until_done=until_done)
            elapsed = self._now()
            lost = self._lost + dropped(ip_socket) + dropped(arp_socket)
        self._out = None
        results = tuple(machine.result() for machine in self._machines)
        packets = sum(machine.packets for machine in self._machines)
        taken = sum(machine.bytes for machine in self._machines)
        return StormResult(results, shared(results), elapsed, packets, taken, lost)

    def power(self, macs: Iterable[str], *, on: bool, quirk: Quirk = SOUND) -> None:
        """Switch boards' power while the storm runs; may be called from any thread.

        Args:
            macs: the boards.
            on: whether they get power; one that runs is cycled.
            quirk: what is wrong with this boot.

        Raises:
            KeyError: a MAC address that is no board's.
        """
        self._later(macs, quirk if on else None)

    def hand_over(self, macs: Iterable[str]) -> None:
        """Let something else speak for boards (see :meth:`power`)."""
        self._later(macs, None, told=False)

    def stop(self) -> None:
        """End :meth:`run` soon; may be called from any thread."""
        self._stopped = True
        os.eventfd_write(self._wakeup, 1)

    def _later(self, macs: Iterable[str], quirk: Quirk | None, *, told: bool = True) -> None:
        for mac in macs:
            machine = self._by_mac[bytes.fromhex(mac.replace(":", ""))]
            self._switch.append((machine, quirk, told))
        os.eventfd_write(self._wakeup, 1)

    def result(self, mac: str) -> RomResult:
        """How a board fared so far; for observers, in the thread of :meth:`run`."""
        return self._by_mac[bytes.fromhex(mac.replace(":", ""))].result()

    def close(self) -> None:
        """Give back what outlives a run."""
        os.close(self._wakeup)

    def __enter__(self) -> Storm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- loop

    def _loop(
        self,
        poller: select.epoll,
        ip_socket: socket.socket,
        arp_socket: socket.socket,
        deadline_s: float,
        *,
        until_done: bool,
    ) -> None:
        while (now := self._now()) < deadline_s and not self._stopped:
            self._run_due(now)
            if until_done and not self._power_ons and all(m.done for m in self._machines):
                return
            wait = min(self._next_due(), deadline_s) - self._now()
            ready = [fd for fd, _ in poller.poll(max(0.0, min(wait, _IDLE_S)))]
            if ip_socket.fileno() in ready:
                self._take_ip(ip_socket)
            if arp_socket.fileno() in ready:
                self._take_arp(arp_socket)
            if self._wakeup in ready:
                os.eventfd_read(self._wakeup)
                self._take_switches()

    def _now(self) -> float:
        return time.monotonic() - self._start

    def _next_due(self) -> float:
        ends = [heap[0][0] for heap in (self._timers, self._power_ons) if heap]
        return min(ends, default=float("inf"))

    def _run_due(self, now: float) -> None:
        while self._power_ons and self._power_ons[0][0] <= now:
            machine = heapq.heappop(self._power_ons)[2]
            machine.power_on(now)
            self._plan(machine)
        while self._timers and self._timers[0][0] <= now:
            due, _, machine = heapq.heappop(self._timers)
            if machine.wake_s == due:  # otherwise it was put off meanwhile
                machine.on_time(now)
                self._plan(machine)

    def _plan(self, machine: Machine) -> None:
        if machine.wake_s not in (float("inf"), machine.planned_s):
            machine.planned_s = machine.wake_s
            self._serial += 1
            heapq.heappush(self._timers, (machine.wake_s, self._serial, machine))

    def _take_switches(self) -> None:
        while self._switch:
            machine, quirk, told = self._switch.popleft()
            if quirk is not None:
                machine.power_on(self._now(), quirk)
            elif told:
                machine.power_off(self._now())
            else:
                machine.hand_over()
            self._plan(machine)

    def _send(self, frame: bytes | bytearray) -> None:
        assert self._out is not None  # noqa: S101
        try:
            self._out.send(frame)
        except OSError:  # the interface is down or its queue is full: a frame lost on the wire
            self._lost += 1

    # ---- frames

    def _take_ip(self, sock: socket.socket) -> None:
        """The fast path: every local name here saves time per packet."""
        buffer = bytearray(_FRAME_MAX)
        view = memoryview(buffer)
        receive, send, unpack, machines = sock.recv_into, sock.send, _FAST.unpack_from, self._fast
        number_into = _BLOCK_NUMBER.pack_into
        for _ in range(_BATCH):
            try:
                size = receive(buffer)
            except OSError:  # nothing more, or the interface went down
                return
            dst, flow, length, words = unpack(buffer)
            machine = machines.get(dst >> 16)
            transfer = machine.transfer if machine is not None else None
            if (
                transfer is None
                or flow != transfer.flow
                or words != transfer.expect
                or length != transfer.length
                or length + 34 > size
            ):
                self._take_datagram(view[:size])
                continue
            transfer.update(view[46 : 34 + length])
            transfer.size += length - 12
            transfer.heard = True
            number = words & 0xFFFF
            transfer.expect = words + 1 if number != 0xFFFF else _BLOCK_0
            number_into(transfer.ack, ACK_BLOCK_AT, number)
            try:
                send(transfer.ack)
            except OSError:
                self._lost += 1

    def _take_datagram(self, frame: memoryview) -> None:
        datagram = parse_udp(frame)
        if datagram is None:
            return
        if datagram.dport == CLIENT_PORT:
            offer = parse_offer(datagram)
            if offer is not None:
                self._deliver(offer, datagram)
            return
        machine = self._by_mac.get(datagram.dst_mac)
        if machine is not None:
            machine.on_datagram(datagram, self._now())
            self._plan(machine)

    def _deliver(self, offer: Offer, datagram: Datagram) -> None:
        """Hand an OFFER to the boards whose network chip lets the frame in."""
        if datagram.dst_mac == BROADCAST:
            own = self._by_mac.get(offer.chaddr)
            targets = self._credulous if own is None else [own, *self._credulous]
        else:
            own = self._by_mac.get(datagram.dst_mac)
            targets = [] if own is None else [own]
            # A switch that floods shows the OFFER of one board to all of its bank.
            targets += [m for m in self._machines if m.quirk.credulous and m is not own]
        for machine in targets:
            machine.on_offer(offer, self._now())
            self._plan(machine)

    def _take_arp(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                frame = sock.recv(_FRAME_MAX)
            except OSError:
                return
            arp = parse_arp(frame)
            if arp is None:
                continue
            if frame[:6] == BROADCAST:
                # Every board hears it; the ones that use the address answer, also two of them.
                for machine in self._machines:
                    if machine.ip == arp.target_ip:
                        machine.on_arp(arp, self._now())
            elif (machine_ := self._by_mac.get(frame[:6])) is not None:
                machine_.on_arp(arp, self._now())
                self._plan(machine_)
