"""What the dashboard says about spans, moments and counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span

MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """Where and when words are said."""

    now: datetime
    zone: tzinfo

    def past(self, site: datetime) -> str:
        """Return when a naive site time was."""
        return times.past(times.from_site(site, self.zone), self.now, self.zone)

    def full(self, site: datetime) -> str:
        """Return a naive site time in full with its zone."""
        return times.absolute(times.from_site(site, self.zone), self.zone)

    def seconds_since(self, site: datetime) -> float:
        """Return how long ago a naive site time was."""
        return (self.now - times.from_site(site, self.zone)).total_seconds()


def of_count(count: int, noun: str) -> str:
    """Return the noun that goes with a number: ``job``, ``jobs``."""
    return noun if count == 1 else f"{noun}s"


def count_of(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 job``, ``3 jobs``."""
    return f"{times.number(count)} {of_count(count, noun)}"


def span_of(address: Mapping[str, str]) -> Span:
    """Return the span that an address asks for; nonsense is the usual one."""
    name = address.get("span", "")
    return next((span for span in Span if span.value == name), Span.WORK)


def since_words(since: datetime, span: Span) -> str:
    """Return a span in words: ``since Friday 16:00``."""
    if span is Span.WORK:
        return f"since {times.LONG_DAYS[since.weekday()]} {since:%H:%M}"
    return "in the last 24 hours" if span is Span.DAY else "in the last 7 days"


def short_since(since: datetime, span: Span) -> str:
    """Return a span in few words: ``since Fri 16:00``, ``24 h``."""
    if span is Span.WORK:
        return f"since {times.DAYS[since.weekday()]} {since:%H:%M}"
    return "24 h" if span is Span.DAY else "7 days"


def tick_words(since: datetime, until: datetime, span: Span) -> tuple[str, str, str]:
    """Return what stands beneath the beginning, the middle and the end of a span."""
    middle = since + (until - since) / 2
    if until - since > timedelta(days=3):
        moments = (since, middle, until)
        first, second, third = (f"{times.DAYS[each.weekday()]} {each.day}" for each in moments)
        return first, second, third
    days = times.DAYS
    first, last = (f"{days[each.weekday()]} {each:%H:%M}" for each in (since, until))
    if span is Span.DAY or since.date() + timedelta(days=1) >= until.date():
        return first, f"{middle:%H}:00", last
    return first, days[middle.weekday()], last


def date_words(local: datetime) -> str:
    """Return a day in words: ``Monday 23 November``."""
    return f"{times.LONG_DAYS[local.weekday()]} {local.day} {times.LONG_MONTHS[local.month - 1]}"


def some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
