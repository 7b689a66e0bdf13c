"""Boot banks: an adapter over :mod:`picluster.campaign.live`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

try:
    from picluster.campaign.engine import Audience
    from picluster.campaign.journal import Notice
    from picluster.campaign.live.artefact import report_path, write_report
    from picluster.campaign.live.campaign import POLICIES, LiveCampaign, Options
    from picluster.campaign.live.connections import given
    from picluster.campaign.live.preview import Preview, preview
    from picluster.campaign.report import BELOW, QUORUM, Report
    from picluster.campaign.settings import settings_from
    from picluster.campaign.table import report_lines
    from picluster.errors import PiclusterError
    from picluster.interrupt import Interrupts
    from picluster.plan.read import read_plan
    from picluster.power.desk import PowerDesk
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

if TYPE_CHECKING:
    from picluster.campaign.state import CampaignState


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the campaign on the control node; the host of the task is never touched."""

    _VALID_ARGS = frozenset(
        ("description", "nodes", "settings", "policy", "reach", "journal", "report", "fresh")
    )

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Boot, or say what would be booted."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if not self._task.args.get("description"):
            raise AnsibleActionFail("picluster_boot: description is not given")
        try:
            return result | self._run()
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error

    def _run(self) -> dict[str, Any]:
        plan = read_plan(Path(self._task.args["description"]))
        desk, options = PowerDesk.of(plan), self._options()
        if self._task.check_mode:
            return _previewed(preview(plan, desk, options))
        campaign = LiveCampaign(plan, desk, options, Audience(self._say, self._look))
        with Interrupts(campaign.cancel) as self._signals:
            report = campaign.run()
        file = Path(self._task.args.get("report") or report_path(plan))
        write_report(file, report)
        self._signals.pass_on()
        return _outcome(report, file)

    def _options(self) -> Options:
        args = self._task.args
        nodes, policy = args.get("nodes"), str(args.get("policy") or "priced")
        if not isinstance(nodes, list) or not nodes:
            raise AnsibleActionFail("picluster_boot: nodes is not a list of names")
        if policy not in POLICIES:
            known = ", ".join(POLICIES)
            raise AnsibleActionFail(f"picluster_boot: policy is {policy!r}; it is one of {known}")
        journal = args.get("journal")
        return Options(
            limit=tuple(map(str, nodes)),
            settings=settings_from(args.get("settings") or {}),
            policy=policy,
            journal=Path(journal) if journal else None,
            reach=given(args.get("reach") or {}),
            fresh=bool(boolean(args.get("fresh", False))),
        )

    def _say(self, notice: Notice) -> None:
        """Tell what happens while it happens."""
        whose = f"bank {notice.bank}: " if notice.bank else ""
        self._display.display(f"{whose}{notice.text}")

    def _look(self, _: CampaignState) -> None:
        """Go on no longer than the playbook itself."""
        self._signals.orphaned()


def _previewed(found: Preview) -> dict[str, Any]:
    lines = found.lines()
    outcome: dict[str, Any] = {"changed": found.switches, "lines": lines, "preview": found.plain()}
    if found.switches:
        outcome["diff"] = {"before": "", "after": "".join(f"{line}\n" for line in lines)}
    return outcome


def _outcome(report: Report, file: Path) -> dict[str, Any]:
    outcome: dict[str, Any] = {
        "changed": report.switched > 0,
        "report": report.plain(),
        "report_file": str(file),
        "lines": report_lines(report),
    }
    if report.status == QUORUM:
        return outcome
    why = "below the quorum" if report.status == BELOW else "interrupted: run it again to go on"
    short = [
        f"bank {one.bank}: {one.ready}/{one.boards} ready, {one.phase}"
        for one in report.banks
        if one.phase != "accepted"
    ]
    return outcome | {"failed": True, "msg": "\n".join([why, *short, f"see {file}"])}
