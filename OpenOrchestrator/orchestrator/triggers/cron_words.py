"""A cron expression in words, by the dialect of common/cron.py. Pure.

The library for this describes other dialects (it calls ``*/2`` beside a weekday "or", and reads ``1,5#2`` wrong), and
words that are wrong are worse than none.
"""

from __future__ import annotations

from OpenOrchestrator.common.cron import validate_cron
from OpenOrchestrator.orchestrator.components.times import LONG_DAYS, LONG_MONTHS

_WEEKDAYS = {"SUN": "0", "MON": "1", "TUE": "2", "WED": "3", "THU": "4", "FRI": "5", "SAT": "6"}
_MONTH_NAMES = {name[:3].upper(): str(number) for number, name in enumerate(LONG_MONTHS, 1)}
_ORDINALS = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth"}


def in_words(expression: str) -> str:
    """Return what an expression means: ``Weekdays 06:00``, ``Every 15 min``, ``1st of the month 02:00``.

    Raises:
        InvalidInputError: If it is malformed.
    """
    minute, hour, day, month, weekday = validate_cron(expression).upper().split()
    month = _numbered(month, _MONTH_NAMES)
    weekday = _numbered(weekday, _WEEKDAYS).replace("7", "0") if "#" not in weekday else _numbered(weekday, _WEEKDAYS)
    when = _days(day, weekday)
    time = _time(minute, hour)
    daily = _is_time(minute, hour)
    words = (f"{when} {time}" if when else f"Daily {time}") if daily else time + (f", {_lower(when)}" if when else "")
    if month != "*":
        words += f", in {_list(month, _month)}" if not month.startswith("*/") else f", every {month[2:]} months"
    return words


def short(expression: str) -> str:
    """Return the words, or the expression itself where it is malformed: rows of earlier versions may hold anything."""
    try:
        return in_words(expression)
    except ValueError:
        return expression


def _numbered(field: str, names: dict[str, str]) -> str:
    for name, number in names.items():
        field = field.replace(name, number)
    return field


def _is_time(minute: str, hour: str) -> bool:
    return minute.isdigit() and all(part.isdigit() for part in hour.split(","))


def _time(minute: str, hour: str) -> str:
    if _is_time(minute, hour):
        hours = sorted({int(part) for part in hour.split(",")})
        return _join([f"{each:02}:{int(minute):02}" for each in hours])
    if minute == "*":
        start = "Every minute"
    elif minute.startswith("*/"):
        start = f"Every {minute[2:]} min" if minute != "*/1" else "Every minute"
    elif minute.isdigit():
        start = "Hourly" if minute == "0" else f"Hourly at :{int(minute):02}"
        if hour.startswith("*/"):
            return f"Every {hour[2:]} h" + (f" at :{int(minute):02}" if minute != "0" else "")
    else:
        start = f"At minutes {_list(minute, _plain)}"
    if hour == "*":
        return start
    if hour.startswith("*/"):
        return f"{start} in every {hour[2:]}. hour"
    return f"{start}, {_list(hour, _two_digits)} h" if "," in hour or "/" in hour else f"{start} {_range(hour)}"


def _range(hour: str) -> str:
    low, _, high = hour.partition("-")
    return f"{int(low):02}-{int(high):02}" if high else f"from {int(low):02}:00 to {int(low):02}:59"


def _days(day: str, weekday: str) -> str:
    on_date, on_weekday = _dates(day), _weekday_words(weekday)
    if not on_date or not on_weekday:
        return on_date or on_weekday
    # Both restricted: either is enough, unless one begins with a star; then both have to match.
    both = day.startswith("*") or weekday.startswith("*")
    return f"{on_date} {'if a' if both else 'or'} {_lower(on_weekday) if not both else on_weekday.rstrip('s')}"


def _dates(day: str) -> str:
    if day in ("*", "?", "*/1"):
        return ""
    if day.startswith("*/"):
        return f"Every {day[2:]} days of the month"
    if day == "L":
        return "Last day of the month"
    if day == "LW":
        return "Last weekday of the month"
    return f"{_list(day, _ordinal)} of the month"


def _weekday_words(weekday: str) -> str:
    if weekday in ("*", "?", "*/1", "0-6"):
        return ""
    if weekday == "1-5":
        return "Weekdays"
    if weekday in ("0,6", "6,0", "6-0"):
        return "Weekends"
    if weekday.startswith("*/"):
        return f"Every {weekday[2:]} days of the week"
    return _list(weekday, _weekday)


def _weekday(part: str) -> str:
    if "#" in part:
        name, _, nth = part.partition("#")
        return f"{_ORDINALS[nth]} {_day_name(name)} of the month"
    if part.endswith("L"):
        return f"last {_day_name(part[:-1])} of the month"
    return f"{_day_name(part)}s"


def _day_name(number: str) -> str:
    return LONG_DAYS[(int(number) - 1) % 7]


def _list(field: str, word: object) -> str:
    assert callable(word)  # noqa: S101  (only functions of this module come here)
    words = []
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        text = word(low) + (f" to {word(high)}" if high else "")
        words.append(f"every {step} from {text}" if step else text)
    joined = _join(words)
    return joined[:1].upper() + joined[1:]


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _plain(number: str) -> str:
    return number


def _two_digits(number: str) -> str:
    return f"{int(number):02}"


def _ordinal(number: str) -> str:
    if not number.isdigit():
        return "last day" if number == "L" else "last weekday"
    value = int(number)
    suffix = "th" if 11 <= value <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{suffix}"


def _month(number: str) -> str:
    return LONG_MONTHS[int(number) - 1]


def _lower(words: str) -> str:
    first = words.split(" ", 1)[0].rstrip("s,")
    return words if first in LONG_DAYS else words[:1].lower() + words[1:]
