"""Which slot hangs on which switch port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from picluster.cluster.model import Cluster, Switch
from picluster.cluster.ports import canonical_port, front_number, same_port
from picluster.net import parse_address
from picluster.plan.build import port_of
from picluster.registry.model import Entry, Slot

Port = tuple[str, str]  # (switch name, canonical port)


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
    """Slots by switch and port: the registry's, and the description's where it is silent.

    A port that the registry gives to one slot is no other's, whatever the description says.
    """

    def __init__(self, cluster: Cluster, entries: Iterable[Entry]) -> None:
        self._slots: dict[Port, Slot] = {}
        self._alike: dict[Port, dict[str, Slot]] = defaultdict(dict)
        known = set[Slot]()
        banks = {bank.number: bank for bank in cluster.banks}
        for entry in entries:
            bank = banks[entry.bank]
            port, switch = port_of(bank, entry), entry.switch or bank.switch
            if port and switch:
                known.add(entry.key)
                self.add(switch, port, entry.key)
        for bank in cluster.banks:
            for slot, port in enumerate(bank.ports, 1):
                key = (bank.number, slot)
                if bank.switch and key not in known and self.slot(bank.switch, port) is None:
                    self.add(bank.switch, port, key)

    def add(self, switch: str, port: str, slot: Slot) -> None:
        """Note that a slot hangs on a port."""
        name = canonical_port(port)
        self._slots[switch, name] = slot
        self._alike[switch, front_number(name) or name][name] = slot

    def slot(self, switch: str, port: str) -> Slot | None:
        """The slot behind a port in any vendor's notation; ``None`` if none or not certain."""
        name = canonical_port(port)
        exact = self._slots.get((switch, name))
        if exact is not None:
            return exact
        alike = self._others(switch, name)
        return alike.pop() if len(alike) == 1 else None

    def holder(self, switch: str, port: str, slot: Slot) -> Slot | None:
        """Another slot that hangs on this port, or on one it could be taken for."""
        name = canonical_port(port)
        return min(self._others(switch, name) - {slot}, default=None)

    def _others(self, switch: str, name: str) -> set[Slot]:
        names = self._alike.get((switch, front_number(name) or name), {})
        return {slot for known, slot in names.items() if same_port(known, name)}


def one_name(names: Iterable[str]) -> dict[str, str]:
    """For each canonical port name of one switch the name to call the port by.

    Sources differ: ``7`` here is ``0/7`` there. A bare number stands for the one name it can
    mean; where it could mean several, all stay apart.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[front_number(name) or name].add(name)
    called: dict[str, str] = {}
    for number, group in groups.items():
        merge = len(group) == 2 and number in group
        called |= {name: number if merge else name for name in group}
    return called
