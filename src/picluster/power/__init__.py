"""Power: what feeds what, what has to be switched in which order, and the drivers that do it."""
