"""The driver that docs/power.md writes, as it stands there, against a board that speaks so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from power_support import LOOPBACK, T, Use, states

from picluster.cluster.model import Pdu
from picluster.errors import PiclusterError
from picluster.power.driver import DeadPduError, PowerSession
from picluster.power.drivers.context import Surroundings
from picluster.power.model import OutletState
from twin.devices.outlets import Outlets
from twin.devices.server import LoopServer

PAGE = Path(__file__).parents[2] / "docs" / "power.md"


class Board(LoopServer):
    """A relay board that takes ``SET n 0|1`` and ``GET n``."""

    def __init__(self) -> None:
        super().__init__()
        self.outlets = Outlets(4)
        self.answer: bytes | None = None
        self._server: asyncio.Server | None = None

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve_one, self.address, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            verb, number, *value = line.decode().split()
            if verb == "SET":
                self.outlets.set(int(number), value == ["1"])
            on = b"1\r\n" if self.outlets.on(int(number)) else b"0\r\n"
            writer.write(on if self.answer is None else self.answer)
            if self.answer == b"":
                break
        writer.close()


@pytest.fixture
def board() -> Iterator[Board]:
    with Board() as running:
        yield running


@pytest.fixture(scope="module")
def relay() -> ModuleType:
    code = re.search(r"```python\n(\"\"\"Driver ``relay``.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    module = ModuleType("relay")
    exec(compile(code[1], str(PAGE), "exec"), module.__dict__)  # noqa: S102 - it is our own page
    return module


def drive(relay: ModuleType, board: Board, use: Use[T]) -> T:
    pdu = Pdu("relay", LOOPBACK, "relay", port=board.port, timeout_s=2)

    async def run() -> T:
        async with relay.session(pdu, Surroundings(environ={})) as session:
            return await use(session)

    return asyncio.run(run())


def test_a_relay_board_is_switched_and_read(relay: ModuleType, board: Board) -> None:
    async def use(session: PowerSession) -> str:
        await session.switch(2, on=True)
        found = await session.status([1, 2])
        await session.cycle(2, 0.1)
        assert found[2] is OutletState.ON
        return states(found)

    assert drive(relay, board, use) == "01"
    assert [(c.outlet, c.on) for c in board.outlets.history] == [(2, True), (2, False), (2, True)]


def test_a_stuck_relay(relay: ModuleType, board: Board) -> None:
    board.outlets.stuck.add(2)
    with pytest.raises(PiclusterError, match="outlet 2 was switched on and is off"):
        drive(relay, board, lambda session: session.switch(2, on=True))


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", "it ended the connection"),
        (b"x" * 9000, "a line without end"),
        (b"half a line", "no complete answer within 2 s"),
    ],
)
def test_boards_that_fail(relay: ModuleType, board: Board, answer: bytes, what: str) -> None:
    board.answer = answer
    with pytest.raises(DeadPduError, match=what):
        drive(relay, board, lambda session: session.status([1]))


def test_no_board(relay: ModuleType, board: Board) -> None:
    board.stop()
    with pytest.raises(DeadPduError, match=r"connection refused \(connect, after"):
        drive(relay, board, lambda session: session.status([1]))
