"""Watching: one reader joins the logs of the boot servers and the nodes' messages into events."""
