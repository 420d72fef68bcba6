"""What a time zone and a calendar do to a schedule, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from itertools import groupby

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.schedules import ClosedDay, ClosedDays, Due, zone_named
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger

CLOSED_DAYS = {
    ClosedDays.SKIP: "Leave the run out",
    ClosedDays.NEXT: "Run on the next open day",
    ClosedDays.PREVIOUS: "Run on the open day before",
}
"""What becomes of the runs of closed days, to choose from."""

_MOST_DAYS = 3


def moved_words(due: Due, way: ClosedDays) -> str:
    """Return what moved to a due time, or was left out before it, and why; empty where nothing was.

    ``Moved from Fri 25 Dec (Christmas Day)``, ``Not on Sat 26 and Sun 27 Dec (not a working day)``.
    """
    if not due.closed:
        return ""
    days = _days(due.closed)
    if way is ClosedDays.SKIP:
        return f"Not on {days}"
    return f"Also for {days}" if due.is_own else f"Moved from {days}"


def own_zone(row: ListedTrigger, site_zone: tzinfo) -> str | None:
    """Return the name of a trigger's time zone where it is not the site's."""
    return None if row.timezone in (None, times.zone_name(site_zone)) else row.timezone


def both_zones(row: ListedTrigger, instant: datetime, site_zone: tzinfo) -> str:
    """Return an instant in full, at the site and where the trigger's zone is another one also there."""
    at_site = times.absolute(instant, site_zone)
    elsewhere = own_zone(row, site_zone)
    if elsewhere is None:
        return at_site
    try:
        return f"{at_site}\n{times.absolute(instant, zone_named(elsewhere))}"
    except InvalidInputError:
        return f"{at_site}\n{elsewhere}, which is not known here"


def calendar_words(calendar: str | None, closed_days: str | None) -> str | None:
    """Return ``Denmark: next open day``; None where there is no calendar."""
    if calendar is None:
        return None
    way = ClosedDays.__members__.get(closed_days or "", ClosedDays.SKIP)
    short = {
        ClosedDays.SKIP: "left out on closed days",
        ClosedDays.NEXT: "moved to the next open day",
        ClosedDays.PREVIOUS: "moved to the open day before",
    }
    return f"{calendar}: {short[way]}"


def _days(closed: Sequence[ClosedDay]) -> str:
    parts = []
    for why, group in groupby(closed[:_MOST_DAYS], key=lambda each: each.why):
        parts.append(f"{_listed([each.day for each in group])} ({why})")
    more = len(closed) - _MOST_DAYS
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def _listed(days: Sequence[date]) -> str:
    words = [f"{times.DAYS[day.weekday()]} {day.day} {times.MONTHS[day.month - 1]}" for day in days]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
