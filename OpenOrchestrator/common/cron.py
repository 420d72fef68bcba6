"""When a cron expression is due, and how site time and UTC map onto each other.

Owns the rules for clock changes; the dialect of the expressions is in ``cron_dialect``. Pure: knows no database and
never asks for the time. Whoever needs the current instant passes it in.

Site time is the wall clock of the installation's time zone, as a naive datetime. Due times are aware UTC datetimes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING

from OpenOrchestrator.common.cron_dialect import Plan, meaning_of, parse
from OpenOrchestrator.common.errors import InvalidInputError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_FIRST_INSTANT = datetime.min.replace(tzinfo=timezone.utc)
_LAST_INSTANT = datetime.max.replace(tzinfo=timezone.utc)


def validate_cron(expression: str) -> str:
    """Check a cron expression before it is stored.

    Args:
        expression: Five fields: minute, hour, day of month, month, day of week. Names (``MON``, ``jan``) in any case.

    Returns:
        The expression without surrounding blanks.

    Raises:
        InvalidInputError: If it is malformed, saying which field is wrong and what is permitted there, or if it never
            fires (31 February).
    """
    if not isinstance(expression, str):
        raise InvalidInputError(f"A cron expression has to be a text, not {type(expression).__name__}.")
    trimmed = expression.strip()
    parse(trimmed)
    return trimmed


def next_due(expression: str, after_utc: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant strictly after another at which a cron expression is due.

    The hour field decides what happens when the clock is changed:

    - It begins with ``*`` (or names all 24 hours): the expression follows real time. In the hour that occurs twice it
      is due in both, and what falls into the hour that does not exist is left out. So ``*/15 * * * *`` is due every
      15 minutes throughout.
    - Otherwise every time of day that the expression names is due exactly once a day. In the hour that occurs twice
      it is due in the first; a time that does not exist is due at the first valid instant after the gap. Several such
      times are then due once, together. So ``30 2 * * *`` is due at 03:00 on the day that has no 02:30, and
      ``*/15 2 * * *`` four times on the day that has 02:00 to 03:00 twice, and once, at 03:00, on the day without it.

    Args:
        expression: A cron expression, see ``validate_cron``.
        after_utc: Aware instant.
        zone: The site's time zone.

    Returns:
        An aware UTC datetime, with zero seconds unless the zone's offset has some.

    Raises:
        InvalidInputError: If the expression is malformed or is not due within 50 years, or the instant is naive.
    """
    plan = parse(expression.strip())
    due = (_next_in_real_time if plan.follows_real_time else _next_time_of_day)(plan, after_utc, zone)
    if due is None:
        raise InvalidInputError(f"The cron expression {expression!r} is not due within 50 years of {after_utc}.")
    return due


def next_dues(expression: str, after_utc: datetime, zone: ZoneInfo, count: int) -> tuple[datetime, ...]:
    """Return the first ``count`` instants after another at which a cron expression is due, earliest first.

    Args:
        expression: A cron expression, see ``validate_cron``.
        after_utc: Aware instant; the first result is strictly after it.
        zone: The site's time zone.
        count: How many.

    Returns:
        Aware UTC datetimes, by the rules of ``next_due``.

    Raises:
        InvalidInputError: As ``next_due``.
    """
    dues: list[datetime] = []
    for _ in range(count):
        dues.append(next_due(expression, dues[-1] if dues else after_utc, zone))
    return tuple(dues)


