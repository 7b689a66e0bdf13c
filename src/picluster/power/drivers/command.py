"""Driver ``command``: the user's own programs, run with checked arguments and never by a shell."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress

from picluster.cluster.model import Pdu
from picluster.errors import refusal, shown
from picluster.harvest.live.attempt import Attempt
from picluster.net import dotted
from picluster.power.dialects.table import state_of
from picluster.power.driver import PowerSession, cycle_by_switching
from picluster.power.drivers.context import Surroundings, attempt_at, dead, too_late
from picluster.power.drivers.verify import verify
from picluster.power.model import OutletState

_MAX_OUTPUT = 64 * 1024


@asynccontextmanager
async def session(pdu: Pdu, around: Surroundings) -> AsyncIterator[PowerSession]:
    """A session: there is nothing to open."""
    del around
    yield _Session(pdu, attempt_at(pdu, "command"))


class _Session:
    """See :class:`~picluster.power.driver.PowerSession`."""

    def __init__(self, pdu: Pdu, attempt: Attempt) -> None:
        self._pdu = pdu
        self._attempt = attempt

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """What the status command prints for each; ``unknown`` without one."""
        if "status" not in self._pdu.commands:
            return dict.fromkeys(outlets, OutletState.UNKNOWN)
        return {outlet: await self._state(outlet) for outlet in outlets}

    async def _state(self, outlet: int) -> OutletState:
        printed = await self._run("status", outlet)
        state = state_of(printed)
        if state is OutletState.UNKNOWN:
            raise self._attempt.error(
                f"the status command printed {shown(printed.strip()[:60])}",
                "let it print on or off",
            )
        return state

    async def switch(self, outlet: int, *, on: bool) -> None:
        """Run the command, then the status command until it shows, where there is one."""
        await self._run("on" if on else "off", outlet)
        if "status" not in self._pdu.commands:
            return

        async def read() -> Mapping[int, OutletState]:
            return {outlet: await self._state(outlet)}

        await verify(outlet, on=on, read=read, attempt=self._attempt)

    async def cycle(self, outlet: int, off_s: float) -> None:
        """The cycle command where there is one, else off and on."""
        if "cycle" in self._pdu.commands:
            await self._run("cycle", outlet)
        else:
            await cycle_by_switching(self, outlet, off_s)

    def _argv(self, action: str, outlet: int) -> list[str]:
        argv = self._pdu.commands.get(action)
        if argv is None:
            raise refusal(
                f"pdu {self._pdu.name} has no command to switch {action}",
                f"describe commands.{action}",
            )
        address = "" if self._pdu.address is None else dotted(self._pdu.address)
        values = {"{outlet}": str(outlet), "{pdu}": self._pdu.name, "{address}": address}
        return [_filled(word, values) for word in argv]

    async def _run(self, action: str, outlet: int) -> str:
        argv, attempt = self._argv(action, outlet), self._attempt
        attempt.at(f"{action} outlet {outlet}")
        attempt.started = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # A group of its own: what it starts ends with it.
                start_new_session=True,
            )
        except OSError as error:
            why = error.strerror or str(error)
            raise dead(attempt, f"cannot run {shown(argv[0])}: {why}", "install it") from None
        try:
            async with asyncio.timeout(attempt.limit_s):
                output, errors = await _output(process)
                status = await process.wait()
        except TimeoutError:
            raise too_late(attempt) from None
        finally:
            await _end(process)
        if status != 0:
            # The command itself is not shown: its arguments are the user's business.
            first = errors.strip().splitlines()[:1]
            said = f": {shown(first[0])}" if first else ""
            raise attempt.error(
                f"the {action} command ended with status {status}{said}", "run it by hand"
            )
        return output


def _filled(word: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word


async def _output(process: asyncio.subprocess.Process) -> tuple[str, str]:
    async def read(stream: asyncio.StreamReader | None) -> str:
        data = bytearray()
        while stream is not None and (chunk := await stream.read(4096)):
            # Read on, or it would wait for a reader; but keep no more than this.
            data += chunk[: max(0, _MAX_OUTPUT - len(data))]
        return data.decode("utf-8", "replace")

    output, errors = await asyncio.gather(read(process.stdout), read(process.stderr))
    return output, errors


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
