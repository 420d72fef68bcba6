"""The dialect of cron expressions: which site times an expression names.

Owns reading an expression and walking along its site times by croniter. Pure; must not know time zones: what a clock
change does to a site time is decided in ``cron``.

The dialect is that of Debian's cron, which every earlier version of OpenOrchestrator followed, so that a trigger stored
years ago keeps running on the same days. Where it differs from the defaults of croniter:

- If day and weekday are both restricted, either is enough (``0 8 1 * MON`` is the first and every Monday). But if one
  of the two begins with ``*``, both have to match (``0 8 */2 * MON`` is Mondays with an odd date).
- ``5L`` is the last Friday of the month, ``LW`` its last day from Monday to Friday, and weekdays of every form may be
  mixed in a list (``1,5#2``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product

from croniter import croniter

from OpenOrchestrator.common.errors import InvalidInputError

_ANY_START = datetime(2024, 1, 1)  # noqa: DTZ001  (site time is naive)

_ITEM = re.compile(r"(?:\*|(?P<low>\w{1,3})(?:-(?P<high>\w{1,3}))?)(?:/(?P<step>[0-9]{1,4}))?", re.ASCII)
_WEEKDAY_OF_MONTH = re.compile(r"(?P<day>\w{1,3}?)(?:#(?P<nth>[1-5])|l)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields of a cron expression.

    Attributes:
        name: What messages call it.
        low: Lowest number.
        high: Highest number.
        names: Three-letter names in the order of their numbers, the first one being number ``low``.
        extra: What else messages name as permitted.
    """

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    extra: str = ""

    def permitted(self) -> str:
        """Return a sentence about what this field may hold."""
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        example = f"{self.low + 1},{self.low + 3}"
        return (
            f"Permitted are *, numbers from {self.low} to {self.high}{names}, lists ({example}), "
            f"ranges ({self.low + 1}-{self.low + 5}) and steps (*/2){self.extra}."
        )

    def number(self, text: str) -> int | None:
        """Return the number that a lower-case number or name stands for, or None."""
        if text.isdecimal():
            return int(text) if self.low <= int(text) <= self.high else None
        names = [name.lower() for name in self.names]
        return self.low + names.index(text) if text in names else None

    def numbers(self, item: str) -> range | list[int] | None:
        """Return the numbers that one lower-case item of a list stands for, or None if it is malformed."""
        match = _ITEM.fullmatch(item)
        if match is None:
            return None
        step = int(match["step"] or 1)
        low = self.low if match["low"] is None else self.number(match["low"])
        high = low if match["high"] is None else self.number(match["high"])
        if low is None or high is None or step == 0:
            return None
        if match["high"] is None and (match["low"] is None or match["step"] is not None):
            high = self.high
        if low <= high:
            return range(low, high + 1, step)
        top = 6 if self is _WEEKDAY else self.high
        return [*range(low, top + 1), *range(self.low, high + 1)][::step]


