"""A head from start to end."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from picluster.errors import os_errors, refusal, shown
from twin.head import apt, container, image, outside, packages, reach
from twin.head.kind import AnyHead
from twin.head.places import Places, check_name
from twin.names import hold
from twin.net import Namespace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from subprocess import CompletedProcess
    from types import TracebackType

    from picluster.cluster.model import Cluster
    from twin.rack import Rack

#: What a container cannot do, said in the variables of the roles.
CONTAINER_VARIABLES: dict[str, Any] = {
    # Limits and clock are the machine's, and its kernel may have no nfsd.
    "head_network_apply_sysctl": False,
    "nfs_server_provider": "ganesha",
    "time_server_control_clock": False,
}


class Head(AnyHead):
    """A Debian 12 head in a container, named; a context manager that removes it on leaving.

    Everything it makes is called after ``name``, so :meth:`down` cleans up after a process that
    was killed, from another process too.

    Args:
        name: at most 24 lower-case letters, digits and dashes; one head of a name at a time.
        rack: the rack it is plugged into, already up; ``None`` for a head without ``eth1``.
        host: its name in the cluster's inventory, and what the machine calls itself.
        boot_interface: its interface on the boot side.
        variables: host variables put into :attr:`inventory` beyond the connection and what a
            container needs.
    """

    def __init__(
        self,
        name: str,
        rack: Rack | None = None,
        *,
        host: str = "head",
        boot_interface: str = "eth1",
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        self.places = Places(check_name(name))
        self.rack = rack
        self.host = host
        self.boot_interface = boot_interface
        self.variables = {**CONTAINER_VARIABLES, **(variables or {})}
        self.failed_units: list[str] = []
        self._lock: IO[str] | None = None

    @classmethod
    def of(cls, cluster: Cluster, name: str, rack: Rack | None = None) -> Self:
        """The head of a cluster description, named as in its inventory."""
        return cls(name, rack, host=cluster.head.name, boot_interface=cluster.head.boot_interface)

    @property
    def exports(self) -> Path:
        """The head's ``/srv/picluster``, seen from the machine."""
        return self.places.exports

    @property
    def namespace(self) -> Namespace:
        """Its network namespace."""
        return Namespace(self.places.namespace, create=False)

    def up(self) -> None:
        """Build the image if need be, start the head and wait until it has booted.

        Raises:
            PiclusterError: the machine lacks something, the name is taken, or it does not boot;
                nothing is left behind.
        """
        container.check_machine()
        self.check_free()
        reference = image.ensure()
        try:
            self._start(reference)
        except BaseException:
            self.down()
            raise

    def check_free(self) -> None:
        """Refuse a name that a head has already."""
        if container.exists(self.places.container) or self.namespace.path.exists():
            raise refusal(
                f"a head named {shown(self.name)} exists",
                f"python -m twin.head down --name {self.name}",
            )

    def _start(self, reference: str) -> None:
        self.places.make()
        packages.lend(self.places.packages)
        namespace = Namespace(self.places.namespace)
        outside.connect(namespace, self.places.directory / "slirp4netns.log")
        if self.rack is not None:
            self.rack.plug(self.boot_interface, namespace)
        container.create(self.places, reference, self.host)
        hosts = f"127.0.0.1 localhost\n127.0.1.1 {self.host}\n".encode()
        files = {**apt.files(), **reach.keys(self.places), "/etc/hosts": (hosts, 0o644)}
        container.put(self.places.container, files)
        container.start(self.places.container)
        self.failed_units = container.wait_booted(self.places.container)
        if self.failed_units:
            print(f"{self.name}: degraded: {', '.join(self.failed_units)}", file=sys.stderr)
        reach.check(self.places)
        reach.write_inventory(self.places, self.host, self.variables)

    def down(self) -> None:
        """Remove everything :meth:`up` made, whoever called it; twice is fine."""
        container.remove(self.places.container)
        outside.disconnect(self.namespace.path)
        Namespace.adopt(self.places.namespace).delete()
        if self.places.directory.exists():
            packages.keep(self.places.packages)
            with os_errors("remove the head's directory", self.places.directory):
                shutil.rmtree(self.places.directory)

    def run(self, args: Sequence[str], *, timeout_s: float = 60) -> CompletedProcess[bytes]:
        """Run a command in the head; its status is the caller's to judge."""
        return container.run(self.places.container, args, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        self._lock = hold(f"{self.name}-head")
        try:
            self.down()
            self.up()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.down()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
