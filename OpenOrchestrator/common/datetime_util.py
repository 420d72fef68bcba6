"""Dates and times as texts for people."""

from __future__ import annotations

from datetime import datetime


def format_datetime(datetime_: datetime | None, default: str = "N/A") -> str:
    """Return a date and time as ``day-month-year hour:minute:second``, such as ``02-01-2026 03:04:05``.

    Args:
        datetime_: Shown as it is, without converting its time zone.
        default: What to return for None.
    """
    return datetime_.strftime("%d-%m-%Y %H:%M:%S") if datetime_ else default
