"""Benchmarks: ``python -m tests.bench [NAME…]``, described in docs/benchmarks.md."""
