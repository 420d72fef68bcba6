"""A second, slow reading of cron expressions that knows nothing of croniter, for tests to compare with."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

MINUTE = timedelta(minutes=1)


def numbers(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = str(low), str(high)
        end = int(last) if last else (high if step else int(first))
        found.update(range(int(first), end + 1, int(step or 1)))
    return found


def day_item_matches(item: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if item == "L":
        return day.day == last
    if item == "LW":
        working = [d for d in range(1, last + 1) if date(day.year, day.month, d).weekday() < 5]
        return day.day == working[-1]
    return day.day in numbers(item, 1, 31)


def weekday_item_matches(item: str, day: date) -> bool:
    same = [d for d in range(1, 32) if d <= calendar.monthrange(day.year, day.month)[1] and (d - day.day) % 7 == 0]
    if item.endswith("L"):
        return day.isoweekday() % 7 == int(item[:-1]) % 7 and day.day == same[-1]
    if "#" in item:
        weekday, nth = map(int, item.split("#"))
        return day.isoweekday() % 7 == weekday % 7 and same.index(day.day) + 1 == nth
    return bool({day.isoweekday() % 7, day.isoweekday()} & numbers(item, 0, 7))


@dataclass(frozen=True)
class Oracle:
    """A second, slow reading of a cron expression (numbers only)."""

    expression: str

    @property
    def fields(self) -> list[str]:
        return self.expression.split()

    @property
    def follows_real_time(self) -> bool:
        return self.fields[1].startswith("*") or numbers(self.fields[1], 0, 23) == set(range(24))

    def day_test(self) -> Callable[[date], bool]:
        _, _, days, months, weekdays = self.fields
        month_numbers = numbers(months, 1, 12)
        combine = all if days[0] == "*" or weekdays[0] == "*" else any

        def matches(day: date) -> bool:
            return day.month in month_numbers and combine(
                [
                    any(day_item_matches(item, day) for item in days.split(",")),
                    any(weekday_item_matches(item, day) for item in weekdays.split(",")),
                ]
            )

        return lru_cache(matches)

    def minute_test(self) -> Callable[[datetime], bool]:
        minutes, hours = numbers(self.fields[0], 0, 59), numbers(self.fields[1], 0, 23)
        on_day = self.day_test()
        return lambda time: time.minute in minutes and time.hour in hours and on_day(time.date())

    def dues(self, walk: list[tuple[datetime, datetime]]) -> list[datetime]:
        """Go through (instant, what the clock shows) minute by minute, as somebody who watches the clock would."""
        matches = self.minute_test()
        if self.follows_real_time:
            return [instant for instant, shown in walk if matches(shown)]
        found = []
        reached = walk[0][1] - MINUTE
        for instant, shown in walk:
            due = False
            while reached < shown:
                reached += MINUTE
                due = due or matches(reached)
            if due:
                found.append(instant)
        return found
