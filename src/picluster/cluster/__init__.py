"""The cluster description: racks, banks, switches, PDUs and the network."""
