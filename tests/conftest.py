"""Fixtures that many tests share."""

import os
import re
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent

_SMALL: dict[str, Any] = {
    "plugin": "picluster",
    "name": "small",
    "network": "172.20.0.0/16",
    "head": {"name": "small-head", "address": "172.20.0.10", "boot_interface": "eth1"},
    "switches": [
        {"name": "sw-1", "address": "172.20.0.21", "uplinks": [48]},
        {"name": "sw-2", "address": "172.20.0.22", "uplinks": [48]},
    ],
    "banks": [
        {"number": 1, "size": 4, "switch": "sw-1", "ports": "1-4"},
        {"number": 2, "size": 4, "switch": "sw-2", "ports": "1-4"},
    ],
}

#: ``make test`` sets everything up, so whoever skips there has lost something; but for these.
_MAY_SKIP = re.compile(
    # The samples are not part of the project; a clone without them has no more to lose.
    r"no captured samples|no shared (logs|captures)"
    # Root reads every file, and a machine that systemd runs has no answer without it.
    r"|root reads every file|systemd runs here"
)

MakeDescription = Callable[..., Path]


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start: a shell ignores it for its jobs in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must run (PICLUSTER_REQUIRE_SYSTEM=1), let a skip be a failure."""
    report = yield
    if os.environ.get("PICLUSTER_REQUIRE_SYSTEM") == "1" and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if not _MAY_SKIP.search(str(reason)):
            report.outcome = "failed"
            report.longrepr = f"nothing may be skipped here: {reason}"
    return report


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of captured samples; skips where there is none."""
    named = os.environ.get("PICLUSTER_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no captured samples here (PICLUSTER_SHARED_DATA names their folder)")
    return folder


@pytest.fixture
def description(tmp_path: Path) -> MakeDescription:
    """Writes a description of two banks of 4, with keys replaced or (``None``) left out."""

    def make(*, registry: str | None = None, **changes: object) -> Path:
        data = {key: value for key, value in (_SMALL | changes).items() if value is not None}
        path = tmp_path / "small.picluster.yml"
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        if registry is not None:
            (tmp_path / "macs.csv").write_text(registry, encoding="utf-8", newline="")
        return path

    return make
