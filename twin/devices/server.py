"""A server on its own thread and event loop that stops by itself."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class LoopServer(ABC):
    """Runs an asyncio server beside a caller that blocks.

    Attributes:
        address: address it listens on.
        port: the port; the one asked for, or an ephemeral one once started.
        lifetime_s: it stops by itself after so many seconds.
    """

    def __init__(
        self, *, address: str = "127.0.0.1", port: int = 0, lifetime_s: float = 600.0
    ) -> None:
        self.address = address
        self.port = port
        self.lifetime_s = lifetime_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    @abstractmethod
    async def _open(self) -> None:
        """Listen; set ``self.port``."""

    @abstractmethod
    async def _close(self) -> None:
        """Stop listening and end every session."""

    def start(self) -> Self:
        """Listen, and return once clients can connect.

        Raises:
            OSError: the address or port cannot be had.
        """
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop and wait until the thread is gone; a second call does nothing."""
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether it still serves."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        try:
            await self._open()
        except BaseException as error:
            self._failure = error
            return
        finally:
            self._ready.set()
        try:
            await asyncio.wait_for(self._stopping.wait(), self.lifetime_s)
        except TimeoutError:
            pass  # nobody stopped it: its time is up
        finally:
            await self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
