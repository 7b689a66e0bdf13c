"""A live twin from start to end."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from picluster.cluster.load import find_description
from picluster.plan.read import read_plan
from twin.boards.tree import ensure_tree
from twin.cluster.banks import Banks, Folders
from twin.cluster.inventory import write_inventory
from twin.cluster.machines import Machines
from twin.cluster.pdus import Pdus
from twin.cluster.switches import Switches
from twin.cluster.wire import WayIn, free_addresses
from twin.cluster.wishes import Wishes, check_names
from twin.names import hold

if TYPE_CHECKING:
    from pathlib import Path

    from twin.cluster.truth import Truth
    from twin.head import Head
    from twin.rack import Rack

__all__ = ["LiveTwin", "Wishes"]


class LiveTwin:
    """Switches, PDUs and boards of a cluster around a head and its racks; a context manager.

    Args:
        source: the cluster's inventory, a folder.
        head: its head, configured by ``site.yml``.
        rack: its racks, up.
        wishes: what it shall be like.
        machine_key: private key that opens the boards that are QEMU machines.

    Raises:
        PiclusterError: a wish is about something the cluster has not.
    """

    def __init__(
        self,
        source: Path,
        head: Head,
        rack: Rack,
        wishes: Wishes | None = None,
        machine_key: Path | None = None,
    ) -> None:
        self.head = head
        self.rack = rack
        self.wishes = wishes or Wishes()
        self.plan = read_plan(find_description(source))
        check_names(self.wishes, self.plan)
        self._source = source
        self._machine_key = machine_key
        self._stack = ExitStack()
        self._banks: Banks | None = None
        self.pdus = Pdus(self.plan, self.wishes, lambda names, on: self.power(names, on=on))

    @property
    def inventory(self) -> Path:
        """The inventory to give to ``ansible-playbook`` and ``picluster``."""
        return self.head.places.directory / "inventory"

    @property
    def banks(self) -> Banks:
        """The boards, while it runs."""
        assert self._banks is not None, "the twin is not up"  # noqa: S101
        return self._banks

    @property
    def truth(self) -> Truth:
        """What really happened, while it runs."""
        return self.banks.truth

    def power(self, names: Iterable[str], *, on: bool) -> None:
        """Give boards power, or take it, as their outlets do."""
        self.banks.power(names, on=on)

    def __enter__(self) -> Self:
        tree = ensure_tree()
        with ExitStack() as stack:
            stack.enter_context(hold(f"{self.head.name}-boards"))
            address = f"{free_addresses(self.plan)[0]}/{self.plan.cluster.network.prefix}"
            way = stack.enter_context(WayIn(self.head.name, self.rack, address))
            self._banks = stack.enter_context(self._make_banks(tree))
            stack.enter_context(self.pdus)
            folder = self.head.places.directory
            switches = Switches(self.plan, self.rack, self.pdus.poe, folder)
            stack.enter_context(switches)
            overrides: dict[str, Any] = {"pdus": self.pdus.overrides, **switches.overrides}
            key = {"ansible_ssh_private_key_file": str(self._machine_key)}
            hosts = dict.fromkeys(self.wishes.machines, key) if self._machine_key else {}
            write_inventory(
                self._source, self.inventory, self.head,
                proxy=way.proxy(), overrides=overrides, hosts=hosts,
            )  # fmt: skip
            self._stack = stack.pop_all()
        return self

    def _make_banks(self, tree: Path) -> Banks:
        folder = self.head.places.directory / "boards"
        nodes = [node for node in self.plan.nodes if node.name in self.wishes.machines]
        machines = Machines(nodes, self.rack, folder, self.wishes.speed)
        banks = Banks(
            self.plan,
            self.rack,
            tree=tree,
            folders=Folders(folder, self.head.exports / "export"),
            key=self.head.places.key.with_suffix(".pub").read_text(),
            wishes=self.wishes,
            machines=machines,
        )
        machines.tell = banks.truth.heard
        return banks

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._banks = None
