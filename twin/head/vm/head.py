"""A head machine from start to end."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from picluster.errors import PiclusterError, os_errors, refusal
from twin.head import apt, container, outside, packages, reach
from twin.head.kind import AnyHead
from twin.head.places import Places, check_name
from twin.head.vm import bytecode, disk, qemu
from twin.machine.console import Console
from twin.names import hold
from twin.net import Namespace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from picluster.cluster.model import Cluster
    from twin.rack import Rack

#: A machine of its own is up in half a minute; one that is shared may take ten times as long.
_BOOT_S = 600
#: For a playbook, see :func:`twin.head.playbook.play`.
PLAY_S = 4800
#: The outside as QEMU's user network shows it; DNS is that of the namespace around it.
_NETWORK = """[Match]
Name=eth0
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
"""


class MachineHead(AnyHead):
    """A head in an x86_64 QEMU machine; like :class:`twin.head.Head` for a playbook's purposes.

    Args:
        name: at most 24 lower-case letters, digits and dashes.
        rack: the rack its ``eth1`` is plugged into, already up, or ``None``.
        host: its name in the cluster's inventory.
        seed: folders whose content its disk holds from the start, by absolute path.
        variables: host variables put into :attr:`inventory` beyond the connection.
    """

    def __init__(
        self,
        name: str,
        rack: Rack | None = None,
        *,
        host: str = "head",
        seed: Mapping[str, Path] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        self.places = Places(check_name(name))
        self.rack = rack
        self.host = host
        self.variables = dict(variables or {})
        self._seed = dict(seed or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._console: Console | None = None
        self._lock: IO[str] | None = None

    @classmethod
    def of(cls, cluster: Cluster, name: str, rack: Rack | None = None, **options: Any) -> Self:
        """The head of a cluster description, named as in its inventory."""
        return cls(name, rack, host=cluster.head.name, **options)

    @property
    def namespace(self) -> Namespace:
        """Its network namespace, in which QEMU runs."""
        return Namespace(self.places.namespace, create=False)

    @property
    def console(self) -> Console:
        """Its serial console."""
        if self._console is None:
            raise refusal(f"head {self.name} is not up")
        return self._console

    def up(self) -> None:
        """Make its disk, start it and wait until it has booted and ssh gets in.

        Raises:
            PiclusterError: the machine lacks QEMU, or the head does not boot; nothing is left.
        """
        container.check_machine()
        if shutil.which("qemu-system-x86_64") is None:
            raise refusal("qemu-system-x86_64 is not installed", "apt-get install qemu-system-x86")
        try:
            self._start()
        except BaseException:
            self.down()
            raise

    def _start(self) -> None:
        places = self.places
        places.make()
        packages.lend(places.packages)
        archives = {"/var/cache/apt/archives": places.packages, **self._seed}
        made = disk.make(places.directory / "disk", self._files(), archives)
        namespace = Namespace(places.namespace)
        outside.connect(namespace, places.directory / "slirp4netns.log")
        if self.rack is not None:
            self.rack.plug(qemu.RACK, namespace)
            qemu.plug(namespace)
        self._process = qemu.start(namespace, made, plugged=self.rack is not None)
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._console = Console(self._process.stdout, places.directory / "console.log")
        self._log_in()
        reach.write_inventory(places, self.host, {**self.variables, **self._way_in()})

    def _files(self) -> dict[str, tuple[bytes, int]]:
        hosts = f"127.0.0.1 localhost\n127.0.1.1 {self.host}\n".encode()
        return {
            **apt.files(),
            **reach.keys(self.places),
            **bytecode.files(),
            "/etc/hosts": (hosts, 0o644),
            "/etc/hostname": (f"{self.host}\n".encode(), 0o644),
            "/etc/resolv.conf": (f"nameserver {outside.NAMESERVER}\n".encode(), 0o644),
            "/etc/systemd/network/20-outside.network": (_NETWORK.encode(), 0o644),
        }

    def _ssh_options(self) -> list[str]:
        # A relay on the namespace's loopback address: QEMU forwards it to the machine.
        relay = f"ip netns exec {self.places.namespace} nc 127.0.0.1 {qemu.SSH_PORT}"
        words = reach.ssh_options(self.places)
        return [f"ProxyCommand={relay}" if w.startswith("ProxyCommand=") else w for w in words]

    def _way_in(self) -> dict[str, Any]:
        return {"ansible_ssh_common_args": shlex.join(self._ssh_options())}

    def _log_in(self) -> None:
        end = time.monotonic() + _BOOT_S
        while not self._answers():
            if self.console.ended or time.monotonic() > end:
                why = "it ended" if self.console.ended else f"not within {_BOOT_S} s"
                raise refusal(
                    f"ssh does not get into {self.name} ({why}); its console ends: "
                    f"{self.console.text[-600:]}"
                )
            time.sleep(1.0)

    def _answers(self) -> bool:
        with contextlib.suppress(PiclusterError):  # slow to answer is not there yet
            return self.run(["true"], timeout_s=60).returncode == 0
        return False

    def run(
        self, args: Sequence[str], *, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in the head; its status is the caller's to judge.

        Raises:
            PiclusterError: ssh could not be started, or the command took too long.
        """
        target = ["-i", str(self.places.key), f"root@{self.places.container}", shlex.join(args)]
        try:
            return subprocess.run(
                ["ssh", *self._ssh_options(), *target],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=timeout_s,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise refusal(f"cannot run {args[0]} in {self.name}: {error}") from error

    def down(self) -> None:
        """Remove everything :meth:`up` made, whoever called it; twice is fine."""
        if self._process is not None:
            qemu.stop(self._process)
            if self._console is not None:
                self._console.join()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        outside.disconnect(self.namespace.path)
        Namespace.adopt(self.places.namespace).delete()
        if self.places.directory.exists():
            with os_errors("remove the head's directory", self.places.directory):
                shutil.rmtree(self.places.directory)

    def __enter__(self) -> Self:
        self._lock = hold(f"{self.name}-head")
        try:
            self.down()
            self.up()
        except BaseException:
            self._lock.close()
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
            if self._lock is not None:
                self._lock.close()
