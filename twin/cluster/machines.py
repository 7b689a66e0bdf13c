"""Boards of a live twin that are QEMU machines: the real image on an emulated processor."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from picluster.errors import PiclusterError
from twin.machine import Kind, Machine, fetch

if TYPE_CHECKING:
    from pathlib import Path

    from picluster.plan.model import Node
    from twin.rack import Rack


class Machines:
    """Some boards of a rack.

    Args:
        nodes: the boards.
        rack: their network, up.
        folder: gets what they load, and their consoles.
        speed: how much faster the clocks of their boot ROMs run.
    """

    def __init__(self, nodes: Iterable[Node], rack: Rack, folder: Path, speed: float) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._rack = rack
        self._folder = folder
        self._speed = speed
        self._lives = dict.fromkeys(self._nodes, 0)
        self._running: dict[str, Machine] = {}
        self._lock = threading.Lock()
        #: Takes what happens to them: name, what, epoch seconds.
        self.tell: Callable[[str, str, float], object] = lambda _name, _what, _at: None

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def power_on(self, name: str) -> None:
        """Let one boot; returns at once."""
        with self._lock:
            self._lives[name] += 1
            life = self._lives[name]
        threading.Thread(target=self._boot, args=(name, life), name=name, daemon=True).start()

    def power_off(self, name: str) -> None:
        """Take its power."""
        with self._lock:
            self._lives[name] += 1
            machine = self._running.pop(name, None)
        if machine is not None:
            machine.power_off()

    def stop(self) -> None:
        """Take everybody's power."""
        for name in self._nodes:
            self.power_off(name)

    def _boot(self, name: str, life: int) -> None:
        node = self._nodes[name]
        try:
            files = fetch(self._rack, node, self._folder / name, speed=self._speed)
            machine = Machine(self._rack, node, files, Kind.VIRT)
            with self._lock:
                if self._lives[name] != life:  # its power went meanwhile
                    return
                machine.power_on()
                self._running[name] = machine
        except PiclusterError as error:
            self.tell(name, f"stopped: {error}", time.time())
            return
        self.tell(name, "loads kernel", time.time())
        with contextlib.suppress(PiclusterError):
            self._watch(name, machine)

    def _watch(self, name: str, machine: Machine) -> None:
        """Say when its system is up, as its console shows it."""
        while machine.running and self._running.get(name) is machine:
            if "login:" in machine.console.text:
                self.tell(name, "ready", time.time())
                return
            time.sleep(1)
