"""A cron expression in words, by the dialect of common/cron.py. Pure.

The library for this describes other dialects (it calls ``*/2`` beside a weekday "or", and reads ``1,5#2`` wrong), and
words that are wrong are worse than none. So words are made from the numbers that an expression stands for and not from
its text, and there are none where they would be long or could be taken for something else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from OpenOrchestrator.common.cron import validate_cron
from OpenOrchestrator.common.cron_dialect import Meaning, meaning_of
from OpenOrchestrator.orchestrator.components.times import LONG_DAYS, LONG_MONTHS

_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_MOST = 8
"""So many numbers are listed one by one; a longer list says less than the expression."""
_RANGE = 3
"""From so many on, numbers in a row are a range."""


class _NoWordsError(Exception):
    """There are no good words for this."""


def in_words(expression: str) -> str:
    """Return what an expression means: ``Weekdays 06:00``, ``Every 15 min``, ``1st of the month 02:00``.

    Empty where the expression itself says it better.

    Raises:
        InvalidInputError: If it is malformed.
    """
    meaning = meaning_of(validate_cron(expression))
    try:
        return _sentence(meaning)
    except _NoWordsError:
        return ""


def short(expression: str) -> str:
    """Return the words, or the expression itself where there are none: rows of earlier versions may hold anything."""
    try:
        return in_words(expression) or expression
    except ValueError:
        return expression


def _sentence(meaning: Meaning) -> str:
    when = _days(meaning)
    times = _times_of_day(meaning)
    if times is not None:
        words = f"{when or 'Daily'} {times}"
    else:
        words = _repeated(meaning) + (f", {_lower(when)}" if when else "")
    if len(meaning.months) < 12:
        words += f", in {_listed(meaning.months, lambda number: LONG_MONTHS[number - 1])}"
    return words


def _times_of_day(meaning: Meaning) -> str | None:
    """Return the times of a schedule that names some, such as ``08:30 and 13:30``; None for one that repeats."""
    minutes, hours = meaning.minutes, meaning.hours
    asks_for_span = "-" in meaning.hour_text and _is_row(hours)
    if len(minutes) > 1 or len(hours) > _MOST or asks_for_span or _every_nth_hour(meaning):
        return None
    (minute,) = minutes
    return _join([f"{hour:02}:{minute:02}" for hour in sorted(hours)])


def _every_nth_hour(meaning: Meaning) -> int | None:
    """Return n if the hours are every n-th of the day, all day long, and are written so."""
    if not meaning.hour_text.startswith("*/"):
        return None
    return _step(meaning.hours, 24)


def _repeated(meaning: Meaning) -> str:
    minutes, hours = meaning.minutes, meaning.hours
    single = min(minutes) if len(minutes) == 1 else None
    step = _every_nth_hour(meaning)
    if single is not None and step is not None and step > 1:
        return f"Every {step} h" + (f" at :{single:02}" if single else "")
    start = _minutes(minutes)
    if len(hours) == 24:
        return start
    if len(hours) == 1:
        (hour,) = hours
        return f"{start} from {hour:02}:00 to {hour:02}:59"
    if _is_row(hours):
        return f"{start} {min(hours):02}-{max(hours):02}"
    return f"{start} in the hours {_listed(hours, lambda number: f'{number:02}', ranges=False)}"


def _minutes(minutes: Collection[int]) -> str:
    if len(minutes) == 60:
        return "Every minute"
    if len(minutes) == 1:
        (minute,) = minutes
        return f"Hourly at :{minute:02}" if minute else "Hourly"
    step = _step(minutes, 60)
    if step is not None:
        return f"Every {step} min"
    return f"At minutes {_listed(minutes, str)}"


def _days(meaning: Meaning) -> str:
    """Return the days as they begin a sentence; empty for every day."""
    every_date, every_weekday = len(meaning.dates) == 31, len(meaning.weekdays) == 7
    if every_date and every_weekday:
        return ""
    if not meaning.both:
        # Either is enough, so one that is always met leaves nothing to say.
        return "" if every_date or every_weekday else f"{_dates(meaning)} or {_lower(_weekdays(meaning))}"
    if every_date:
        return _weekdays(meaning)
    if every_weekday:
        return _dates(meaning)
    if meaning.nth or meaning.last:
        raise _NoWordsError
    if meaning.weekdays == {1, 2, 3, 4, 5}:
        return f"{_dates(meaning)} if a weekday"
    return f"{_dates(meaning)} if a {_join([LONG_DAYS[day - 1] for day in _from_monday(meaning.weekdays)], 'or')}"


def _dates(meaning: Meaning) -> str:
    dates = meaning.dates
    special = ["last day"] * meaning.last_date + ["last weekday"] * meaning.last_working_date
    if meaning.date_step is not None and not special and 1 < meaning.date_step < 16:
        return f"Every {meaning.date_step} days of the month"
    words = [_listed(dates, _ordinal)] if dates else []
    return _capital(f"{_join([*words, *special])} of the month")


def _weekdays(meaning: Meaning) -> str:
    days = meaning.weekdays
    if days == {1, 2, 3, 4, 5}:
        words = ["weekdays"]
    elif days == {0, 6}:
        words = ["weekends"]
    else:
        words = [f"{LONG_DAYS[day - 1]}s" for day in _from_monday(days)]
    for day, which in sorted(meaning.nth):
        words.append(f"{_ORDINALS[which - 1]} {LONG_DAYS[day - 1]} of the month")
    words += [f"last {LONG_DAYS[day - 1]} of the month" for day in sorted(meaning.last)]
    return _capital(_join(words))


def _from_monday(days: Collection[int]) -> list[int]:
    """Return weekdays of cron, where Sunday is 0, from Monday on; Sunday has the index before Monday's in names."""
    return sorted(days, key=lambda day: (day - 1) % 7)


def _step(numbers: Collection[int], size: int) -> int | None:
    """Return n if the numbers are 0, n, 2n, ... and the way from the last of them to the next 0 is n, too."""
    step = size // len(numbers)
    return step if len(numbers) > 1 and sorted(numbers) == list(range(0, size, step)) and size % step == 0 else None


def _is_row(numbers: Collection[int]) -> bool:
    return len(numbers) > 1 and max(numbers) - min(numbers) == len(numbers) - 1


def _listed(numbers: Collection[int], word: Callable[[int], str], *, ranges: bool = True) -> str:
    if ranges and len(numbers) >= _RANGE and _is_row(numbers):
        return f"{word(min(numbers))} to {word(max(numbers))}"
    if len(numbers) > _MOST:
        raise _NoWordsError
    return _join([word(number) for number in sorted(numbers)])


def _join(words: list[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _ordinal(number: int) -> str:
    suffix = "th" if 11 <= number <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _lower(words: str) -> str:
    first = words.split(" ", 1)[0].rstrip("s,")
    return words if first in LONG_DAYS else words[:1].lower() + words[1:]
