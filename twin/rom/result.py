"""What a boot ROM did: events while it runs, results at the end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from twin.rom.sequence import Stage


@dataclass(frozen=True, slots=True)
class SeenOffer:
    """An OFFER a board got.

    Attributes:
        at_s: when, seconds since the storm began.
        address: offered address, or ``proxy offer``.
        server: DHCP server that sent it.
        boot_server: where the board would ask for files.
        taken: the board acted on it; otherwise it lacked what the ROM wants.
    """

    at_s: float
    address: str
    server: str
    boot_server: str
    taken: bool


@dataclass(frozen=True, slots=True)
class GotFile:
    """A file read to its end.

    Attributes:
        size: bytes.
        sha256: hex digest of its content.
        content: its bytes: of a small text file, and where the board was told to keep them.
    """

    size: int
    sha256: str
    content: bytes | None = field(default=None, repr=False)

    def as_dict(self) -> dict[str, str | int]:
        """Plain data for JSON, without the content."""
        return {"size": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Event:
    """Something a live view wants to know.

    Attributes:
        at_s: when, seconds since the storm began.
        mac: the board.
        stage: the stage it is in now.
        address: the address it uses, or empty.
        what: ``power on``, ``power off``, ``discover``, ``offer``, ``stage``, ``stopped`` (with
            the reason after a colon) or ``complete``.
    """

    at_s: float
    mac: str
    stage: Stage
    address: str
    what: str


@dataclass(frozen=True, slots=True)
class RomResult:
    """How one board fared since its power last came on.

    Attributes:
        mac: its MAC address.
        serial: 8 hex digits.
        address: the address it used last, or ``None``.
        addresses: every address it used, in order, over all power cycles.
        offers: the OFFERs it got, over all power cycles.
        discovers: DISCOVERs it sent, over all power cycles.
        stage: stage it reached.
        complete: everything Linux needs came and is sound.
        files: files read to their end, by the name asked for.
        missing: names the server did not have, in the order first asked for.
        started_s: when its power came on, seconds since the storm began; ``None`` if never.
        finished_s: when it was complete or stopped, or ``None``.
        reason: why it stopped; empty when complete or still under way.
    """

    mac: str
    serial: str
    address: str | None
    addresses: tuple[str, ...]
    offers: tuple[SeenOffer, ...]
    discovers: int
    stage: Stage
    complete: bool
    files: Mapping[str, GotFile]
    missing: tuple[str, ...]
    started_s: float | None
    finished_s: float | None
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        plain["files"] = {name: got.as_dict() for name, got in self.files.items()}
        plain["offers"] = [asdict(offer) for offer in self.offers]
        return plain


@dataclass(frozen=True, slots=True)
class StormResult:
    """How all boards of a storm fared.

    Attributes:
        roms: one result per board, in the order given.
        shared_addresses: addresses more than one board used, with those boards' MAC addresses.
        elapsed_s: wall-clock seconds.
        data_packets: TFTP DATA packets taken.
        data_bytes: bytes of files taken.
        frames_lost: frames the simulator itself could not take or send in time; above 0 it, and
            not the head, may be what a board failed at.
    """

    roms: tuple[RomResult, ...]
    shared_addresses: Mapping[str, tuple[str, ...]]
    elapsed_s: float
    data_packets: int
    data_bytes: int
    frames_lost: int = 0

    @property
    def complete(self) -> int:
        """Number of boards that have everything."""
        return sum(rom.complete for rom in self.roms)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "roms": [rom.as_dict() for rom in self.roms],
            "shared_addresses": {key: list(macs) for key, macs in self.shared_addresses.items()},
            "complete": self.complete,
            "elapsed_s": self.elapsed_s,
            "data_packets": self.data_packets,
            "data_bytes": self.data_bytes,
            "frames_lost": self.frames_lost,
        }


def shared(roms: Iterable[RomResult]) -> Mapping[str, tuple[str, ...]]:
    """Addresses used by more than one board, with the boards."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for rom in roms:
        for address in dict.fromkeys(rom.addresses):
            users[address].append(rom.mac)
    return MappingProxyType(
        {address: tuple(macs) for address, macs in users.items() if len(macs) > 1}
    )
