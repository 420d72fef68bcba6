"""When a queue will be empty at the pace of the last hour, and whether its time to finish within will hold. Pure.

An estimate: what comes in and what ends go on as in the last hour, and the oldest comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import Enum

from OpenOrchestrator.orchestrator.components import times

LONGEST = timedelta(days=365)
"""What lies further ahead is nothing to plan with."""


class Level(Enum):
    """Whether elements are finished within the time that their queue gives them."""

    HOLDS = "holds"
    MISSED = "missed"  # by one that waits already
    ENDANGERED = "endangered"  # by what comes in now, or waits in between


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a queue that has elements to be done.

    Attributes:
        empty_in: None if it does not become empty.
        grows_by: Elements an hour, where more comes in than ends.
        last_in: When the last one of those that are there is done; None if nothing ends.
        level: None where the queue says nothing about it.
    """

    empty_in: timedelta | None
    grows_by: int
    last_in: timedelta | None
    level: Level | None


def forecast(
    open_elements: int, *, per_hour: int, arrived: int, oldest: timedelta | None, within: timedelta | None
) -> Forecast | None:
    """Return what is expected; None where nothing is to be done.

    Args:
        open_elements: New and In Progress.
        per_hour: How many ended in the last hour.
        arrived: How many came in.
        oldest: How long the oldest New element waits; None if none does.
        within: In which time the queue wants its elements to be finished; None if it says nothing.
    """
    if open_elements <= 0:
        return None
    net = per_hour - arrived
    last_in = _hours(open_elements, per_hour)
    return Forecast(
        empty_in=_hours(open_elements, net),
        grows_by=max(-net, 0),
        last_in=last_in,
        level=None if within is None else _level(last_in, oldest or timedelta(0), within),
    )


def words(found: Forecast, now: datetime, zone: tzinfo, within: timedelta | None) -> str:
    """Return a forecast as sentences.

    Args:
        found: What is expected.
        now: Aware.
        zone: The site's.
        within: As it was given to ``forecast``.
    """
    if found.empty_in is not None and found.empty_in > LONGEST:
        text = "Not empty within a year at the pace of the last hour."
    elif found.empty_in is not None:
        text = f"Empty {_about(found.empty_in, now, zone)} at the pace of the last hour."
    elif found.grows_by:
        text = f"Grows by {times.number(found.grows_by)} an hour at the pace of the last hour."
    elif found.last_in is None:
        text = "Nothing ended in the last hour."
    else:
        text = "As much comes in as ends, at the pace of the last hour."
    if within is None or found.level is None:
        return text
    wanted = f"Finish within {times.long_span(within.total_seconds())}"
    said = {
        Level.HOLDS: "will hold",
        Level.MISSED: "does not hold: the oldest waits longer",
        Level.ENDANGERED: "will not hold at this pace",
    }
    return f"{text} {wanted} {said[found.level]}."


def _level(last_in: timedelta | None, oldest: timedelta, within: timedelta) -> Level:
    if oldest > within:
        return Level.MISSED
    # One that comes in now is done when all before it are.
    return Level.HOLDS if last_in is not None and last_in <= within else Level.ENDANGERED


def _hours(elements: int, per_hour: int) -> timedelta | None:
    return timedelta(hours=elements / per_hour) if per_hour > 0 else None


def _about(wait: timedelta, now: datetime, zone: tzinfo) -> str:
    # By the clock within a day; then by day and clock, later by the date.
    return f"{'at about' if wait < timedelta(days=1) else 'about'} {times.calendar(now + wait, now, zone)}"
