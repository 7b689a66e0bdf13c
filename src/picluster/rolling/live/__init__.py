"""Rolling operations on a real cluster."""
