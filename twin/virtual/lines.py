"""The simulated head's log: what its daemons would write, read back by the campaign's reader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from picluster.campaign.events import Alarm, Event, Health, Sign
from picluster.campaign.watch.reader import LogReader
from picluster.campaign.watch.signal import Signal
from picluster.campaign.watch.timeline import Timeline
from twin.virtual.simulation import EPOCH
from twin.virtual.world import Hear, VirtualWorld

_DHCP = {
    Sign.DISCOVER: "DHCPDISCOVER from {mac} via eth1",
    Sign.OFFER: "DHCPOFFER on {address} to {mac} via eth1",
    Sign.REQUEST: "DHCPREQUEST for {address} (172.20.0.10) from {mac} via eth1",
    Sign.ACK: "DHCPACK on {address} to {mac} via eth1",
}


def line_of(signal: Signal, wall: float) -> str:
    """The line a daemon writes, with rsyslog's header.

    Args:
        signal: what it is about.
        wall: the head's time, seconds since 1970.
    """
    stamp = datetime.fromtimestamp(wall, UTC).isoformat(timespec="microseconds")
    program, message = _message(signal)
    return f"{stamp} head {program}: {message}"


def _message(signal: Signal) -> tuple[str, str]:
    words = {"mac": signal.mac, "address": signal.address}
    if signal.sign in _DHCP:
        return "dhcpd[812]", _DHCP[signal.sign].format_map(words)
    if signal.sign is Sign.FILE:
        return "in.tftpd[4711]", f"RRQ from {signal.address} filename {signal.detail}"
    if signal.sign is Sign.MOUNT:
        path = "/srv/picluster/export"
        request = f"authenticated mount request from {signal.address}:733 for {path} ({path})"
        return "rpc.mountd[901]", request
    if signal.sign is Sign.KEYS:
        about = f"certificate {signal.name} {signal.address} mac={signal.mac} serial=1"
        return "picluster-authority[77]", about
    health = _health_words(signal.health)
    who = f"node {signal.name} {signal.address} {signal.sign}"
    return "picluster-messages[78]", f"{who} mac={signal.mac} boot={signal.boot}{health}"


def _health_words(health: Health | None) -> str:
    if health is None:
        return ""
    words = ""
    if health.uptime_s is not None:
        words += f" up={health.uptime_s:.1f}"
    if health.temperature is not None:
        words += f" temp={health.temperature:.1f}"
    if health.throttled is not None:
        words += f" throttled={health.throttled:#x}"
    return words


def by_lines(world: VirtualWorld) -> Hear:
    """Hear every signal as a line of a log (see :class:`twin.virtual.world.VirtualWorld`)."""
    times = Timeline(world.clock)
    reader = LogReader(world.joiner, times, datetime.fromtimestamp(EPOCH, UTC))

    def hear(signal: Signal, _at: float) -> Iterable[Event | Alarm]:
        return list(reader.text(line_of(signal, world.clock.wall())))

    return hear
