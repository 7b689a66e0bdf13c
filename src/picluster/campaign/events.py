"""What happens to boards, as the campaign sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sign(StrEnum):
    """What was seen of a board."""

    # from the campaign itself
    POWER_ON = "power-on"  # its outlet was switched on, and verified
    POWER_OFF = "power-off"
    GIVEN_UP = "given-up"  # it did not get on within the time its stage may take
    # DHCP
    DISCOVER = "discover"
    OFFER = "offer"
    REQUEST = "request"  # only Linux sends one
    ACK = "ack"
    NAK = "nak"
    DECLINE = "decline"
    UNANSWERED = "unanswered"  # asked, and the server had nothing for it
    CONFLICT = "conflict"  # its address answered before it was offered
    # TFTP
    FILE = "file"  # asked for a file
    MISSING = "missing"  # the file was not there
    STALLED = "stalled"  # the server gave a transfer up
    STRAYED = "strayed"  # it asked from another board's address
    INTRUDED = "intruded"  # another board asked from its address
    # NFS
    MOUNT = "mount"
    MOUNT_REFUSED = "mount-refused"
    # the node's own messages
    KERNEL = "kernel"
    ROOT = "nfs"
    KEYS = "hostkey"  # asked for the certificate of its host key
    READY = "ready"
    ALIVE = "alive"
    WARNING = "warning"
    FAILED = "failed"
    WORKLOAD = "workload"  # how one of its workloads is
    # its console, where one is logged
    PANIC = "panic"
    NFS_SILENT = "nfs-silent"  # "server not responding"
    NFS_BACK = "nfs-back"  # "server OK"
    NO_LINK = "no-link"


@dataclass(frozen=True, slots=True)
class Health:
    """What a board said about itself.

    Attributes:
        temperature: of its processor, degrees Celsius.
        throttled: the bits of ``vcgencmd get_throttled``: 0 to 3 now, 16 to 19 since its boot.
        upper_percent: used part of the overlay's writable layer.
        uptime_s: seconds since its kernel started.
    """

    temperature: float | None = None
    throttled: int | None = None
    upper_percent: int | None = None
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """How a workload is on a board.

    Attributes:
        workload: its name.
        version: its version; empty where it is not there.
        state: ``starting``, ``ok``, ``failed`` or ``gone``.
        order: name of the roll-out that assigned it, 16 hex digits.
    """

    workload: str
    version: str
    state: str
    order: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one board.

    Attributes:
        at: when, in seconds of the campaign's clock (:class:`picluster.campaign.ports.Clock`).
        board: the node's name.
        sign: what.
        detail: file name, other board, step, as the sign wants it; printable.
        boot: the board's boot id, of its own messages.
        health: of its own messages.
        line: the evidence as logged; printable and bounded.
        reason: its own words of a failure or warning; printable.
        work: of its message on a workload.
        image: the image version it says it runs, or empty.
    """

    at: float
    board: str
    sign: Sign
    detail: str = ""
    boot: str = ""
    health: Health | None = None
    line: str = ""
    reason: str = ""
    work: Work | None = None
    image: str = ""


class AlarmKind(StrEnum):
    """What must not happen on the boot network."""

    OFF_PLAN_ADDRESS = "off-plan address in use"
    OFF_PLAN_LEASE = "off-plan lease"
    ADDRESS_CONFLICT = "address conflict"
    WRONG_BOARD = "address used by another board"
    WHILE_OFF = "address in use while its board is off"
    FOREIGN_SERVER = "foreign DHCP server"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that must not happen; told at once and in the report.

    Attributes:
        at: when, in seconds of the campaign's clock.
        kind: what.
        what: one clause with the addresses; printable.
        line: the evidence as logged.
    """

    at: float
    kind: AlarmKind
    what: str
    line: str = ""
