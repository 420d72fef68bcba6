"""How far something is, in words. Pure."""

from __future__ import annotations


def percent(fraction: float) -> int:
    """Return how many per cent are done, from a fraction of 1; 100 only where all is."""
    return max(0, min(int(fraction * 100), 100))
