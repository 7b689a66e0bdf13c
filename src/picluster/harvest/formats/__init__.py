"""The file formats the harvest reads, found by their first lines."""
