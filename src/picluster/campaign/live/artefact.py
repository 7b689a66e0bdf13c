"""A campaign's report as a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from picluster.atomic import write_atomically
from picluster.campaign.live.campaign import state_folder
from picluster.errors import os_errors
from picluster.plan.model import AddressPlan


class Plain(Protocol):
    """A report of whatever kind."""

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        ...


def report_path(
    plan: AddressPlan, kind: str = "boot", environ: Mapping[str, str] = os.environ
) -> Path:
    """Where the last report of a kind is kept, unless the user says otherwise."""
    return state_folder(environ) / f"{plan.cluster.name}.{kind}.json"


def write_report(path: Path, report: Plain) -> None:
    """Replace a report by a newer one.

    Raises:
        PiclusterError: it cannot be written; the old one is as it was.
    """
    with os_errors("make the folder of the report", path.parent, "name a file elsewhere"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(report.plain(), indent=1) + "\n")
