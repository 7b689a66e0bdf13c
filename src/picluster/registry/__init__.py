"""The pinned board-per-slot table."""
