"""``make demo``: from sample sources to boards that have their boot files, on one machine."""
