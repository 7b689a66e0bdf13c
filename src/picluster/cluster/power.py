"""The power part of a description: from checked YAML to data, refusing what a schema cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from picluster.cluster.model import (
    Bank,
    CircuitEntry,
    Feed,
    OrderEntry,
    Pdu,
    PowerEntry,
    SupplyEntry,
)
from picluster.cluster.yaml_file import Path_

#: Told about a problem: where, what, what to do.
Say = Callable[[Path_, str, str], None]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KNOWN_PLACEHOLDERS = ("outlet", "pdu", "address")


class PowerReader:
    """Reads supplies, circuits, limits and order rules of one description."""

    def __init__(
        self,
        data: Mapping[str, Any],
        say: Say,
        pdus: Sequence[Pdu],
        banks: Sequence[Bank],
        others: Iterable[str],
    ) -> None:
        """Prepare.

        Args:
            data: the description.
            say: told about every problem.
            pdus: the PDUs described.
            banks: the banks described.
            others: names of servers and switches.
        """
        self._data = data
        self._say = say
        self._pdus = {pdu.name: pdu for pdu in pdus}
        self._banks = {f"bank_{bank.number}": bank for bank in banks}
        self._others = {*others, *self._pdus}

    def limits(self) -> PowerEntry:
        """What may be on at a time."""
        return PowerEntry(**self._data.get("power", {}))

    def supplies(self) -> tuple[SupplyEntry, ...]:
        """The supplies described."""
        found = []
        for i, entry in enumerate(self._data.get("supplies", ())):
            path: Path_ = ("supplies", i)
            self._check_outlet((*path, "outlet"), entry["pdu"], entry["outlet"], (*path, "pdu"))
            feeds = (self._feed((*path, "feeds", k), text) for k, text in enumerate(entry["feeds"]))
            found.append(
                SupplyEntry(
                    entry["name"],
                    entry["pdu"],
                    entry["outlet"],
                    tuple(feed for feed in feeds if feed is not None),
                    entry.get("watts"),
                )
            )
        self._no_shared_outlet(found)
        if found:
            self._no_slot_twice(found)
        return tuple(found)

    def _check_outlet(self, path: Path_, pdu: str, outlet: int, pdu_path: Path_) -> None:
        if pdu not in self._pdus:
            self._say(pdu_path, f"pdu {pdu} is not described", f"described are: {self._named()}")
            return
        count = self._pdus[pdu].outlets
        if count is not None and not 1 <= outlet <= count:
            self._say(path, f"outlet {outlet} of {pdu}, which has {count}", "name one it has")

    def _named(self) -> str:
        return ", ".join(self._pdus) or "none"

    def _feed(self, path: Path_, text: str) -> Feed | None:
        name, _, slots = text.partition(":")
        bank = self._banks.get(name)
        if bank is not None:
            return Feed(name, bank.number, self._slots(path, slots, bank) if slots else ())
        if slots:
            self._say(path, f"{text}: only a bank has slots", "name a bank that is described")
        elif name not in self._others:
            known = "a bank (bank_11), server, switch or PDU that is described"
            self._say(path, f"{name} is not described", f"name {known}")
        else:
            return Feed(name)
        return None

    def _slots(self, path: Path_, text: str, bank: Bank) -> tuple[int, ...]:
        found: set[int] = set()
        for part in text.split(","):
            first, _, last = part.partition("-")
            low, high = int(first), int(last or first)
            if not 1 <= low <= high <= bank.size:
                what = f"slots {part} of bank {bank.number}, which has slots 1 to {bank.size}"
                self._say(path, what, "name slots it has, the lower one first")
            else:
                found.update(range(low, high + 1))
        return tuple(sorted(found))

    def _no_shared_outlet(self, supplies: Sequence[SupplyEntry]) -> None:
        """One outlet, one supply: what is fed by it goes on and off together, so it is said so."""
        taken: dict[tuple[str, int], str] = {}
        for name, bank, i in self._bank_outlets():
            key = (bank.pdu or "", bank.outlet or 0)
            other = taken.setdefault(key, name)
            if other != name:
                what = f"outlet {key[1]} of {key[0]} feeds {other} and {name}"
                remedy = (
                    "give each its own; or, if they are one power domain, take pdu and outlet from "
                    f"both and describe a supply that feeds [{other}, {name}]"
                )
                self._say(("banks", i, "outlet"), what, remedy)
        for i, supply in enumerate(supplies):
            key = (supply.pdu, supply.outlet)
            other = taken.setdefault(key, f"supply {supply.name}")
            if other != f"supply {supply.name}":
                what = f"outlet {key[1]} of {key[0]} feeds {other} and supply {supply.name}"
                remedy = "describe one supply that feeds all of it, and name the outlet there alone"
                self._say(("supplies", i, "outlet"), what, remedy)

    def _bank_outlets(self) -> Iterator[tuple[str, Bank, int]]:
        for i, entry in enumerate(self._data["banks"]):
            bank = self._banks[f"bank_{entry['number']}"]
            if bank.pdu is not None and bank.outlet is not None:
                yield f"bank_{bank.number}", bank, i

    def _no_slot_twice(self, supplies: Sequence[SupplyEntry]) -> None:
        fed: dict[tuple[str, int], str] = {
            (name, slot): "its own outlet"
            for name, bank, _ in self._bank_outlets()
            for slot in range(1, bank.size + 1)
        }
        for i, supply in enumerate(supplies):
            for k, feed in enumerate(supply.feeds):
                if feed.bank is None:
                    continue
                slots = feed.slots or range(1, self._banks[feed.name].size + 1)
                owner = f"supply {supply.name}"
                others = [fed.setdefault((feed.name, slot), owner) for slot in slots]
                other = next((name for name in others if name != owner), None)
                if other is not None:
                    what = f"{feed.name} is fed by {owner} and by {other}"
                    remedy = "a slot hangs on one outlet: name the slots, bank_11:1-21"
                    self._say(("supplies", i, "feeds", k), what, remedy)

    def circuits(self) -> tuple[CircuitEntry, ...]:
        """The circuits described."""
        volts, found = self.limits().volts, []
        taken: dict[tuple[str, int | None], str] = {}
        for i, entry in enumerate(self._data.get("circuits", ())):
            outlets: list[tuple[str, int | None]] = []
            for k, text in enumerate(entry["outlets"]):
                path: Path_ = ("circuits", i, "outlets", k)
                pdu, _, number = text.partition(":")
                self._check_outlet(path, pdu, int(number or 1), path)
                outlet = (pdu, int(number) if number else None)
                outlets.append(outlet)
                self._on_one_circuit(path, outlet, entry["name"], taken)
            found.append(
                CircuitEntry(
                    entry["name"], entry["amperes"], entry.get("volts", volts), tuple(outlets)
                )
            )
        return tuple(found)

    def _on_one_circuit(
        self,
        path: Path_,
        outlet: tuple[str, int | None],
        name: str,
        taken: dict[tuple[str, int | None], str],
    ) -> None:
        pdu, number = outlet
        for key, other in taken.items():
            same = key[0] == pdu and (number is None or key[1] in (None, number))
            if same and other != name:
                shown = pdu if number is None else f"{pdu}:{number}"
                self._say(path, f"{shown} is on circuit {other} already", "name it once")
                break
        taken[outlet] = name

    def order(self) -> tuple[OrderEntry, ...]:
        """The rules described, with groups of banks spelled out."""
        found = []
        for i, entry in enumerate(self._data.get("power_order", ())):
            path: Path_ = ("power_order", i)
            first = self._members((*path, "first"), entry["first"])
            then = (
                name
                for k, text in enumerate(entry["then"])
                for name in self._members((*path, "then", k), text)
            )
            found.append(
                OrderEntry(
                    first,
                    tuple(dict.fromkeys(then)),
                    entry.get("wait_s"),
                    entry.get("why", ""),
                )
            )
        return tuple(found)

    def _members(self, path: Path_, name: str) -> tuple[str, ...]:
        if name in self._banks or name in self._others:
            return (name,)
        banks = tuple(
            bank_name
            for bank_name, bank in self._banks.items()
            if name in (f"rack_{bank.rack}", f"side_{bank.side}", f"domain_{bank.domain}", "all")
        )
        if not banks:
            known = "a server, switch, PDU, bank_N, rack_N, side_X, domain_X or all"
            self._say(path, f"{name} is not described", f"name {known}")
        return banks


def check_pdu(path: Path_, pdu: Pdu, say: Say) -> None:
    """Say what a driver needs and does not get, as far as the description alone tells."""
    if pdu.driver == "command":
        for action in ("on", "off"):
            if action not in pdu.commands:
                what = f"pdu {pdu.name} has driver command and no command to switch {action}"
                say((*path, "commands"), what, f"describe commands.{action}")
    elif pdu.commands:
        what = f"pdu {pdu.name} has commands and driver {pdu.driver}"
        say((*path, "commands"), what, "take driver: command, or remove them")
    for action, argv in pdu.commands.items():
        for word in argv:
            for name in _PLACEHOLDER.findall(word):
                if name not in _KNOWN_PLACEHOLDERS:
                    what = f"unknown placeholder {{{name}}} in commands.{action}"
                    known = ", ".join(f"{{{known}}}" for known in _KNOWN_PLACEHOLDERS)
                    say((*path, "commands", action), what, f"known: {known}")
