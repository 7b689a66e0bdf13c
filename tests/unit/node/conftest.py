"""A place to run the node's shell programs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.node.shells import Place

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty place."""
    return Place(tmp_path)
