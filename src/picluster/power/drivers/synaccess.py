"""Driver ``synaccess``: netBooter and netCommander units, by telnet or by HTTP."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from picluster.cluster.model import Pdu
from picluster.power.driver import PowerSession
from picluster.power.drivers import synaccess_http, synaccess_telnet
from picluster.power.drivers.context import Surroundings


def session(pdu: Pdu, around: Surroundings) -> AbstractAsyncContextManager[PowerSession]:
    """A session by the protocol the description names."""
    if pdu.protocol == "http":
        return synaccess_http.session(pdu, around)
    return synaccess_telnet.session(pdu, around)
