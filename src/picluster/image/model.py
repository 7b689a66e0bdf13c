"""What the boot servers told of their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

POINTERS = ("current", "canary", "previous")


@dataclass(frozen=True, slots=True)
class Version:
    """A version on one boot server.

    Attributes:
        name: its name.
        manifest: its manifest, plain data; may be empty when it is damaged.
        published: the TFTP server has its boot files.
        damage: what is wrong with it; empty when nothing is.
        pointers: the pointers that lead to it.
        planned: nodes that boot it by the plan.
        live: nodes that said they run it.
    """

    name: str
    manifest: Mapping[str, Any]
    published: bool
    damage: str
    pointers: tuple[str, ...]
    planned: tuple[str, ...]
    live: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Store:
    """The images of one boot server.

    Attributes:
        server: its name in the inventory.
        versions: the newest first.
        pointers: version by pointer; empty text for the bare boot files.
        unknown: connected clients whose version is not known.
        trouble: why the plan or the clients could not be told; empty when they could.
        switching: pointers and versions of a switch that was killed; an empty version for the bare
            boot files.
    """

    server: str
    versions: tuple[Version, ...]
    pointers: Mapping[str, str]
    unknown: tuple[str, ...]
    trouble: str = ""
    switching: tuple[tuple[str, str], ...] = ()

    def find(self, name: str) -> Version | None:
        """A version by its name, or by a pointer's."""
        wanted = self.pointers.get(name, name)
        return next((version for version in self.versions if version.name == wanted), None)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        versions = [version.as_dict() for version in self.versions]
        return {
            "server": self.server,
            "versions": versions,
            "pointers": dict(self.pointers),
            "unknown": list(self.unknown),
            "trouble": self.trouble,
            "switching": dict(self.switching),
        }


def store_of(server: str, told: Mapping[str, Any]) -> Store:
    """Make a store from what the module ``image_info`` returned."""
    pointers = {name: str(told["pointers"].get(name) or "") for name in POINTERS}
    plan, live = told.get("plan", {}), told.get("live", {})
    versions = tuple(_version(entry, pointers, plan, live) for entry in told["versions"])
    return Store(
        server,
        versions,
        pointers,
        tuple(told.get("unknown", ())),
        told.get("plan_error", ""),
        tuple(sorted(told.get("switching", {}).items())),
    )


def _version(
    entry: Mapping[str, Any],
    pointers: Mapping[str, str],
    plan: Mapping[str, Sequence[str]],
    live: Mapping[str, Sequence[str]],
) -> Version:
    name = str(entry["name"])
    leading = tuple(pointer for pointer in POINTERS if pointers[pointer] == name)
    planned = [node for image in (name, *leading) for node in plan.get(image, ())]
    return Version(
        name=name,
        manifest=entry.get("manifest") or {},
        published=bool(entry.get("published")),
        damage=str(entry.get("damage") or ""),
        pointers=leading,
        planned=tuple(planned),
        live=tuple(live.get(name, ())),
    )
