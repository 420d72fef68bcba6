"""How far back the dashboard looks. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import Enum

END_OF_WORK = time(16, 0)
_FRIDAY = 4


class Span(Enum):
    """A span up to now, by its name in the address."""

    DAY = "24h"
    WORK = "work"
    WEEK = "7d"


def start_of(span: Span, site_now: datetime) -> datetime:
    """Return when a span began, as naive site time to the minute.

    ``WORK`` begins at 16:00 of the last working day before today: on a Monday that is Friday, so that one look shows
    what happened over the weekend.
    """
    if span is Span.DAY:
        return (site_now - timedelta(hours=24)).replace(second=0, microsecond=0)
    if span is Span.WEEK:
        return (site_now - timedelta(days=7)).replace(second=0, microsecond=0)
    day = site_now.date() - timedelta(days=1)
    while day.weekday() > _FRIDAY:
        day -= timedelta(days=1)
    return datetime.combine(day, END_OF_WORK)
