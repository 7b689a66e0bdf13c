"""The PDUs of a description, simulated on loopback, and what their outlets feed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from picluster.power.build import POE, build_power
from picluster.power.model import Kind, Outlet
from twin.cluster.passwords import PDU_COMMUNITY, PDU_PASSWORD
from twin.cluster.wire import loopback
from twin.devices.outlets import Outlets
from twin.devices.pdu_apc import ApcPdu
from twin.devices.pdu_synaccess import FIRMWARE, Mode, SynaccessPdu
from twin.devices.pdu_synaccess_web import SynaccessWeb

if TYPE_CHECKING:
    from picluster.cluster.model import Pdu
    from picluster.plan.model import AddressPlan
    from twin.cluster.wishes import Wishes
    from twin.virtual.faults import Plagues

    #: Told which boards get power, or lose it.
    Feed = Callable[[list[str], bool], object]
    Device = SynaccessPdu | SynaccessWeb | ApcPdu

#: Drivers whose devices the twin has.
DRIVERS = frozenset({"synaccess", "apc", POE})
_LIFE_S = 7 * 86400.0


class MoodyPdu(SynaccessPdu):
    """A netBooter that hangs or answers nonsense in some sessions.

    Attributes:
        fixed: how it behaves in every session, or ``None`` to leave it to chance.
    """

    def __init__(self, name: str, plagues: Plagues, fixed: Mode | None, **options: Any) -> None:
        super().__init__(**options)
        self.fixed = fixed
        self._name = name
        self._plagues = plagues

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open_session is None:
            self.mode = self.fixed or self._mood()
        await super()._serve_one(reader, writer)

    def _mood(self) -> Mode:
        rates = self._plagues.rates
        dice = self._plagues.chance("pdu", self._name, self.sessions + 1).random()
        if dice < rates.pdu_hang:
            return Mode.HANGS
        return Mode.GARBAGE if dice < rates.pdu_hang + rates.pdu_garbage else Mode.WELL


class Pdus:
    """Every PDU of a plan whose device the twin has; a context manager.

    Args:
        plan: the plan.
        wishes: how they behave.
        feed: told what their outlets do.

    Attributes:
        devices: by name.
        poe: outlets that are ports of a switch, by its name: the switch is their device.
        missing: names of PDUs without a device: what they feed is switched by hand.
    """

    def __init__(self, plan: AddressPlan, wishes: Wishes, feed: Feed) -> None:
        self._plan = plan
        self._feed = feed
        self._wishes = wishes
        self._model = build_power(plan)
        self._stack = ExitStack()
        self.devices: dict[str, Device] = {}
        self.poe: dict[str, Outlets] = {}
        known = [pdu for pdu in self._model.pdus.values() if pdu.driver in DRIVERS]
        self.missing = sorted(set(self._model.pdus) - {pdu.name for pdu in known})
        self._outlets = {pdu.name: self._outlets_of(pdu) for pdu in known}
        for pdu in known:
            if pdu.driver != POE:
                self.devices[pdu.name] = self._device(pdu)
            elif pdu.switch is not None:
                self.poe[pdu.switch] = self._outlets[pdu.name]

    @property
    def overrides(self) -> dict[str, dict[str, object]]:
        """What the description has to say of them instead, by name."""
        return {
            name: {"address": device.address, "port": device.port}
            for name, device in self.devices.items()
        }

    def behave(self, name: str, mode: Mode | None) -> bool:
        """Let a netBooter behave; whether there is one of that name."""
        device = self.devices.get(name)
        if not isinstance(device, MoodyPdu):
            return False
        device.fixed = mode
        return True

    def _device(self, pdu: Pdu) -> Device:
        outlets = self._outlets[pdu.name]
        options: dict[str, Any] = {"address": loopback(pdu.address), "lifetime_s": _LIFE_S}
        if pdu.driver == "apc":
            return ApcPdu(outlets, community=PDU_COMMUNITY, **options)
        options |= {"username": pdu.username or PDU_PASSWORD, "password": PDU_PASSWORD}
        if pdu.protocol == "http":
            return SynaccessWeb(outlets, **options)
        firmware = FIRMWARE["np05b-login" if pdu.username else "np05b"]
        fixed = self._wishes.pdus.get(pdu.name)
        return MoodyPdu(
            pdu.name, self._wishes.plagues, fixed, outlets=outlets, firmware=firmware, **options
        )

    def _outlets_of(self, pdu: Pdu) -> Outlets:
        """Its outlets; what is on before anybody boots are servers and switches."""
        supplies = {
            outlet.number: supply
            for outlet, supply in self._model.supplies.items()
            if outlet.pdu == pdu.name
        }
        count = max([pdu.outlets or 1, *supplies])
        on = [
            number
            for number, supply in supplies.items()
            if all(load.kind in (Kind.SERVER, Kind.SWITCH) for load in supply.loads)
        ]

        def switched(number: int, state: bool) -> None:
            self._switched(Outlet(pdu.name, number), on=state)

        return Outlets(count, on=on, on_switch=switched)

    def _switched(self, outlet: Outlet, *, on: bool) -> None:
        supply = self._model.supplies.get(outlet)
        if supply is None:
            return
        names = [name for name in supply.nodes if on or not self._fed(name)]
        if names:
            self._feed(names, on)

    def _fed(self, name: str) -> bool:
        """Whether another outlet still feeds a board."""
        return any(self._is_on(outlet) for outlet in self._model.outlets_of_node(name))

    def _is_on(self, outlet: Outlet) -> bool:
        outlets = self._outlets.get(outlet.pdu)
        return outlets is not None and outlets.on(outlet.number)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for device in self.devices.values():
                stack.enter_context(device)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
