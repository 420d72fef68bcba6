"""Log messages as the list shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.vocabulary import LOG_LOOKS
from OpenOrchestrator.orchestrator.logs.log_list import LogLine

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.logs.backend.logs import LogRow


def lines_of(rows: Sequence[LogRow], site_now: datetime, zone: tzinfo) -> list[LogLine]:
    """Return messages with the day above the first of each day but today.

    Args:
        rows: Newest first.
        site_now: Naive site time.
        zone: The site's.
    """
    lines = []
    last = site_now.date()
    for row in rows:
        look = LOG_LOOKS[row.level]
        instant = times.from_site(row.time, zone)
        day = row.time.date()
        year = f" {day.year}" if day.year != site_now.year else ""
        lines.append(
            LogLine(
                id=str(row.id),
                time=time_of_day(row.time),
                full=times.absolute(instant, zone),
                day=f"{times.day(instant, zone)}{year}" if day != last else "",
                tone=look.tone,
                level=look.word,
                process=row.process,
                message=row.first,
                more=row.more,
                job=str(row.job_id) if row.job_id else None,
            )
        )
        last = day
    return lines


def time_of_day(value: datetime) -> str:
    """Return ``08:12:04.118``."""
    return f"{value:%H:%M:%S}.{value.microsecond // 1000:03}"
