"""What a boot server holds for workloads, as its answer says, strictly read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from picluster.errors import refusal
from picluster.rollout.assigned import Version, parse_assigned


@dataclass(frozen=True, slots=True)
class Artefact:
    """A version of a workload on a boot server.

    Attributes:
        digest: SHA-256 of its ``SHA256SUMS``.
        memory_mib: memory it needs on a node, MiB.
        start_s: seconds it may take to be well.
        drain_s: seconds it may take to let go of its work.
    """

    digest: str
    memory_mib: int = 64
    start_s: int = 30
    drain_s: int = 60


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a boot server holds.

    Attributes:
        server: its name.
        versions: by workload and version.
        latest: by workload, the version delivered last.
        wanted: by workload, the version assigned last and the one before; empty for none.
        texts: files of what is assigned, by bank.
        assigned: the same, read, by node and workload.
        works: by address and workload: version and whether it is well, of nodes of which that is
            known in their present boot.
    """

    server: str
    versions: Mapping[str, Mapping[str, Artefact]] = field(default_factory=dict)
    latest: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    texts: Mapping[int, str] = field(default_factory=dict)
    assigned: Mapping[str, Mapping[str, Version]] = field(default_factory=dict)
    works: Mapping[str, Mapping[str, tuple[str, bool]]] = field(default_factory=dict)


def shelf_of(server: str, found: Mapping[str, Any]) -> Shelf:
    """Read what a server said.

    Args:
        server: its name.
        found: its answer to ``look``.

    Raises:
        PiclusterError: it said something else, or a file of what is assigned is broken.
    """
    try:
        texts = {
            int(name.removeprefix("bank_")): str(text)
            for name, text in found["assigned"].items()
            if name.removeprefix("bank_").isdecimal()
        }
        assigned: dict[str, Mapping[str, Version]] = {}
        for bank, text in texts.items():
            assigned |= parse_assigned(text, f"{server}: assigned/bank_{bank}")
        artefacts = found["artefacts"].items()
        return Shelf(
            server,
            {
                name: {v: Artefact(**one) for v, one in workload["versions"].items()}
                for name, workload in artefacts
            },
            {name: str(workload["latest"]) for name, workload in artefacts},
            {name: _pair(workload["wanted"]) for name, workload in artefacts},
            texts,
            assigned,
            {address: _works(works) for address, works in found["works"].items()},
        )
    except (KeyError, TypeError, AttributeError):
        raise refusal(
            f"{server} did not say what it holds", "run site.yml, and deploy again"
        ) from None


def _pair(words: list[str]) -> tuple[str, str]:
    present, before = [*words, "-", "-"][:2]
    return ("" if present == "-" else present, "" if before == "-" else before)


def _works(works: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    return {name: (str(one["version"]), one["state"] == "ok") for name, one in works.items()}
