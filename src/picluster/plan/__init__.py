"""The address plan: what follows from description and registry."""
