"""When triggers are expected to run: all times of a span, the many of an hour as one. Pure.

Owns what one run, or the many runs of an hour, are called and how long they are expected to take. Must not know where
triggers come from, nor which scheduler takes a run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import accumulate, groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from OpenOrchestrator.common.schedules import Schedule

MOST_PER_HOUR = 4
"""A trigger that is due more often within an hour of the clock counts as one entry for that hour."""

UNKNOWN_SECONDS = 60.0
"""A run of unknown length is counted as so long: it takes a slot for a while at least."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A trigger that will run by the clock.

    Attributes:
        schedulers: Names of those it may run on, as the trigger has them; empty for any.
        first: Instant of its next run; before now if it is late.
        schedule: When it runs; None if it runs once.
        seconds: Mean length of its last runs; None if there are none to go by.
        measured: How many runs that is the mean of.
        retry: Which retry of a failed run its next run is; 0 if it is none.
        labels: What its scheduler has to carry; empty for nothing.
        most_jobs: How many of its runs may go on at the same time.
    """

    id: UUID
    name: str
    process: str
    is_blocking: bool
    schedulers: tuple[str, ...]
    first: datetime
    schedule: Schedule | None
    seconds: float | None = None
    measured: int = 0
    retry: int = 0
    labels: tuple[str, ...] = ()
    most_jobs: int = 1

    @property
    def length(self) -> timedelta:
        """How long one run takes its slot, by what is known."""
        return timedelta(seconds=UNKNOWN_SECONDS if self.seconds is None else max(self.seconds, 1.0))


@dataclass(frozen=True, slots=True)
class Coming:
    """A run that is expected, or the many of one trigger within an hour.

    Attributes:
        starts: Instants, the earliest first; one, or more than MOST_PER_HOUR.
        until: From here on its trigger has as many later runs as it may have, so it takes its slot no longer.
        is_next: Its first run is the next one of its trigger.
    """

    trigger: Planned
    starts: tuple[datetime, ...]
    until: datetime | None = None
    is_next: bool = False

    @property
    def start(self) -> datetime:
        """The first start."""
        return self.starts[0]

    @property
    def count(self) -> int:
        """How many runs."""
        return len(self.starts)

    @property
    def end(self) -> datetime:
        """When the last of them is expected to have ended."""
        end = self.starts[-1] + self.trigger.length
        return end if self.until is None else min(end, self.until)

    @property
    def is_retry(self) -> bool:
        """Whether it is a failed run that is tried again, and no more."""
        return bool(self.trigger.retry) and self.count == 1 and self.is_next

    @property
    def is_dense(self) -> bool:
        """Whether its trigger runs for most of the time from the first start to the last end."""
        return self.count == 1 or self.count * self.trigger.length >= (self.end - self.start) / 2

    def spans_during(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return when those of its runs that go on in a span start and end, one by one."""
        length = self.trigger.length
        first = bisect_right(self.starts, start - length)
        last = bisect_left(self.starts, end)
        ahead = self.trigger.most_jobs
        known = self.starts[first + ahead : last + ahead]
        nexts = (*known, *[self.until] * max(last - first - len(known), 0))
        spans = []
        for begun, following in zip(self.starts[first:last], nexts, strict=False):
            over = begun + length if following is None else min(begun + length, following)
            if over > start:
                spans.append((begun, over))
        return spans


class Occurrences:
    """The runs of triggers in a span; triggers with the same schedule share the work.

    Args:
        now: Aware; what is late is expected at once.
        until: Aware; the last instant that counts.
        zone: The site's.
    """

    def __init__(self, now: datetime, until: datetime, zone: ZoneInfo) -> None:
        self._now = now
        self._until = until
        self._zone = zone
        self._known: dict[Schedule, tuple[list[datetime], list[tuple[datetime, ...]]]] = {}

    def of(self, trigger: Planned) -> list[Coming]:
        """Return the runs of a trigger, the earliest first.

        Raises:
            InvalidInputError: If its cron expression is malformed, or nothing is known of its calendar's country.
        """
        if trigger.first > self._until:
            return []
        first = max(trigger.first, self._now)
        groups: list[tuple[datetime, ...]] = [(first,)]
        if trigger.schedule is not None:
            groups += self._later(trigger.schedule, first)
        if len(groups) > 1 and len(groups[1]) >= MOST_PER_HOUR and self._hour(groups[1][0]) == self._hour(first):
            groups[:2] = [(first, *groups[1])]
        parts = [part for group in groups for part in _parts(group)]
        ends = _ends(parts, trigger.most_jobs)
        return [Coming(trigger, part, end, part[0] == first) for part, end in zip(parts, ends, strict=True)]

    def _later(self, schedule: Schedule, first: datetime) -> list[tuple[datetime, ...]]:
        dues, groups = self._all(schedule)
        place = bisect_right(dues, first)
        if place == 0:
            return groups
        rest = []
        for group in groups:
            if place < len(group):
                rest.append(group[place:] if place > 0 else group)
            place = max(place - len(group), 0)
        return rest

    def _all(self, schedule: Schedule) -> tuple[list[datetime], list[tuple[datetime, ...]]]:
        if schedule not in self._known:
            dues = schedule.dues_between(self._now, self._until)
            self._known[schedule] = dues, [tuple(group) for _, group in groupby(dues, self._hour)]
        return self._known[schedule]

    def _hour(self, instant: datetime) -> tuple[datetime, timedelta | None]:
        local = instant.astimezone(self._zone)
        return local.replace(minute=0, second=0, microsecond=0, tzinfo=None, fold=0), local.utcoffset()


def _ends(parts: Sequence[tuple[datetime, ...]], most_jobs: int) -> list[datetime | None]:
    """Return for each part the start of the run before which its last one has to have ended; None for none."""
    if most_jobs == 1:
        return [*(part[0] for part in parts[1:]), None]
    starts = [start for part in parts for start in part]
    places = (place - 1 + most_jobs for place in accumulate(map(len, parts)))
    return [starts[place] if place < len(starts) else None for place in places]


def _parts(group: tuple[datetime, ...]) -> Sequence[tuple[datetime, ...]]:
    return [group] if len(group) > MOST_PER_HOUR else [(start,) for start in group]


@dataclass(frozen=True, slots=True)
class Hour:
    """What is expected within an hour of the clock.

    Attributes:
        start: Instant.
        runs: That start in it.
        troubled: Whether something will not fit in it.
    """

    start: datetime
    runs: int
    troubled: bool


def hours_of(
    runs: Iterable[Coming], troubles: Iterable[tuple[datetime, datetime]], now: datetime, zone: tzinfo, count: int
) -> tuple[Hour, ...]:
    """Return the hours of the site's clock from the one that now lies in.

    Args:
        runs: Expected ones.
        troubles: Spans in which something does not fit.
        now: Aware.
        zone: The site's.
        count: How many hours.
    """
    local = now.astimezone(zone)
    first = now - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)

    def place(instant: datetime) -> int:
        return int((instant - first).total_seconds() // 3600)

    numbers = [0] * count
    for run in runs:
        for start in run.starts:
            if 0 <= place(start) < count:
                numbers[place(start)] += 1
    bad: set[int] = set()
    for start, end in troubles:
        bad.update(range(max(place(start), 0), min(place(end - timedelta.resolution), count - 1) + 1))
    return tuple(Hour(first + timedelta(hours=n), numbers[n], n in bad) for n in range(count))
