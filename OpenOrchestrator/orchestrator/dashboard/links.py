"""Where the numbers of the dashboard lead. Pure."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES


def link(path: str, **query: str) -> str:
    """Return the path of a filtered list."""
    return f"{path}?{urlencode(query)}" if query else path


def bad_jobs(since: datetime, **more: str) -> str:
    """Return the path of the list of jobs that ended badly."""
    statuses = ",".join(status.name.lower() for status in BAD_JOB_STATUSES)
    return link("/jobs", **{"status": statuses, "from": f"{since:%Y-%m-%dT%H:%M}", **more})
