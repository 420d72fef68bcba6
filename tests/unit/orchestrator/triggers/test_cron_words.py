"""Cron expressions in words: the words must mean what the schedule does."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta
from random import Random

import pytest

from OpenOrchestrator.common.cron_dialect import parse
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.orchestrator.components.times import LONG_DAYS, LONG_MONTHS
from OpenOrchestrator.orchestrator.triggers.checks import check_cron
from OpenOrchestrator.orchestrator.triggers.cron_words import in_words, short


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 min"),
        ("0 * * * *", "Hourly"),
        ("20 * * * *", "Hourly at :20"),
        ("0 */2 * * *", "Every 2 h"),
        ("5,35 * * * *", "At minutes 5 and 35"),
        ("0 6 * * 1-5", "Weekdays 06:00"),
        ("0 6 * * mon-fri", "Weekdays 06:00"),
        ("0 9 * * 6,0", "Weekends 09:00"),
        ("0 22 * * *", "Daily 22:00"),
        ("30 8,13 * * *", "Daily 08:30 and 13:30"),
        ("0 6-17 * * 1-5", "Hourly 06-17, weekdays"),
        ("*/5 8-16 * * *", "Every 5 min 08-16"),
        ("0 9 * * MON,WED", "Mondays and Wednesdays 09:00"),
        ("0 9 * * 7", "Sundays 09:00"),
        ("0 9 * * 0", "Sundays 09:00"),
        ("0 2 1 * *", "1st of the month 02:00"),
        ("0 2 2,11,23 * *", "2nd, 11th and 23rd of the month 02:00"),
        ("0 5 L * *", "Last day of the month 05:00"),
        ("0 5 LW * *", "Last weekday of the month 05:00"),
        ("0 7 * * 1#2", "Second Monday of the month 07:00"),
        ("0 0 * * 5L", "Last Friday of the month 00:00"),
        ("0 9 * * 1,5#2", "Mondays and second Friday of the month 09:00"),
        ("0 6 1 jan,jul *", "1st of the month 06:00, in January and July"),
        # Both days restricted: either is enough, unless one of them begins with a star.
        ("0 8 1 * MON", "1st of the month or Mondays 08:00"),
        ("0 8 */2 * MON", "Every 2 days of the month if a Monday 08:00"),
        # A weekday that is always met leaves nothing to say.
        ("0 9 * * *,sat#3", "Daily 09:00"),
        ("0 9 1-31 * MON", "Daily 09:00"),
        ("0 9 * * */7", "Sundays 09:00"),
        ("0 9 * * */2", "Tuesdays, Thursdays, Saturdays and Sundays 09:00"),
        ("0 */4,6 * * *", "Daily 00:00, 04:00, 06:00, 08:00, 12:00, 16:00 and 20:00"),
        ("0 */5 * * *", "Daily 00:00, 05:00, 10:00, 15:00 and 20:00"),
        ("*/90 * * * *", "Hourly"),
        ("*/25 * * * *", "At minutes 0, 25 and 50"),
        ("0 0 1 */5 *", "1st of the month 00:00, in January, June and November"),
        # No words are better than long ones.
        ("5-45/10,*/5,9 * * * *", ""),
        ("*/7 * * * *", ""),
        ("0 8 */2 * 1#1", ""),
    ],
)
def test_words(expression: str, words: str) -> None:
    assert in_words(expression) == words


def test_a_malformed_expression_is_refused_in_forms_and_shown_as_it_is_in_lists() -> None:
    with pytest.raises(InvalidInputError, match="hour"):
        in_words("0 25 * * *")
    assert short("0 25 * * *") == "0 25 * * *"
    assert short("*/7 * * * *") == "*/7 * * * *"


# --- the words against the schedule ----------------------------------------------------------------------------------

DAYS = {day: number for number, day in enumerate(LONG_DAYS)}
MONTHS = {month: number for number, month in enumerate(LONG_MONTHS, 1)}
NTH = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}


def parts(words: str) -> list[str]:
    return re.split(r", | and | or ", words)


def numbers_in(words: str) -> set[int]:
    """Read ``5 to 9`` or ``1st, 2nd and 5th``."""
    plain = re.sub(r"(?<=\d)(st|nd|rd|th)", "", words)
    if " to " in plain:
        low, high = plain.split(" to ")
        return set(range(int(low), int(high) + 1))
    return {int(part) for part in parts(plain)}


def date_matches(part: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    nth_or_last = re.fullmatch(r"(first|second|third|fourth|fifth|last) (\w+day)", part)
    if part == "last day":
        return day.day == last
    if part == "last weekday":
        return day.day == max(d for d in range(1, last + 1) if date(day.year, day.month, d).weekday() < 5)
    if nth_or_last:
        same = [d for d in range(1, last + 1) if date(day.year, day.month, d).weekday() == DAYS[nth_or_last[2]]]
        place = -1 if nth_or_last[1] == "last" else NTH[nth_or_last[1]]
        return place < len(same) and same[place] == day.day
    if step := re.fullmatch(r"every (\d+) days", part):
        return (day.day - 1) % int(step[1]) == 0
    return day.day in numbers_in(part)


def day_matches(words: str, day: date) -> bool:
    """Tell whether a day is one of those that words name: their beginning, or their end after a comma."""
    if words in ("", "Daily"):
        return True
    words = words[0].lower() + words[1:] if not words.startswith(tuple(LONG_DAYS)) else words
    if " if a " in words:
        dates, names = words.split(" if a ")
        wanted = range(5) if names == "weekday" else {DAYS[name] for name in parts(names)}
        return day_matches(dates, day) and day.weekday() in wanted
    if " of the month or " in words:
        dates, rest = words.split(" of the month or ", 1)
        return day_matches(f"{dates} of the month", day) or day_matches(rest, day)
    if re.search(r"days\b(?! of)|weekends", words) or re.search(
        r"(first|second|third|fourth|fifth|last) \w+day of", words
    ):
        for part in parts(words.replace(" of the month", "")):
            name = part.removesuffix("s")
            if part == ("weekdays" if day.weekday() < 5 else "weekends"):
                return True
            if name in DAYS and day.weekday() == DAYS[name]:
                return True
            if name not in DAYS and part not in ("weekdays", "weekends") and date_matches(part, day):
                return True
        return False
    dates = words.removesuffix(" of the month")
    if " to " in dates:  # a range, perhaps with "last day" behind it
        pieces = dates.split(" and ", 1)
        return any(date_matches(piece, day) for piece in pieces)
    return any(date_matches(part, day) for part in parts(dates))


def times_named(words: str) -> tuple[set[int], set[int], str]:
    """Return minutes and hours of words, and what is left of them."""
    clock = re.search(r"(?:, | and )?\d\d:\d\d(?:(?:, | and )\d\d:\d\d)*$", words)
    if clock and not re.search(r"from \d\d:\d\d to", words):
        found = [time.split(":") for time in re.findall(r"\d\d:\d\d", clock[0])]
        return {int(minute) for _, minute in found}, {int(hour) for hour, _ in found}, words[: clock.start()].strip()
    every_hour = re.match(r"Every (\d+) h(?: at :(\d\d))?", words)
    if every_hour:
        return {int(every_hour[2] or 0)}, set(range(0, 24, int(every_hour[1]))), words[every_hour.end() :].strip(", ")
    for pattern, meant in (
        (r"Every minute", lambda m: set(range(60))),
        (r"Every (\d+) min", lambda m: set(range(0, 60, int(m[1])))),
        (r"Hourly at :(\d\d)", lambda m: {int(m[1])}),
        (r"Hourly", lambda m: {0}),
        (r"At minutes (\d+ to \d+\b|\d+(?:(?:, | and )\d+\b)*)", lambda m: numbers_in(m[1])),
    ):
        if start := re.match(pattern, words):
            minutes = meant(start)
            break
    else:
        raise AssertionError(words)
    rest = words[start.end() :]
    hours = set(range(24))
    if span := re.match(r" (\d\d)-(\d\d)", rest):
        hours = set(range(int(span[1]), int(span[2]) + 1))
    elif span := re.match(r" from (\d\d):00 to (\d\d):59", rest):
        hours = {int(span[1])}
        assert span[1] == span[2]
    elif span := re.match(r" in the hours (\d\d(?:(?:, | and )\d\d\b)*)", rest):
        hours = numbers_in(span[1])
    return minutes, hours, (rest[span.end() :] if span else rest).strip(", ")


def due_by_words(words: str, day: date) -> list[datetime]:
    """Return when words say that something is due on a day."""
    months = set(MONTHS.values())
    if named := re.search(rf", in ((?:{'|'.join(LONG_MONTHS)}).*)$", words):
        words = words[: named.start()]
        if " to " in named[1]:
            low, high = named[1].split(" to ")
            months = set(range(MONTHS[low], MONTHS[high] + 1))
        else:
            months = {MONTHS[name] for name in parts(named[1])}
    minutes, hours, days = times_named(words)
    if day.month not in months or not day_matches(days, day):
        return []
    return [
        datetime(day.year, day.month, day.day, hour, minute) for hour in sorted(hours) for minute in sorted(minutes)
    ]


def random_field(random: Random, low: int, high: int, special: tuple[str, ...] = ()) -> str:
    def item() -> str:
        kind = random.random()
        a, b = sorted((random.randint(low, high), random.randint(low, high)))
        step = random.choice([1, 2, 3, 4, 5, 6, 7, 10, 12, 15, 20, 25, 30, 90])
        if special and kind < 0.2:
            return random.choice(special)
        if kind < 0.5:
            return str(a)
        if kind < 0.65:
            return f"{a}-{b}"
        if kind < 0.75:
            return f"{a}-{b}/{step}"
        return "*" if kind < 0.8 else f"*/{step}"

    if random.random() < 0.35:
        return "*"
    return ",".join(item() for _ in range(random.choice([1, 1, 1, 2, 3])))


@pytest.mark.parametrize("seed", range(8))
def test_the_words_of_random_expressions_mean_what_they_do(seed: int) -> None:
    """Reads the words as people would, and compares with croniter's dates."""
    random = Random(seed)
    compared = 0
    for _ in range(120):
        expression = " ".join(
            (
                random.choice(["0", "30", random_field(random, 0, 59)]),
                random_field(random, 0, 23),
                random_field(random, 1, 31, ("L", "LW")),
                random.choice(["*", random_field(random, 1, 12)]),
                random_field(random, 0, 7, ("1#2", "FRI#5", "5L", "sun", "7L")),
            )
        )
        try:
            words = in_words(expression)
        except InvalidInputError:
            continue  # never fires
        if not words:
            continue
        compared += 1
        plan = parse(expression)
        for _ in range(6):
            first = datetime(2024, 1, 1) + timedelta(days=random.randrange(366 * 3))
            start = random.choice(
                [first, first.replace(day=1), first.replace(day=calendar.monthrange(first.year, first.month)[1])]
            )
            named = due_by_words(words, start.date())[:12]
            found: list[datetime] = []
            at = start - timedelta(minutes=1)
            while len(found) < 12 and (due := plan.first_after(at)) is not None and due.date() == start.date():
                found.append(due)
                at = due
            assert found == named, f"{expression!r} is said to be {words!r}; on {start:%a %Y-%m-%d}"
    assert compared > 20


def test_a_check_of_the_form_never_raises() -> None:
    random = Random(1)
    for _ in range(3000):
        text = " ".join(
            "".join(
                random.choices(
                    ["*", ",", "-", "/", "#", "L", "W", "sat", "MON", "JAN", "0", "7", "31", "?"],
                    k=random.randint(1, 4),
                )
            )
            for _ in range(random.choice([4, 5, 5, 5, 5, 6]))
        )
        assert isinstance(check_cron(text), (str, type(None)))
    assert check_cron("0 0 * * *,sat#3") is None
