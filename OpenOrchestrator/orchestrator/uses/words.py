"""Uses in words, and where they lead. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.choices import join_choice
from OpenOrchestrator.orchestrator.uses.backend import ProcessUse

NOT_NOTED = "No robot with OpenOrchestrator 4 or higher has noted it. Older robots do not note what they use."

MOST_NAMED = 5


def day_words(day: date, today: date) -> str:
    """Return a day as people say it: ``today``, ``yesterday``, ``5 days ago``, ``28 Oct``, ``28 Oct 2025``."""
    days = (today - day).days
    if days <= 0:
        return "today"  # that of a robot whose clock is ahead, too
    if days == 1:
        return "yesterday"
    if days <= 6:
        return f"{days} days ago"
    return date_words(day, today)


def date_words(day: date, today: date) -> str:
    """Return a day by the calendar: ``28 Oct``, and in another year ``28 Oct 2025``."""
    words = f"{day.day} {times.MONTHS[day.month - 1]}"
    return words if day.year == today.year else f"{words} {day.year}"


def full_date(day: date) -> str:
    """Return ``Wed 28 Oct 2026``."""
    return f"{times.DAYS[day.weekday()]} {day.day} {times.MONTHS[day.month - 1]} {day.year}"


def process_path(use: ProcessUse) -> str:
    """Return the path of the page of the trigger that runs a process, or of the list of all; empty for none."""
    if not use.triggers:
        return ""
    if len(use.triggers) == 1:
        return f"/triggers/{use.triggers[0]}"
    return "/triggers?" + urlencode({"process": join_choice((use.process,), exclude=False)})


def readers(found: Sequence[ProcessUse]) -> list[tuple[ProcessUse, date]]:
    """Return who read something, and when last, the latest first."""
    return _latest_first([(use, use.read) for use in found if use.read is not None])


def writers(found: Sequence[ProcessUse]) -> list[tuple[ProcessUse, date]]:
    """Return who changed something, and when last, the latest first."""
    return _latest_first([(use, use.written) for use in found if use.written is not None])


def warning(found: Sequence[ProcessUse], today: date) -> str:
    """Return who will miss something that is to be deleted; empty if nobody is known."""
    parts = [f"{use.process} ({day_words(day, today)})" for use, day in readers(found)]
    more = len(parts) - MOST_NAMED
    if not parts:
        return ""
    return f"Read lately by {', '.join(parts[:MOST_NAMED])}" + (f" and {more} more." if more > 0 else ".")


def _latest_first(pairs: list[tuple[ProcessUse, date]]) -> list[tuple[ProcessUse, date]]:
    return sorted(pairs, key=lambda pair: (-pair[1].toordinal(), pair[0].process.casefold(), pair[0].process))
