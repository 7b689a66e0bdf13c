"""List and prune versions of workloads on the boot servers of a real cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from picluster.campaign.fleet import fleet_of
from picluster.campaign.journal.lock import ROLLOUT, Lock, lock_path
from picluster.campaign.live.campaign import Options as CampaignOptions
from picluster.campaign.live.campaign import journal_path, reaches_of
from picluster.errors import refusal
from picluster.plan.model import AddressPlan
from picluster.rollout.assigned import check_workload
from picluster.rollout.live.servers import BootServers
from picluster.rollout.versions import Stored, stored, verdicts


@dataclass(frozen=True, slots=True)
class Pruned:
    """What came of a pruning.

    Attributes:
        removed: versions that went, or would go.
        kept: others, each with why it stays.
    """

    removed: tuple[Stored, ...] = ()
    kept: tuple[tuple[Stored, tuple[str, ...]], ...] = ()

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return {
            "removed": [one.plain() for one in self.removed],
            "kept": [{**one.plain(), "why": list(why)} for one, why in self.kept],
        }


@dataclass(frozen=True, slots=True)
class WorkloadVersions:
    """The versions on every boot server of a plan.

    Attributes:
        plan: the address plan.
        workload: the only one that is meant; empty for all.
        journal: file of the campaigns' journal; ``None`` for the user's own.
        reach: words before a command on a boot server, by its name.
    """

    plan: AddressPlan
    workload: str = ""
    journal: Path | None = None
    reach: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def look(self) -> list[Stored]:
        """Every version.

        Raises:
            PiclusterError: a boot server cannot be reached, or none has the workload.
        """
        return self._look(self._servers())

    def prune(self, keep: int, *, dry_run: bool = False) -> Pruned:
        """Remove versions that nothing uses, but for the newest.

        Args:
            keep: newest versions of each workload on each server that stay, used or not.
            dry_run: remove nothing.

        Raises:
            PiclusterError: as :meth:`look`; or a roll-out or campaign is running.
        """
        if keep < 1:
            raise refusal(f"keep is {keep}", "keep at least one version")
        if dry_run:
            return _judged(self.look(), keep)
        with Lock(lock_path(self.journal or journal_path(self.plan)), ROLLOUT):
            servers = self._servers()
            found = _judged(self._look(servers), keep)
            return _done(found, servers)

    def _servers(self) -> BootServers:
        banks = [bank.number for bank in self.plan.cluster.banks]
        options = CampaignOptions(banks=tuple(banks), journal=self.journal, reach=self.reach)
        served = {bank.number: bank.boot_server for bank in self.plan.cluster.banks}
        reaches = reaches_of(self.plan, banks, options)
        return BootServers(reaches, served, self.plan.cluster.export_root, fleet_of(self.plan))

    def _look(self, servers: BootServers) -> list[Stored]:
        if self.workload:
            check_workload(self.workload)
        found = stored(servers.look(), servers.sizes(), fleet_of(self.plan))
        if not self.workload:
            return found
        known = sorted({one.workload for one in found})
        if self.workload not in known:
            there = f"there are: {', '.join(known)}" if known else "none is there"
            raise refusal(f"no boot server has a workload {self.workload}", there)
        return [one for one in found if one.workload == self.workload]


def _judged(versions: Sequence[Stored], keep: int) -> Pruned:
    found = verdicts(versions, keep)
    return Pruned(
        tuple(one for one, why in found if not why),
        tuple((one, tuple(why)) for one, why in found if why),
    )


def _done(found: Pruned, servers: BootServers) -> Pruned:
    """Have it done; a server has the last word on what is used."""
    removed: list[Stored] = []
    kept = list(found.kept)
    for server in dict.fromkeys(one.server for one in found.removed):
        ours = [one for one in found.removed if one.server == server]
        refused = servers.prune(server, [(one.workload, one.version) for one in ours])
        for one in ours:
            why = refused.get((one.workload, one.version))
            if why is None:
                removed.append(one)
            else:
                kept.append((one, (why,)))
    return replace(found, removed=tuple(removed), kept=tuple(kept))
