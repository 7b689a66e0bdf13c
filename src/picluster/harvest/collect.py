"""What the user names as a source, and the facts it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from picluster.cluster.model import Cluster, Switch
from picluster.errors import refusal, shown
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.net import dotted

#: Told about each step, one short line.
Say = Callable[[str], None]

#: Schemes of live sources.
LIVE = ("ssh", "snmp", "unifi", "journal", "beacons", "neigh")

_LONGEST_S = 86400.0


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file, and the switch it is of where the user says so.

    Attributes:
        path: the file, ``-`` for standard input.
        switch: name of the switch, or ``None``.
        unless: names, addresses and MAC addresses of described switches that the text may name
            against ``switch``, when that is only guessed from the name of the file.
    """

    path: str
    switch: str | None = None
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A live source: its scheme and what stands behind the colon."""

    scheme: str
    target: str


def parse_source(text: str, cluster: Cluster) -> FileSource | LiveSource:
    """Read one argument: ``FILE``, ``SWITCH=FILE``, ``-`` or ``SCHEME:TARGET``.

    A file of any name stays reachable as ``./NAME``.

    Raises:
        PiclusterError: ``SWITCH=`` names a switch that is not described.
    """
    scheme, colon, target = text.partition(":")
    if colon and scheme in LIVE and not Path(text).exists():
        return LiveSource(scheme, target)
    name, equals, path = text.partition("=")
    if equals and "/" not in name and not Path(text).exists():
        return FileSource(path, _switch(name, cluster).name)
    stem = PurePath(text).name.split(".")[0].lower()
    by_name = next((switch.name for switch in cluster.switches if switch.name == stem), None)
    guessed = by_name or _by_address(PurePath(text).name, cluster)
    return FileSource(text, guessed, _described(cluster))


def _described(cluster: Cluster) -> frozenset[str]:
    names = set[str]()
    for switch in cluster.switches:
        names |= {switch.name, switch.mac or "", dotted(switch.address or 0)}
    return frozenset(names - {"", "0.0.0.0"})  # noqa: S104 - no address to listen on


def _by_address(name: str, cluster: Cluster) -> str | None:
    for switch in cluster.switches:
        if switch.address is not None and name.startswith(f"{dotted(switch.address)}."):
            return switch.name
    return None


def _switch(name: str, cluster: Cluster) -> Switch:
    for switch in cluster.switches:
        address = dotted(switch.address) if switch.address is not None else None
        if name in (switch.name, address):
            return switch
    known = ", ".join(switch.name for switch in cluster.switches) or "none"
    raise refusal(f"no switch {shown(name)}", f"described are: {known}", file=cluster.path)


def parse_seconds(text: str) -> float:
    """Read a time in seconds, more than none and at most a day.

    Raises:
        ValueError: anything else; the message names the value.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError(f"not a time of at most {_LONGEST_S:g} seconds: {shown(text)}")
    return seconds


