"""Times that somebody types: the end of a pause."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        "-u",
        metavar="TIME",
        help="When it ends by itself, in site time: 18:00, 2026-12-24 or '2026-12-24 18:00'; or with an offset. "
        "[default: not before resume]",
    ),
]
_FORMS = "Give 18:00 (the next time it is that), 2026-12-24, '2026-12-24 18:00', or 2026-12-24T18:00+01:00."


def end_of(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant that somebody wrote as the end of a pause, aware UTC. Pure.

    Args:
        text: A time of day (its next one), a date (its beginning), or both, in site time or with an offset.
        now: Aware.
        zone: The site's.

    Raises:
        BadParameter: If it is none of these.
    """
    from OpenOrchestrator.common import cron  # noqa: PLC0415

    words = text.strip()
    try:
        moments = _read(words, now.astimezone(zone).date())
        if moments[0].tzinfo is not None:
            return moments[0].astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no time. {_FORMS}", param_hint="--until") from error
    # In the hour that occurs twice, a time that has passed may come once more.
    ends = [cron.to_utc(moment, zone, fold) for moment in moments for fold in (0, 1)]
    return next((end for end in ends if end > now), ends[-1])


def _read(words: str, today: date) -> tuple[datetime, ...]:
    """Return the moments that may be meant, the earliest first."""
    if "-" not in words and "T" not in words:
        if ":" not in words:  # else newer Pythons read the date 20261224 as twenty past eight
            raise ValueError("a time of day without a colon")
        clock = time.fromisoformat(words)
        if clock.tzinfo is not None:
            raise ValueError("a time of day with an offset")
        return datetime.combine(today, clock), datetime.combine(today + timedelta(days=1), clock)
    if len(words) == len("2026-12-24"):
        return (datetime.combine(date.fromisoformat(words), time()),)
    return (datetime.fromisoformat(words.removesuffix("Z") + ("+00:00" if words.endswith("Z") else "")),)
