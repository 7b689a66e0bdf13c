"""Fixtures of the power tests."""

from power_cluster import powered

__all__ = ["powered"]
