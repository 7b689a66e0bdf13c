"""What differs between two versions: a pure function of their manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes:
        kind: ``package``, ``kernel``, ``boot file``, ``size`` or ``input``.
        name: of what.
        old: in the first version; empty where it is not there.
        new: in the second version; empty where it is gone.
    """

    kind: str
    name: str
    old: str
    new: str

    def as_dict(self) -> dict[str, str]:
        """Plain data for JSON."""
        return asdict(self)


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Compare two manifests.

    Returns:
        The changes: provider and release, kernel, packages, boot files, sizes, each by name.
    """
    changes = [
        Change("input", key, str(old.get(key, "")), str(new.get(key, "")))
        for key in ("provider", "release", "architecture", "root")
        if old.get(key) != new.get(key)
    ]
    if old.get("kernel") != new.get("kernel"):
        changes.append(
            Change("kernel", "kernel", str(old.get("kernel", "")), str(new.get("kernel", "")))
        )
    changes += _differing("package", old.get("packages", {}), new.get("packages", {}))
    changes += _differing("boot file", _digests(old), _digests(new))
    return changes + _differing("size", old.get("sizes", {}), new.get("sizes", {}))


def _digests(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"{file['size']} bytes, {file['sha256'][:12]}"
        for name, file in manifest.get("boot", {}).items()
    }


def _differing(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    names = sorted({*old, *new})
    pairs = [(name, str(old.get(name, "")), str(new.get(name, ""))) for name in names]
    return [Change(kind, name, before, after) for name, before, after in pairs if before != after]
