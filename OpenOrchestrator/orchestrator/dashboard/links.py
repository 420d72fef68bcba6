"""Where the numbers of the dashboard lead. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES

MOST_NAMED = 60
"""More triggers than these make an address too long."""


def link(path: str, **query: str) -> str:
    """Return the path of a filtered list."""
    return f"{path}?{urlencode(query)}" if query else path


def triggers_listed(ids: Sequence[UUID], all_of: str, every: Collection[UUID]) -> str:
    """Return the path of the list of exactly these triggers.

    Args:
        ids: Which ones, at least one.
        all_of: The path of a filtered list.
        every: What that lists: its path is taken if these are the same, or too many to be named.
    """
    if set(ids) == set(every) or len(ids) > MOST_NAMED:
        return all_of
    return f"/triggers/{ids[0]}" if len(ids) == 1 else link("/triggers", only=",".join(map(str, ids)))


def bad_jobs(since: datetime, **more: str) -> str:
    """Return the path of the list of jobs that ended badly."""
    statuses = ",".join(status.name.lower() for status in BAD_JOB_STATUSES)
    return link("/jobs", **{"status": statuses, "from": f"{since:%Y-%m-%dT%H:%M}", **more})
