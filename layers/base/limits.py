"""The limit of memory for one pass of a network."""

MEMORY = 512 << 20
"""Approximate limit in bytes of the variables and signals of one pass. Methods split larger work into parts."""


def count_at_once(bytes_each: int, limit: int | None = None) -> int:
    """Return how many images, boxes or samples of `bytes_each` fit into the limit together: 1 or more."""
    return max(1, (MEMORY if limit is None else limit) // bytes_each)
