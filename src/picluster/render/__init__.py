"""Daemon configurations from the plan: the same bytes for the command line and the head."""
