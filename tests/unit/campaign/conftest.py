"""Fixtures of the tests of campaigns."""

from __future__ import annotations

from pathlib import Path

import pytest
from head_servers import FakeServer


@pytest.fixture(name="server")
def fake_server(tmp_path: Path) -> FakeServer:
    return FakeServer(tmp_path)
