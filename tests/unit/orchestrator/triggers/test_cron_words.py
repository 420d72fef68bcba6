"""Cron expressions in words: the words must mean what the schedule does."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
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
    ],
)
def test_words(expression: str, words: str) -> None:
    assert in_words(expression) == words


def test_a_malformed_expression_is_refused_in_forms_and_shown_as_it_is_in_lists() -> None:
    with pytest.raises(InvalidInputError, match="hour"):
        in_words("0 25 * * *")
    assert short("0 25 * * *") == "0 25 * * *"