def file_facts(source: FileSource, format_name: str | None) -> Iterator[Fact]:
    """The facts of a file; those of a switch table get the switch the user said it is of.

    Raises:
        PiclusterError: the file cannot be read, or is of no known format.
    """
    from picluster.harvest.reading import read_facts  # noqa: PLC0415 - loads every format

    overruled = set[str]()
    for fact in read_facts(source.path, format_name=format_name):
        if (
            source.switch is not None
            and isinstance(fact, Observation)
            and fact.kind is Kind.SWITCH
            and (fact.switch or "").lower() not in source.unless
        ):
            said = fact.switch
            if said is not None and said != source.switch and said not in overruled:
                overruled.add(said)
                what = f"the text is of switch {shown(said)}, and is taken as {source.switch}'s"
                yield Remark(what, source.path, fact.line)
            yield replace(fact, switch=source.switch)
        else:
            yield fact


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How live sources are asked.

    Attributes:
        follow_s: how long the journal is followed; ``None`` reads what there is.
        since: how far back the journal is read, as journalctl takes it.
        interface: interface the beacons come in on, or ``None`` for all.
        accept_new_host_keys: keep the first host key of a switch never seen before.
        timeout_s: longest time one switch or controller may take.
    """

    follow_s: float | None = None
    since: str = "-1d"
    interface: str | None = None
    accept_new_host_keys: bool = False
    timeout_s: float = 60.0


def live_facts(
    source: LiveSource, cluster: Cluster, options: LiveOptions, say: Say
) -> Iterator[Fact]:
    """The facts of a live source.

    Raises:
        PiclusterError: not described, refused, hangs or answers nonsense; one clear message.
    """
    # Each client library costs start-up time: only the one asked for is loaded.
    yield from _LIVE[source.scheme](source.target, cluster, options, say)


def _ssh(target: str, cluster: Cluster, options: LiveOptions, say: Say) -> Iterator[Fact]:
    from picluster.harvest.live import access, ssh  # noqa: PLC0415

    return ssh.observe_switch(
        _access(_switch(target, cluster), cluster, options), access.load_secrets(), say
    )


def _snmp(target: str, cluster: Cluster, options: LiveOptions, say: Say) -> Iterator[Fact]:
    from picluster.harvest.live import access, snmp  # noqa: PLC0415

    return snmp.observe_switch(
        _access(_switch(target, cluster), cluster, options), access.load_secrets(), say
    )


def _access(switch: Switch, cluster: Cluster, options: LiveOptions) -> Any:
    from picluster.harvest.live.access import HostKeys, SwitchAccess  # noqa: PLC0415

    if switch.address is None:
        raise refusal(f"switch {switch.name} has no address", "describe it", file=cluster.path)
    return SwitchAccess(
        name=switch.name,
        address=dotted(switch.address),
        device_type=switch.device_type,
        username=switch.username or "",
        ssh_port=switch.ssh_port,
        snmp_port=switch.snmp_port,
        snmp_contexts=switch.snmp_contexts,
        limit_s=options.timeout_s,
        host_keys=HostKeys.ACCEPT_NEW if options.accept_new_host_keys else HostKeys.STRICT,
    )


def _unifi(target: str, cluster: Cluster, options: LiveOptions, say: Say) -> Iterator[Fact]:
    from picluster.harvest.live import access, unifi  # noqa: PLC0415

    found = next((one for one in cluster.controllers if one.name == target), None)
    if found is None:
        known = ", ".join(one.name for one in cluster.controllers) or "none"
        raise refusal(f"no controller {shown(target)}", f"described: {known}", file=cluster.path)
    controller = access.ControllerAccess(
        name=found.name,
        url=found.url,
        site=found.site,
        username=found.username or "",
        ca_file=found.ca_file,
        limit_s=options.timeout_s,
    )
    return unifi.observe_controller(controller, access.load_secrets(), say)


def _journal(target: str, _cluster: Cluster, options: LiveOptions, say: Say) -> Iterator[Fact]:
    from picluster.harvest.live import journal  # noqa: PLC0415

    return journal.observe_unit(
        target, since=options.since, follow_s=options.follow_s, progress=say
    )


def _beacons(target: str, _cluster: Cluster, options: LiveOptions, say: Say) -> Iterator[Fact]:
    from picluster.harvest.live import beacons  # noqa: PLC0415

    try:
        seconds = parse_seconds(target)
    except ValueError as error:
        raise refusal(str(error), "write beacons:60", file="beacons") from None
    return beacons.observe_beacons(seconds, interface=options.interface, progress=say)


def _neigh(target: str, _cluster: Cluster, _options: LiveOptions, _say: Say) -> Iterator[Fact]:
    from picluster.harvest.live import neigh  # noqa: PLC0415

    return neigh.observe_neighbours(target)


_LIVE: dict[str, Callable[[str, Cluster, LiveOptions, Say], Iterator[Fact]]] = {
    "ssh": _ssh,
    "snmp": _snmp,
    "unifi": _unifi,
    "journal": _journal,
    "beacons": _beacons,
    "neigh": _neigh,
}
