"""Sessions with the PDUs of a cluster, by the driver each is described with."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from picluster.cluster.model import Cluster
from picluster.errors import refusal
from picluster.power.driver import Connect, PowerSession
from picluster.power.drivers.context import Ask, Driver, Surroundings
from picluster.power.model import PowerModel

#: Driver → the module that holds it; loaded when it is used, for each brings a library with it.
DRIVERS: Mapping[str, str] = {
    name: f"picluster.power.drivers.{name}"
    for name in ("synaccess", "apc", "unifi_poe", "powerman", "command", "manual")
}


def load_driver(name: str) -> Driver:
    """The driver of that name.

    Raises:
        PiclusterError: there is none.
    """
    if name not in DRIVERS:
        raise refusal(f"no power driver {name}", f"there are: {', '.join(DRIVERS)}")
    driver: Driver = importlib.import_module(DRIVERS[name]).session
    return driver


def connector(
    model: PowerModel,
    cluster: Cluster,
    *,
    ask: Ask | None = None,
    environ: Mapping[str, str] | None = None,
    drivers: Callable[[str], Driver] = load_driver,
) -> Connect:
    """Make what opens a session with any PDU of the cluster.

    Args:
        model: the cluster's power.
        cluster: the description.
        ask: asks the operator; ``None`` where nobody is there.
        environ: where secrets come from; the process's own variables when ``None``.
        drivers: finds a driver by name.
    """
    around = Surroundings(
        file=str(cluster.path),
        controllers={controller.name: controller for controller in cluster.controllers},
        switches={switch.name: switch for switch in cluster.switches},
        loads={
            str(outlet): ", ".join(load.name for load in supply.loads)
            for outlet, supply in model.supplies.items()
        },
        environ=os.environ if environ is None else environ,
        ask=ask,
    )

    def connect(pdu: str) -> AbstractAsyncContextManager[PowerSession]:
        described = model.pdus[pdu]
        return drivers(described.driver)(described, around)

    return connect