_MINUTE_OF_HOUR = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31, extra=", L (the last day) and LW (the last day from Monday to Friday)")
_MONTH = _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"))
_WEEKDAY = _Field(
    "day of week",
    0,
    7,
    ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
    extra=", 1#2 (the second Monday of the month) and 5L (the last Friday of the month); 0 and 7 are Sunday",
)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A part of an expression that croniter can evaluate, all of whose fields have to match.

    Attributes:
        expression: Five fields without steps and names.
        last_working_day: Only the last day from Monday to Friday of a month counts.
    """

    expression: str
    last_working_day: bool

    def first_after(self, site: datetime) -> datetime | None:
        """Return the first site time after a given one, or None if there is none within 50 years."""
        try:
            walk = croniter(self.expression, site, ret_type=datetime, day_or=False)
            found: datetime = walk.get_next()
            while self.last_working_day and not _is_last_working_day(found):
                if found.year > site.year + 50:
                    return None
                walk.set_current(found.replace(hour=23, minute=59))
                found = walk.get_next()
        except (ValueError, OverflowError, OSError):
            # croniter found no date, or left the range of datetime; on Windows that of the C library, the year 3000.
            return None
        else:
            return found


@dataclass(frozen=True, slots=True)
class Plan:
    """A cron expression taken apart.

    Attributes:
        branches: It is due whenever one of these is.
        follows_real_time: It asks for every (or every n-th) hour rather than for times of day.
    """

    branches: tuple[_Branch, ...]
    follows_real_time: bool

    def first_after(self, site: datetime) -> datetime | None:
        """Return the first site time after a given one, or None; clock changes are not considered."""
        start = site.replace(second=0, microsecond=0)
        found = [time for branch in self.branches if (time := branch.first_after(start)) is not None]
        return min(found, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The numbers that an expression stands for, for those who put it into words.

    Attributes:
        minutes: From 0 to 59.
        hours: From 0 to 23.
        hour_text: How they are written.
        dates: Days of the month by number.
        date_step: n if the days of the month are written ``*/n``.
        last_date: Whether the last day of the month is named.
        last_working_date: Whether its last day from Monday to Friday is named.
        months: From 1 to 12.
        weekdays: From 0, Sunday, to 6.
        nth: Weekdays with which one of the month, from 1 to 5.
        last: Weekdays whose last one of the month is named.
        both: Day of month and weekday have to match both; otherwise either is enough.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    hour_text: str
    dates: frozenset[int]
    date_step: int | None
    last_date: bool
    last_working_date: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    last: frozenset[int]
    both: bool

    def falls_on(self, day: date) -> bool:
        """Tell whether the expression names any times of a day."""
        if day.month not in self.months:
            return False
        is_last = (day + timedelta(days=1)).month != day.month
        date_fits = (
            day.day in self.dates
            or (self.last_date and is_last)
            or (self.last_working_date and _is_last_working_day(day))
        )
        weekday = day.isoweekday() % 7
        weekday_fits = (
            weekday in self.weekdays
            or (weekday, (day.day - 1) // 7 + 1) in self.nth
            or (weekday in self.last and (day + timedelta(days=7)).month != day.month)
        )
        return (date_fits and weekday_fits) if self.both else (date_fits or weekday_fits)


@lru_cache(maxsize=2048)
def meaning_of(expression: str) -> Meaning:
    """Return the numbers that a trimmed expression stands for.

    Raises:
        InvalidInputError: If a field is wrong; one that never fires is not noticed.
    """
    _check_fields(expression)
    minute, hour, day, month, weekday = expression.lower().split()
    items = day.split(",")
    numbered = [item for item in items if item not in {"l", "lw"}]
    weekdays, nth, last = _weekday_numbers(expression, weekday)
    step = day.removeprefix("*/")
    return Meaning(
        minutes=frozenset(_numbers(expression, _MINUTE_OF_HOUR, minute)),
        hours=frozenset(_numbers(expression, _HOUR, hour)),
        hour_text=hour,
        dates=frozenset(number for item in numbered for number in _item_numbers(expression, _DAY, item)),
        date_step=int(step) if day != step and step.isdecimal() else None,
        last_date="l" in items,
        last_working_date="lw" in items,
        months=frozenset(_numbers(expression, _MONTH, month)),
        weekdays=frozenset(weekdays),
        nth=frozenset(nth),
        last=frozenset(last),
        both=day.startswith("*") or weekday.startswith("*"),
    )


@lru_cache(maxsize=2048)
def parse(expression: str) -> Plan:
    """Take a trimmed expression apart, or raise InvalidInputError."""
    _check_fields(expression)
    minute, hour, day, month, weekday = expression.lower().split()
    hours = _numbers(expression, _HOUR, hour)
    clock = f"{_text(_MINUTE_OF_HOUR, _numbers(expression, _MINUTE_OF_HOUR, minute))} {_text(_HOUR, hours)}"
    days = _day_groups(expression, day)
    months = _text(_MONTH, _numbers(expression, _MONTH, month))
    weekdays = _weekday_groups(expression, weekday)
    if day.startswith("*") or weekday.startswith("*"):
        pairs = list(product(days, weekdays))
    else:
        pairs = [*((each, "*") for each in days), *((("*", False), each) for each in weekdays)]
    branches = (_Branch(f"{clock} {text} {months} {week}", working) for (text, working), week in pairs)
    # To find out that a branch never fires takes long; do it once.
    firing = tuple(branch for branch in branches if branch.first_after(_ANY_START) is not None)
    if not firing:
        raise InvalidInputError(
            f"The cron expression {expression!r} never fires: no month it names has such a day. "
            "Change its day of month, month or day of week."
        )
    return Plan(firing, hour.startswith("*") or len(hours) == 24)


def _check_fields(expression: str) -> None:
    fields = expression.split()
    if len(fields) != 5:
        raise InvalidInputError(
            f"The cron expression {expression!r} has {len(fields)} fields. Write five: minute, hour, day of month, "
            "month and day of week, such as 0 5 * * MON-FRI. There is no field for seconds, and no name such as @daily."
        )


def _numbers(expression: str, field: _Field, text: str) -> set[int]:
    """Return all numbers that the text of a field stands for."""
    return {number for item in text.split(",") for number in _item_numbers(expression, field, item)}


def _item_numbers(expression: str, field: _Field, item: str) -> range | list[int]:
    """Return the numbers that one item of a field stands for, or raise InvalidInputError naming the field."""
    numbers = field.numbers(item)
    if numbers is None:
        raise InvalidInputError(
            f"The {field.name} field of the cron expression {expression!r} is wrong: {item!r} is not permitted there. "
            f"{field.permitted()}"
        )
    return numbers


def _text(field: _Field, numbers: set[int]) -> str:
    """Return numbers as the text of a field."""
    if len(numbers) == (7 if field is _WEEKDAY else field.high - field.low + 1):
        return "*"
    return ",".join(map(str, sorted(numbers)))


def _day_groups(expression: str, text: str) -> list[tuple[str, bool]]:
    """Return the days of a month as texts for croniter, each with whether only the last working day counts."""
    items = text.split(",")
    plain = _text(_DAY, {n for item in items if item not in {"l", "lw"} for n in _item_numbers(expression, _DAY, item)})
    if plain == "*":
        return [("*", False)]
    listed = ",".join(filter(None, [plain, "l" if "l" in items else ""]))
    # The last working day of a month is at most two days before its last day.
    return [*([(listed, False)] if listed else []), *([("26,27,28,29,30,31", True)] if "lw" in items else [])]


def _weekday_groups(expression: str, text: str) -> list[str]:
    """Return the weekdays as texts for croniter, which does not mix the forms in one list."""
    plain, nth, last = _weekday_numbers(expression, text)
    groups = (
        _text(_WEEKDAY, plain),
        ",".join(f"{day}#{which}" for day, which in sorted(nth)),
        ",".join(f"L{day}" for day in sorted(last)),
    )
    return [group for group in groups if group]


def _weekday_numbers(expression: str, text: str) -> tuple[set[int], set[tuple[int, int]], set[int]]:
    """Return the plain weekdays, those with which one of the month, and those whose last one of the month is meant."""
    plain: set[int] = set()
    nth: set[tuple[int, int]] = set()
    last: set[int] = set()
    for item in text.split(","):
        special = _WEEKDAY_OF_MONTH.fullmatch(item)
        if special is None:
            plain.update(number % 7 for number in _item_numbers(expression, _WEEKDAY, item))
            continue
        (number,) = _item_numbers(expression, _WEEKDAY, special["day"])
        if special["nth"]:
            nth.add((number % 7, int(special["nth"])))
        else:
            last.add(number % 7)
    return plain, nth, last


def _is_last_working_day(day: date) -> bool:
    """Tell whether a day is the last one from Monday to Friday of its month."""
    if day.weekday() > 4:
        return False
    later = day + timedelta(days=3 if day.weekday() == 4 else 1)
    return later.month != day.month
