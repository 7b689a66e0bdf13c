"""Power drivers: one module for each, found by the name the description gives."""
