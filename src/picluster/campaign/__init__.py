"""Boot campaigns: power banks, watch their boards come up, diagnose, retry, report.

Decisions are pure functions (progress, diagnose, policy). The engine drives them through ports
that the real head and the simulated one implement alike.
"""
