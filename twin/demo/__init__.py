"""``make demo``: from sample sources and no power to boards that are ready, on one machine."""
