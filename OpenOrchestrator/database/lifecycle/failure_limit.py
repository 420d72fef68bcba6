"""After how many failed runs in a row a trigger is held until an admin enables it. Pure.

A run counts once with all its retries, when the last of them has failed.
"""

from __future__ import annotations

DEFAULT_LIMIT = 1
"""The first failed run holds the trigger, as it did in earlier versions."""

NEVER = 0


def limit_of(stored: int | None) -> int:
    """Return the limit that a trigger has, from what is stored; NULL and garbage mean the default."""
    return DEFAULT_LIMIT if stored is None or stored < NEVER else stored


def is_held(limit: int, failed_runs: int, *, is_single: bool, waits_for_admin: bool = False) -> bool:
    """Tell whether a trigger becomes Failed.

    Args:
        limit: After so many failed runs in a row; 0 for never.
        failed_runs: How many there are, the one that just failed included.
        is_single: It runs once, so there is no next run to go on with.
        waits_for_admin: The run was lost, and the trigger leaves that to an admin.
    """
    return is_single or waits_for_admin or (limit != NEVER and failed_runs >= limit)
