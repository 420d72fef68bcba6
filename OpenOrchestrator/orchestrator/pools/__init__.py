"""Pools: what robots use and there is not enough of, who holds it, and who needs it."""