def dues_between(expression: str, after_utc: datetime, until_utc: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return all instants of a span at which a cron expression is due, earliest first.

    They are those that repeated calls of ``next_due`` give, found much faster: on a day of 24 hours no rule for clock
    changes applies, so its times are the minutes and hours that the expression names.

    Args:
        expression: A cron expression, see ``validate_cron``.
        after_utc: Aware instant; the first result is strictly after it.
        until_utc: Aware instant; the last result is not after it. A span of days, not of years: up to one result for
            each of its minutes.
        zone: The site's time zone.

    Returns:
        Aware UTC datetimes; none of an expression that never fires.

    Raises:
        InvalidInputError: If the expression is malformed, or an instant is naive.
    """
    trimmed = expression.strip()
    meaning = meaning_of(trimmed)
    minutes = sorted(meaning.minutes)
    offsets = [timedelta(hours=hour, minutes=minute) for hour in sorted(meaning.hours) for minute in minutes]
    dues: list[datetime] = []
    day, last = to_site(after_utc, zone).date(), to_site(until_utc, zone).date()
    while day <= last:
        start, end, plain = _day(day, zone)
        if plain and meaning.falls_on(day):
            dues += [start + offset for offset in offsets]
        elif not plain:
            due = start - timedelta.resolution
            while (due := next_due(trimmed, due, zone)) < end:
                dues.append(due)
        day += timedelta(days=1)
    return dues[bisect_right(dues, after_utc) : bisect_right(dues, until_utc)]


def dues_on(day: date, times: Sequence[timedelta], zone: ZoneInfo, *, follows_real_time: bool) -> list[datetime]:
    """Return the instants at which times of one day are due, by the rules of ``next_due`` for clock changes.

    Args:
        day: The day that names them; a time that does not exist on it may be due after its end.
        times: Since midnight, in order.
        zone: The time zone of the day.
        follows_real_time: Whether an hour that occurs twice counts twice, and one that does not exist not at all.

    Returns:
        Aware UTC datetimes, earliest first, each once.
    """
    start, _, plain = _day(day, zone)
    if plain:
        return [start + each for each in times]
    midnight = datetime.combine(day, time())
    if not follows_real_time:
        return sorted({to_utc(midnight + each, zone) for each in times})
    passes = {(midnight + each, to_utc(midnight + each, zone, fold)) for each in times for fold in (0, 1)}
    return sorted({instant for site, instant in passes if to_site(instant, zone) == site})


def to_site(instant_utc: datetime, zone: ZoneInfo) -> datetime:
    """Return what the site's wall clock shows at an instant.

    Args:
        instant_utc: Aware instant.
        zone: The site's time zone.

    Returns:
        A naive datetime. Beyond the range of datetime, its first or last value.

    Raises:
        InvalidInputError: If the instant is naive.
    """
    if instant_utc.tzinfo is None:
        raise InvalidInputError(f"The instant {instant_utc} has no time zone; pass an aware UTC datetime.")
    try:
        return instant_utc.astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError:
        return datetime.max if instant_utc.year > 5000 else datetime.min  # noqa: DTZ901  (site time is naive)


def to_utc(site: datetime, zone: ZoneInfo, fold: int = 0) -> datetime:
    """Return the instant at which the site's wall clock shows a given time.

    Args:
        site: Naive site time. One that the clock skips stands for the first valid instant after the gap.
        zone: The site's time zone.
        fold: Which of the two instants is meant where the time occurs twice: 0 the first, 1 the second.

    Returns:
        An aware UTC datetime. Beyond the range of datetime, its first or last value.

    Raises:
        InvalidInputError: If the site time is aware.
    """
    if site.tzinfo is not None:
        raise InvalidInputError(f"The site time {site} has a time zone; pass a naive datetime.")
    try:
        first, second = _passes(site, zone)
        if second < first:
            return _clock_change(site, zone)
    except OverflowError:
        # Far ends of the calendar are people's way to say "never" and "at once".
        return _LAST_INSTANT if site.year > 5000 else _FIRST_INSTANT
    return second if fold else first


def resolve_due(next_run: datetime, due_at: datetime | None, zone: ZoneInfo) -> datetime:
    """Return the instant at which a trigger is due.

    Args:
        next_run: Naive site time as stored, which people and older clients read and change.
        due_at: The aware UTC instant stored beside it, if any. It counts only while its site time is still
            ``next_run``, to within a second because some databases round fractions; otherwise somebody changed
            ``next_run``, and that wins.
        zone: The site's time zone.

    Returns:
        An aware UTC datetime.
    """
    if due_at is not None and abs(to_site(due_at, zone) - next_run) <= _SECOND:
        return due_at
    return to_utc(next_run, zone)


def latest_site_time(now_utc: datetime, zone: ZoneInfo) -> datetime:
    """Return the largest site time that may be due by now.

    That is what the wall clock shows, except where it was turned back a short while ago: then it is the last time it
    showed before. A query for ``next_run <= latest_site_time`` misses nothing that is due; ``resolve_due`` says which
    of its rows really are.

    Args:
        now_utc: Aware instant.
        zone: The site's time zone.

    Returns:
        A naive datetime.

    Raises:
        InvalidInputError: If the instant is naive.
    """
    site = to_site(now_utc, zone)
    if to_utc(site, zone) < to_utc(site, zone, fold=1) <= now_utc:
        return to_site(_clock_change(site, zone) - timedelta.resolution, zone)
    return site


def shown_between(start_utc: datetime, end_utc: datetime, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
    """Return which times the site's wall clock shows from one instant to another.

    Args:
        start_utc: Aware instant.
        end_utc: Aware instant, not before the other.
        zone: The site's time zone.

    Returns:
        First and last naive site time of each span: of one, or of the two before and after the clock is turned back.

    Raises:
        InvalidInputError: If an instant is naive.
    """
    first, last = to_site(start_utc, zone), to_site(end_utc, zone)
    for site in (first, last):  # turned back meanwhile, an ordinary time at both ends shows all between them
        before, after = to_utc(site, zone), to_utc(site, zone, fold=1)
        if before < after and start_utc < (change := _clock_change(site, zone)) <= end_utc:
            return (first, to_site(change - timedelta.resolution, zone)), (to_site(change, zone), last)
    return ((first, last),)


def instants_between(
    first: datetime, last: datetime | None, now_utc: datetime, zone: ZoneInfo, *, until_utc: datetime | None = None
) -> tuple[datetime, datetime]:
    """Return the instants of something that began and ended at two site times, as far as the clock can tell.

    Args:
        first: Naive site time.
        last: Naive site time; None if it has not ended.
        now_utc: Aware instant.
        zone: The site's time zone.
        until_utc: Aware instant shortly after it began; where the first time occurs twice, this tells which is meant.
            Without it the first is.

    Returns:
        Two aware instants, the second not before the first.
    """
    again = to_utc(first, zone, fold=1)
    start = again if until_utc is not None and again <= until_utc + _SECOND else to_utc(first, zone)
    if last is None:
        return start, max(start, now_utc)
    end = to_utc(last, zone)
    return start, max(start, end if end >= start else to_utc(last, zone, fold=1))


@lru_cache(maxsize=64)
def _day(day: date, zone: ZoneInfo) -> tuple[datetime, datetime, bool]:
    """Return the first instant of a day, that of the next one, and whether no clock is changed between them."""
    first, last = datetime.combine(day, time()), datetime.combine(day + timedelta(days=1), time())
    start, end = to_utc(first, zone), to_utc(last, zone)
    ends = {start.astimezone(zone).utcoffset(), end.astimezone(zone).utcoffset()}
    once = all(to_utc(each, zone) == to_utc(each, zone, fold=1) for each in (first, last))
    # The date line was moved where the day before is not there: its times are due now.
    follows = to_site(start - timedelta.resolution, zone).date() == day - timedelta(days=1)
    return start, end, once and follows and len(ends) == 1 and end - start == timedelta(days=1)


def _next_time_of_day(plan: Plan, after_utc: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the next instant at which a time of the plan occurs for the first time, or None."""
    site = plan.first_after(latest_site_time(after_utc, zone))
    return None if site is None else to_utc(site, zone)


def _next_in_real_time(plan: Plan, after_utc: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the next instant at which the wall clock shows a time of the plan, or None."""
    site = to_site(after_utc, zone)
    candidates = []
    found = plan.first_after(site)
    if found is not None and (valid := to_site(to_utc(found, zone), zone)) != found:
        found = plan.first_after(valid - _MINUTE)  # it fell into a gap: go on from the other side
    if found is not None:
        first = to_utc(found, zone)
        candidates.append(first if first > after_utc else to_utc(found, zone, fold=1))
    if after_utc <= to_utc(site, zone) < to_utc(site, zone, fold=1):
        # The clock will be turned back to before what it shows now.
        again = plan.first_after(to_site(_clock_change(site, zone), zone) - _MINUTE)
        if again is not None and again <= site:
            candidates.append(to_utc(again, zone, fold=1))
    return min(candidates, default=None)


def _passes(site: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instant of a site time by the offset before and by the offset after a clock change.

    Equal for an ordinary time; the first is earlier for one that occurs twice, later for one that does not exist.
    """
    first = site.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)
    second = site.replace(tzinfo=zone, fold=1).astimezone(timezone.utc)
    return first, second


def _clock_change(site: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of the clock change that makes a site time occur twice or not at all."""
    before, after = sorted(_passes(site.replace(microsecond=0), zone))
    old = before.astimezone(zone).utcoffset()
    seconds = range(int((after - before).total_seconds()) + 1)
    index = bisect_left(seconds, True, key=lambda s: (before + s * _SECOND).astimezone(zone).utcoffset() != old)
    return before + seconds[index] * _SECOND
