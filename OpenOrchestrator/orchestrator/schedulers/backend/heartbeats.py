"""When a scheduler counts as not heard from."""

from __future__ import annotations

from datetime import datetime, timedelta

SILENT_AFTER = timedelta(seconds=60)
"""Schedulers report themselves every few seconds; three missed leases are no hiccup."""


def is_silent(heartbeat_at: datetime | None, last_update: datetime, *, now: datetime, site_now: datetime) -> bool:
    """Tell whether a scheduler has not been heard from for too long.

    Args:
        heartbeat_at: Its last heartbeat, aware; None for schedulers of earlier versions.
        last_update: The same as naive site time; counts where there is no instant.
        now: Aware.
        site_now: Naive site time.
    """
    silence = now - heartbeat_at if heartbeat_at is not None else site_now - last_update
    return silence > SILENT_AFTER
