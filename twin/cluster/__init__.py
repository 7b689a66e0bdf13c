"""The live twin of a cluster: a head, racks, PDUs, switches, and boards that boot behind them."""

from __future__ import annotations

from twin.cluster.twin import LiveTwin, Wishes

__all__ = ["LiveTwin", "Wishes"]
