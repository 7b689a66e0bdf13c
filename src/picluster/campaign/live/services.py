"""Whether the boot servers do what boards need, tried on each of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

from picluster.campaign.fleet import Board, Fleet
from picluster.campaign.live.reach import Reach
from picluster.campaign.ports import ServiceState
from picluster.cluster.model import Cluster
from picluster.errors import PiclusterError
from picluster.net import dotted

#: Where nodes send their messages.
MESSAGE_PORT = 3334
_LIMIT_S = 40.0
_TITLES = {"dhcp": "DHCP", "tftp": "TFTP", "nfs": "NFS", "messages": "receiver of messages"}


class LiveServices:
    """See :class:`picluster.campaign.ports.Services`.

    DHCP is tried the first time only, for a board that has no power yet: later its question would
    be taken for the board's own.

    Args:
        cluster: the description.
        fleet: the boards.
        reaches: the boot servers.
        ask_dhcp: whether DHCP is tried at all.
    """

    def __init__(
        self, cluster: Cluster, fleet: Fleet, reaches: Sequence[Reach], *, ask_dhcp: bool = True
    ) -> None:
        self._cluster = cluster
        self._fleet = fleet
        self._reaches = reaches
        self._asked_dhcp = set[str]() if ask_dhcp else {reach.name for reach in reaches}
        self._probe = files("picluster.campaign.live").joinpath("probe.py").read_text("utf-8")

    def check(self, banks: Iterable[int]) -> Sequence[ServiceState]:
        """Try every service of the servers that boot these banks."""
        wanted = set(banks)
        served = {bank.number: bank.boot_server for bank in self._cluster.banks}
        states: list[ServiceState] = []
        for reach in self._reaches:
            own = [bank for bank in wanted if served.get(bank) == reach.name]
            boards = [board for bank in own for board in self._fleet.by_bank.get(bank, ())]
            if boards:
                states += self._try(reach, boards)
        return states

    def _try(self, reach: Reach, boards: Sequence[Board]) -> Iterator[ServiceState]:
        first = reach.name not in self._asked_dhcp
        order = {
            "server": dotted(reach.server.address),
            "interface": reach.server.boot_interface,
            "tftp_root": self._cluster.tftp_root,
            "export": self._cluster.export_root,
            "messages": MESSAGE_PORT,
            "addresses": [boards[0].address, boards[-1].address],
            "dhcp": [boards[0].mac, boards[0].address] if first else None,
        }
        try:
            text = reach.run(
                ["python3", "-I", "-", json.dumps(order)], text=self._probe, limit_s=_LIMIT_S
            )
            found = json.loads(text)
        except (PiclusterError, ValueError) as error:
            yield ServiceState(reach.name, False, str(error))
            return
        for name, why in found.items():
            yield ServiceState(f"{_TITLES.get(name, name)} on {reach.name}", not why, str(why))
        if first and not any(found.values()):
            self._asked_dhcp.add(reach.name)
