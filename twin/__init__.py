"""The simulated cluster: boards, switches and PDUs with their real faults, on one machine."""
