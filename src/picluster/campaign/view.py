"""The racks while a campaign runs: one sign for each board."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from picluster.campaign.progress import Progress
from picluster.campaign.runs import BankRun
from picluster.campaign.stages import Stage
from picluster.campaign.state import CampaignState

#: Sign and style of each stage.
SIGNS = {
    Stage.OFF: ("·", "dim"),
    Stage.POWERED: ("p", "dim"),
    Stage.DHCP: ("d", "yellow"),
    Stage.TFTP: ("t", "yellow"),
    Stage.KERNEL: ("k", "cyan"),
    Stage.NFS: ("n", "cyan"),
    Stage.UP: ("u", "cyan"),
    Stage.READY: ("█", "green"),
}
_LEGEND = (
    "· off  p powered  d dhcp  t tftp  k kernel  n nfs  u up  █ ready  x failed  q quarantined"
)


def sign_of(progress: Progress, *, excluded: bool = False) -> tuple[str, str]:
    """Sign and style of a board.

    Args:
        progress: of the board.
        excluded: it does not count.
    """
    if progress.failed:
        return ("q", "magenta") if excluded else ("x", "red")
    return SIGNS[progress.stage]


def rack_view(state: CampaignState, *, most: int = 40) -> Table:
    """One row for each bank: its boards by slot, how many are ready, where it stands.

    Args:
        state: the campaign's.
        most: rows; banks that are waiting or done are left out first.
    """
    table = Table(box=None, pad_edge=False, title=_LEGEND, title_justify="left", title_style="dim")
    table.add_column("bank", justify="right", no_wrap=True)
    table.add_column("boards", no_wrap=True)
    table.add_column("ready", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for run in _shown(state, most):
        counts = state.counts[run.bank]
        attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
        table.add_row(
            str(run.bank),
            _boards(state, run),
            f"{counts.ready}/{counts.expected}",
            f"{run.phase.value}{attempt}",
        )
    return table


def _boards(state: CampaignState, run: BankRun) -> Text:
    text = Text()
    for board in state.boards_of(run):
        progress = state.tracker[board.name]
        text.append(*sign_of(progress, excluded=board.name in state.excluded))
    return text


def _shown(state: CampaignState, most: int) -> list[BankRun]:
    runs = list(state.runs.values())
    if len(runs) <= most:
        return runs
    moving = [run for run in runs if not run.phase.over and run.first_on is not None]
    rest = [run for run in runs if run not in moving]
    chosen = {run.bank for run in (*moving, *rest)[:most]}
    return [run for run in runs if run.bank in chosen]
