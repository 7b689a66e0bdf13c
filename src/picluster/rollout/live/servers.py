"""The boot servers of a real cluster: asked by a program that runs there."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, TypeVar

from picluster.campaign.fleet import Fleet
from picluster.campaign.live.reach import Reach
from picluster.errors import PiclusterError, Problem, refusal, shown
from picluster.rollout.assigned import assigned_text, parse_assigned
from picluster.rollout.shelf import Shelf, shelf_of
from picluster.rollout.target import Target
from picluster.rollout.versions import Size

T = TypeVar("T")

#: UDP port on which a node is asked to look; the same as in its image.
PORT = 3336
#: Gigabytes may have to be read to verify a version.
_VERIFY_S = 600.0
_RUN = "/run/picluster"
#: The program that knows sizes and removes.
_PRUNE = "store_prune.py"


class BootServers:
    """See :class:`picluster.rollout.ports.Servers`.

    Args:
        reaches: the way to each.
        served: name of the boot server by number of the bank.
        export_root: directory that nodes mount from, on every server.
        fleet: the boards.
        run: where the receiver of messages keeps what nodes said.
        port: see :data:`PORT`.
    """

    def __init__(
        self,
        reaches: Sequence[Reach],
        served: Mapping[int, str],
        export_root: str,
        fleet: Fleet,
        *,
        run: str = _RUN,
        port: int = PORT,
    ) -> None:
        self._reaches = {reach.name: reach for reach in reaches}
        self._served = served
        self._root = str(PurePosixPath(export_root) / "workloads")
        self._fleet = fleet
        self._run = run
        self._port = port
        self._texts: dict[int, str] = {}
        self._order = ""
        self._target: Target | None = None

    def look(self) -> list[Shelf]:
        """What every server holds.

        Raises:
            PiclusterError: one cannot be reached, or was not prepared by ``site.yml``.
        """

        def one(reach: Reach) -> Shelf:
            return shelf_of(reach.name, self._ask(reach, {"do": "look", "run": self._run}))

        shelves = self._each(one)
        for shelf in shelves:
            self._texts |= {
                bank: text
                for bank, text in shelf.texts.items()
                if self._served.get(bank) == shelf.server
            }
        return shelves

    def verify(self, workload: str, version: str) -> None:
        """Hold a version against its checksums on every server.

        Raises:
            PiclusterError: naming what differs where.
        """
        order = {"do": "verify", "workload": workload, "version": version}

        def one(reach: Reach) -> list[Problem]:
            found = self._ask(reach, order, limit_s=_VERIFY_S).get("wrong", ())
            return [
                Problem(
                    f"{workload} {version} is damaged on boot server {reach.name}: "
                    f"{shown(what)[1:-1]}",
                    "deliver it under a new version",
                )
                for what in found
            ]

        problems = [problem for found in self._each(one) for problem in found]
        if problems:
            raise PiclusterError(problems)

    def begin(self, order: str, target: Target, shelves: Sequence[Shelf]) -> None:
        """Remember on every server what becomes the present version, and what was before.

        Args:
            order: name of the roll-out, 16 hex digits.
            target: what is rolled out.
            shelves: what the servers hold.

        Raises:
            PiclusterError: a server cannot be reached; nothing was assigned.
        """
        self._order, self._target = order, target
        for shelf in shelves:
            present, _ = shelf.wanted.get(target.workload, ("", ""))
            if present != target.version.name:
                wanted = [target.version.name or "-", present or "-"]
                words = {"do": "want", "workload": target.workload, "wanted": wanted}
                self._ask(self._reaches[shelf.server], words)

    def assign(self, bank: int, boards: Sequence[str], poke: Collection[str]) -> None:
        """See the port."""
        assert self._target is not None, "begin comes first"  # noqa: S101
        before, target = self._texts.get(bank, ""), self._target
        old = parse_assigned(before, f"bank_{bank}")
        works = {node: dict(one) for node, one in old.items()}
        for board in boards:
            mine = works.setdefault(board, {})
            if target.version.name or target.workload in mine or board in poke:
                mine[target.workload] = target.version
        works = {node: works[node] for node in self._sorted(works) if works[node]}
        if works == old and not poke:
            return
        order = {
            "do": "assign",
            "file": f"bank_{bank}",
            "before": before,
            "text": assigned_text(self._order, works),
            "poke": self._addresses(poke),
            "port": self._port,
        }
        self._ask(self._reaches[self._served[bank]], order)
        self._texts[bank] = str(order["text"])

    def poke(self, bank: int, boards: Collection[str]) -> None:
        """See the port."""
        order = {"do": "poke", "poke": self._addresses(boards), "port": self._port}
        self._ask(self._reaches[self._served[bank]], order)

    def sizes(self) -> dict[str, dict[str, dict[str, Size]]]:
        """What versions take, by server, workload and version.

        Raises:
            PiclusterError: a server cannot be reached.
        """

        def one(reach: Reach) -> tuple[str, dict[str, dict[str, Size]]]:
            said = self._ask(reach, {"do": "sizes"}, limit_s=_VERIFY_S, program=_PRUNE)
            return reach.name, {
                name: {version: Size(int(used), float(at)) for version, (used, at) in found.items()}
                for name, found in said["sizes"].items()
            }

        return dict(self._each(one))

    def prune(self, server: str, versions: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Remove versions, pairs of workload and version, on a server.

        Returns:
            Why some were not removed: they are used.

        Raises:
            PiclusterError: it cannot be reached, or a file cannot be removed.
        """
        order = {"do": "prune", "versions": [list(pair) for pair in versions]}
        said = self._ask(self._reaches[server], order, limit_s=_VERIFY_S, program=_PRUNE)
        return {(name, version): str(why) for name, version, why in said["kept"]}

    def _sorted(self, nodes: Collection[str]) -> list[str]:
        """Nodes of the plan, by slot; others are no more."""
        return [board.name for board in self._fleet.boards if board.name in nodes]

    def _addresses(self, boards: Collection[str]) -> list[str]:
        return [self._fleet.by_name[name].address for name in boards]

    def _each(self, do: Callable[[Reach], T]) -> list[T]:
        with ThreadPoolExecutor(max_workers=max(1, len(self._reaches))) as pool:
            return list(pool.map(do, self._reaches.values()))

    def _ask(
        self,
        reach: Reach,
        order: Mapping[str, object],
        *,
        limit_s: float = 60.0,
        program: str = "store.py",
    ) -> dict[str, Any]:
        source = files("picluster.rollout.live").joinpath(program).read_text("utf-8")
        words = json.dumps({"root": self._root, **order})
        # what boards of a bank are assigned may be longer than an argument
        call = f"print(json.dumps(main({words!a})))\n"
        said = reach.run(["python3", "-I", "-"], text=f"{source}\n{call}", limit_s=limit_s)
        try:
            found = json.loads(said)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise refusal(f"{reach.name} gave no answer about workloads", "is python3 there?")
        if "error" in found:
            raise refusal(
                f"{reach.name}: {shown(found['error'])[1:-1]}", "run site.yml, and deploy again"
            )
        return found
