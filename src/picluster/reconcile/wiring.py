"""Which slot hangs on which switch port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from picluster.cluster.model import Cluster, Switch
from picluster.cluster.ports import canonical_port, same_port
from picluster.net import parse_address
from picluster.plan.build import port_of
from picluster.registry.model import Entry, Slot


class SwitchNames:
    """Finds the described switch a source means."""

    def __init__(self, cluster: Cluster) -> None:
        self._by_name: dict[str, Switch] = {}
        for switch in cluster.switches:
            self._by_name[switch.name.lower()] = switch
            if switch.mac is not None:
                self._by_name[switch.mac] = switch
        self._by_address = {s.address: s for s in cluster.switches if s.address is not None}

    def find(self, said: str | None) -> Switch | None:
        """The switch of that name, address or MAC address, or ``None``."""
        if said is None:
            return None
        found = self._by_name.get(said.lower())
        if found is None:
            try:
                found = self._by_address.get(parse_address(said))
            except ValueError:
                return None
        return found


class Wiring:
    """Slots by switch and port, from the registry and, where it is silent, the description."""

    def __init__(self, cluster: Cluster, entries: Iterable[Entry]) -> None:
        self._slots: dict[tuple[str, str], Slot] = {}
        self._ports: dict[str, list[tuple[str, Slot]]] = defaultdict(list)
        known = set[Slot]()
        banks = {bank.number: bank for bank in cluster.banks}
        for entry in entries:
            bank = banks[entry.bank]
            port, switch = port_of(bank, entry), entry.switch or bank.switch
            if port and switch:
                known.add(entry.key)
                self._add(switch, port, entry.key)
        for bank in cluster.banks:
            for slot, port in enumerate(bank.ports, 1):
                if bank.switch and (bank.number, slot) not in known:
                    self._add(bank.switch, port, (bank.number, slot))

    def _add(self, switch: str, port: str, slot: Slot) -> None:
        self._slots[(switch, canonical_port(port))] = slot
        self._ports[switch].append((port, slot))

    def slot(self, switch: str, port: str) -> Slot | None:
        """The slot behind a port in any vendor's notation; ``None`` if none or not certain."""
        exact = self._slots.get((switch, canonical_port(port)))
        if exact is not None:
            return exact
        alike = {slot for name, slot in self._ports[switch] if same_port(name, port)}
        return alike.pop() if len(alike) == 1 else None
