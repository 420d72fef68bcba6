"""Times, durations and numbers as people read them. Pure functions; English, whatever the machine's locale."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
MINUTE = timedelta(minutes=1)
NARROW_SPACE = "\u202f"
NO_BREAK_SPACE = "\u00a0"


def number(value: int) -> str:
    """Return a whole number with its thousands apart: ``1 212``."""
    return f"{value:,}".replace(",", NARROW_SPACE)


def capped(value: int, cap: int) -> str:
    """Return a count that was only counted up to ``cap``: ``10 000+`` from there on."""
    return f"{number(cap)}+" if value >= cap else number(value)


def from_site(value: datetime, zone: tzinfo) -> datetime:
    """Return the instant of a naive site time; the first of two where the clock shows it twice."""
    return value.replace(tzinfo=zone)


def past(instant: datetime, now: datetime, zone: tzinfo) -> str:
    """Return when something happened: ``just now``, ``12 min ago``, ``07:41``, ``Sat 02:00``, ``28 Oct``.

    Args:
        instant: Aware.
        now: Aware.
        zone: The zone whose wall clock people read.
    """
    if abs(now - instant) < MINUTE:
        return "just now"
    minutes = clock_minutes(instant, now)
    return f"{minutes} min ago" if 0 < minutes < 60 else calendar(instant, now, zone)


def clock_minutes(start: datetime, end: datetime) -> int:
    """Return how many minutes a clock without a second hand has gone on between two instants.

    Ages that a list shows change together, once a minute: a list is sent whole whenever anything in it changes.
    """
    return int(end.timestamp() // 60) - int(start.timestamp() // 60)


def future(instant: datetime, now: datetime) -> str:
    """Return how far ahead something is: ``now``, ``in 48 min``, ``in 14 h``, ``in 8 d``."""
    seconds = (instant - now).total_seconds()
    if seconds < 60:
        return "now"
    return f"in {span(seconds)}"


def span(seconds: float) -> str:
    """Return a rough length of time by its largest unit: ``< 1 min``, ``48 min``, ``14 h``, ``8 d``."""
    if seconds < 60:
        return "< 1 min"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h"
    return f"{int(seconds // 86400)} d"


def long_span(seconds: float) -> str:
    """Return a length of time by its two largest units: ``48 min``, ``14 h 5 min``, ``1 d 21 h``."""
    if seconds < 3600:
        return span(seconds)
    if seconds < 86400:
        hours, rest = divmod(int(seconds), 3600)
        return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"
    days, rest = divmod(int(seconds), 86400)
    return f"{days} d {rest // 3600} h" if rest >= 3600 else f"{days} d"


def calendar(instant: datetime, now: datetime, zone: tzinfo) -> str:
    """Return a point in time by the clock or the calendar: ``07:41``, ``Sat 02:00``, ``28 Oct``, ``28 Oct 2024``."""
    local, today = instant.astimezone(zone), now.astimezone(zone)
    days = abs((local.date() - today.date()).days)
    if days == 0:
        return f"{local:%H:%M}"
    if days <= 6:
        return f"{DAYS[local.weekday()]} {local:%H:%M}"
    date = f"{local.day} {MONTHS[local.month - 1]}"
    return date if local.year == today.year else f"{date} {local.year}"


def absolute(instant: datetime, zone: tzinfo) -> str:
    """Return the full date, seconds and zone in two lines, for tooltips."""
    return f"{full(instant, zone)}\n{zone_text(instant, zone)}"


def full(instant: datetime, zone: tzinfo) -> str:
    """Return ``Mon 23 Nov 2026, 08:30:00``."""
    local = instant.astimezone(zone)
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}, {local:%H:%M:%S}"


def day(instant: datetime, zone: tzinfo) -> str:
    """Return ``Tue 24 Nov``."""
    local = instant.astimezone(zone)
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}"


def clock_time(instant: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    """Return ``06:00``, or ``06:00:04`` with seconds."""
    return instant.astimezone(zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def zone_text(instant: datetime, zone: tzinfo) -> str:
    """Return the zone with its abbreviation and offset then: ``Europe/Copenhagen, CET (UTC+1)``."""
    name = zone_name(zone)
    abbreviation = abbreviated(instant, zone)
    offset = utc_offset(instant, zone)
    if abbreviation in (name, offset):
        return f"{name} ({offset})" if name != offset else name
    return f"{name}, {abbreviation} ({offset})"


def zone_name(zone: tzinfo) -> str:
    """Return the IANA name of a zone, or what it calls itself."""
    return str(getattr(zone, "key", None) or zone)


def abbreviated(instant: datetime, zone: tzinfo) -> str:
    """Return the abbreviation of a zone at an instant, ``CET``; its offset where it has none."""
    name = instant.astimezone(zone).tzname() or ""
    return name if name[:1].isalpha() else utc_offset(instant, zone)


def utc_offset(instant: datetime, zone: tzinfo) -> str:
    """Return the offset of a zone at an instant: ``UTC``, ``UTC+1``, ``UTC-3:30``."""
    offset = instant.astimezone(zone).utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")


def duration(seconds: float) -> str:
    """Return how long something took, roughly: ``< 1 s``, ``12 s``, ``51 m``, ``2 h 41 m``, ``3 d 4 h``."""
    whole = max(int(seconds), 0)
    if whole < 1:
        return "< 1 s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def exact_duration(seconds: float) -> str:
    """Return how long something took, to the second: ``0.8 s``, ``12 s``, ``4 min 12 s``, ``2 h 41 min 5 s``.

    Nothing takes no time: where only whole seconds are known, and none has passed, it is ``< 1 s``.
    """
    if 0 < seconds < 0.05:
        return "< 0.1 s"
    if seconds <= 0:
        return "< 1 s"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min {whole % 60} s"


def limit(seconds: int) -> str:
    """Return a limit of time without units of nought: ``3 h``, ``1 h 30 min``, ``45 s``."""
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount) or "0 s"
