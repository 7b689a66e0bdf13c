"""What every driver is given: the PDU, what the description says around it, secrets, the operator.

Passwords come from the environment or from files only their owner can read, never from the
description and never from the command line, and no message holds one.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from picluster.cluster.model import Controller, Pdu, Switch
from picluster.errors import PiclusterError, refusal
from picluster.harvest.live.access import Secrets, load_secrets, secret_of
from picluster.harvest.live.attempt import Attempt
from picluster.net import dotted
from picluster.power.driver import DeadPduError, PowerSession

#: Asks the person at the terminal; the answer is without its line end.
Ask = Callable[[str], Awaitable[str]]

DEFAULT_LIMIT_S = 20.0
CONNECT_S = 6.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What drivers may need beside their PDU.

    Attributes:
        file: the description, for messages.
        controllers: by name.
        switches: by name.
        loads: what hangs on an outlet, for people: ``pdu-1:1`` → ``bank_11``.
        environ: where secrets come from.
        ask: asks the operator; ``None`` where nobody is there.
    """

    file: str = ""
    controllers: Mapping[str, Controller] = field(default_factory=dict)
    switches: Mapping[str, Switch] = field(default_factory=dict)
    loads: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    ask: Ask | None = None


#: What a driver module offers under the name ``session``.
Driver = Callable[[Pdu, Surroundings], AbstractAsyncContextManager[PowerSession]]


def attempt_at(pdu: Pdu, where: str, limit_s: float | None = None) -> Attempt:
    """Begin an attempt: its time limit and what its messages say first."""
    return Attempt(pdu.name, where, limit_s or pdu.timeout_s or DEFAULT_LIMIT_S)


def dead(attempt: Attempt, what: str, remedy: str) -> DeadPduError:
    """The error for a PDU that cannot be talked to."""
    return DeadPduError(attempt.error(what, remedy).problems)


def reason(error: OSError) -> str:
    """Why the operating system could not, in a few words."""
    return os.strerror(error.errno).lower() if error.errno else "cannot connect"


def too_late(attempt: Attempt) -> DeadPduError:
    """The error for a PDU that is not done within its time limit."""
    return dead(
        attempt,
        f"no complete answer within {attempt.limit_s:g} s",
        "check the PDU by hand, or give it a longer timeout_s",
    )


@asynccontextmanager
async def within(attempt: Attempt) -> AsyncIterator[None]:
    """Begin the attempt's time anew; what is done in the block has that long.

    Raises:
        DeadPduError: it takes longer.
    """
    attempt.started = time.monotonic()
    try:
        async with asyncio.timeout(attempt.limit_s):
            yield
    except TimeoutError:
        raise too_late(attempt) from None


async def in_time(connecting: Awaitable[T], attempt: Attempt) -> T:
    """Connect within :data:`CONNECT_S`: a PDU that is there answers at once.

    Raises:
        DeadPduError: it does not.
    """
    try:
        async with asyncio.timeout(min(CONNECT_S, attempt.limit_s)):
            return await connecting
    except TimeoutError:
        raise dead(
            attempt, f"no answer within {CONNECT_S:g} s", "check its address, port and power"
        ) from None


@asynccontextmanager
async def only_dead(attempt: Attempt) -> AsyncIterator[None]:
    """Turn every refusal while a session is opened into one of a PDU that cannot be talked to."""
    try:
        yield
    except DeadPduError:
        raise
    except PiclusterError as error:
        raise DeadPduError(error.problems) from None
    except TimeoutError:
        raise too_late(attempt) from None


def address_of(pdu: Pdu, around: Surroundings) -> str:
    """The PDU's address.

    Raises:
        PiclusterError: none is described.
    """
    if pdu.address is None:
        raise refusal(f"pdu {pdu.name} has no address", "describe it", file=around.file or None)
    return dotted(pdu.address)


def password_of(pdu: Pdu, around: Surroundings) -> str | None:
    """The PDU's password: ``PICLUSTER_PDU_PASSWORD_<NAME>``, else ``PICLUSTER_PDU_PASSWORD``.

    ``<NAME>`` is the PDU's name in capitals with ``_`` for everything else. Either may have
    ``_FILE`` behind it and name a file of mode 0600.

    Raises:
        PiclusterError: a variable and its file are both set, or the file is not fit for it.
    """
    return _of(pdu, around, "PICLUSTER_PDU_PASSWORD")


def community_of(pdu: Pdu, around: Surroundings) -> str | None:
    """The SNMP write community, by ``PICLUSTER_PDU_COMMUNITY`` as :func:`password_of` does."""
    return _of(pdu, around, "PICLUSTER_PDU_COMMUNITY")


def _of(pdu: Pdu, around: Surroundings, name: str) -> str | None:
    own = f"{name}_{re.sub('[^A-Z0-9]', '_', pdu.name.upper())}"
    return secret_of(around.environ, own) or secret_of(around.environ, name)


def snmp_secrets(around: Surroundings) -> Secrets:
    """SNMPv3 user and passwords, and the UniFi password, as the harvest reads them."""
    return load_secrets(around.environ)
