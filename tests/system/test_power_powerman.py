"""Driver ``powerman`` against a real powermand and its virtual power controller, on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from power_support import LOOPBACK, cycle, drive, look, message, turn

from picluster.cluster.model import Pdu
from picluster.power.driver import PowerSession
from picluster.power.drivers.context import Surroundings
from twin.devices.powermand import Powermand, find_powermand

AROUND = Surroundings(environ={})


@pytest.fixture(scope="module")
def pdu() -> Iterator[Pdu]:
    if find_powermand() is None:
        pytest.skip("PowerMan is not there: make setup unpacks it")
    with Powermand("pdu-3", outlets=5) as daemon:
        yield Pdu("pdu-3", driver="powerman", port=daemon.port, timeout_s=10)


def test_a_real_daemon_is_read_and_switched(pdu: Pdu) -> None:
    async def use(session: PowerSession) -> list[str]:
        found = [await look(session)]
        await session.switch(2, on=True)
        found.append(await look(session))
        await session.cycle(2, 0.1)
        found.append(await look(session))
        await session.switch(2, on=False)
        return [*found, await look(session)]

    assert drive(pdu, AROUND, use) == ["000", "010", "010", "000"]


def test_two_sessions_at_the_same_time(pdu: Pdu) -> None:
    async def use(session: PowerSession) -> str:
        other = await asyncio.to_thread(drive, pdu, AROUND, look)
        return f"{other} {await look(session)}"

    assert drive(pdu, AROUND, use) == "000 000"


def test_an_outlet_the_daemon_does_not_know(pdu: Pdu) -> None:
    assert message(pdu, AROUND, turn(6, on=True), dead=False) == (
        "pdu-3: 127.0.0.1:PORT: the daemon says 'No such nodes: pdu-3-6' (on pdu-3-6, after T s); "
        "check powerman.conf and plug in the description"
    )


def test_plugs_are_called_as_described(pdu: Pdu) -> None:
    named = replace(pdu, name="front", plug="pdu-3-{outlet}", address=LOOPBACK)
    assert drive(named, AROUND, look) == "000"
    drive(named, AROUND, cycle(1))
    drive(named, AROUND, turn(1, on=False))


def test_nobody_listens(pdu: Pdu) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        free = sock.getsockname()[1]
    assert message(replace(pdu, port=free), AROUND, look) == (
        "pdu-3: 127.0.0.1:PORT: connection refused (connect, after T s); check that powermand runs "
        "and listens there"
    )


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"220 mail.example ESMTP\r\npowerman> ", "no PowerMan answers there (wait for the prompt"),
        (b"001 2.3.27\r\n", "the daemon ended the session (wait for the prompt"),
        (b"x" * 5_000_000, "more than 4 MiB of answer (wait for the prompt"),
        (None, "no complete answer within 2 s (wait for the prompt"),
    ],
    ids=["another", "ends", "floods", "hangs"],
)
def test_what_is_no_daemon(pdu: Pdu, answer: bytes | None, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if answer is None:
                    done.wait(10)
                else:
                    try:
                        connection.sendall(answer)
                    except OSError:
                        return  # it has heard enough

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        there = replace(pdu, port=server.getsockname()[1], timeout_s=2)
        text = message(there, AROUND, look)
        done.set()
        thread.join(5)
    assert text.startswith(f"pdu-3: 127.0.0.1:PORT: {what}")
