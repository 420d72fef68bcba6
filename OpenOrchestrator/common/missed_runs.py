"""What becomes of the due times that passed before a run was started: run once, each, or skipped.

Owns the rule what is missed and what merely late, and which due time the next run is for. Pure; never asks for the
time. When a trigger is due is in ``schedules``.

A due time that passed is late at first, because a poll, a full machine or a restart took its time: whatever the rule,
it is run within ``LATE_SECONDS``. Who was there, who was not, and why does not count: only how late it has become.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from zoneinfo import ZoneInfo

from OpenOrchestrator.common.cron import to_site
from OpenOrchestrator.common.schedules import Schedule

LATE_SECONDS = 300
"""So late a run may be and still be none that was missed."""

DEFAULT_MOST = 10
"""How many missed runs are run where each of them is, unless the trigger says another number."""

LARGEST_MOST = 1_000

LONGEST_WITHIN_SECONDS = 366 * 24 * 3600

ONE_BY_ONE = 5
"""So many skipped due times are told one by one; more of them together."""

MOST_COUNTED = 10_000
"""Where counting stops."""

_LONGEST_LOOK = timedelta(days=2 * 366)
_COUNTED_AT_ONCE = timedelta(days=7)


class MissedRuns(Enum):
    """What a trigger does with runs that were missed; the values are the words of files."""

    ONCE = "once"
    EACH = "each"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class MissedPolicy:
    """What a trigger says about runs that were missed.

    Attributes:
        run: One run for all of them, each of them in order, or none.
        within_seconds: How late a run may be; None for any time. Means nothing where missed runs are skipped.
        most: How many missed ones are run where each is: the last of them.
    """

    run: MissedRuns = MissedRuns.ONCE
    within_seconds: int | None = None
    most: int = DEFAULT_MOST

    @property
    def limit(self) -> timedelta | None:
        """How late a run may be; None for any time. Never less than what is merely late."""
        if self.run is MissedRuns.SKIP:
            return timedelta(seconds=LATE_SECONDS)
        return None if self.within_seconds is None else timedelta(seconds=max(self.within_seconds, LATE_SECONDS))

    @property
    def never_skips(self) -> bool:
        """Whether it is what all versions before did: one run, however late."""
        return self.run is MissedRuns.ONCE and self.within_seconds is None


LIKE_BEFORE = MissedPolicy()
"""What all versions did that knew no other: one run for all that was missed."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Due times that passed one after the other.

    Attributes:
        first: Aware UTC.
        last: The same as ``first`` where it is one.
        count: How many; so many at least, where it is not exact.
    """

    first: datetime
    last: datetime
    count: int = 1
    is_exact: bool = True

    def __str__(self) -> str:
        """Return how many, for a sentence."""
        return f"{self.count:,}" if self.is_exact else f"more than {self.count:,}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the due times that passed.

    Attributes:
        run: The due time that the next run is for, aware UTC; None if none of them is run.
        skipped: Those that are left out, earliest first, none of a later one than ``run``.
        next_due: When the trigger is due after that, aware UTC; in the past while missed ones wait for their turn.
    """

    run: datetime | None
    next_due: datetime
    skipped: Passed | None = None
    listed: tuple[datetime, ...] = field(default=())

    @property
    def entries(self) -> tuple[Passed, ...]:
        """What is skipped, as it is told: one by one while they are few, else all in one."""
        if self.skipped is None:
            return ()
        return tuple(Passed(at, at) for at in self.listed) or (self.skipped,)


def decide(policy: MissedPolicy, schedule: Schedule, due_at: datetime, *, now: datetime) -> Decision:
    """Return which due time of a trigger is run now, which are skipped, and when it is due next.

    Args:
        policy: What the trigger says.
        schedule: When it is due.
        due_at: The due time it waits for, aware and not after now; may be none of its schedule.
        now: Aware instant.

    Raises:
        InvalidInputError: As ``Schedule.next_due``.
    """
    first = _first_run(policy, schedule, due_at, now)
    if first is not None and policy.run is MissedRuns.EACH:
        first = _last_of(schedule, first, now, policy.most)[0]
        following = schedule.next_due(first)
    else:
        following = schedule.next_due(now)
    if first == due_at:
        return Decision(first, following)
    gone, is_exact = passed(schedule, due_at, now if first is None else first - timedelta.resolution)
    skipped = Passed(gone[0], gone[-1], len(gone), is_exact)
    few = tuple(gone) if is_exact and len(gone) <= ONE_BY_ONE else ()
    return Decision(first, following, skipped, few)


def runs_any(policy: MissedPolicy, schedule: Schedule, due_at: datetime, *, now: datetime) -> bool:
    """Tell whether ``decide`` runs one of the due times that passed, without looking at each of them."""
    return _first_run(policy, schedule, due_at, now) is not None


def waiting(policy: MissedPolicy, schedule: Schedule, due_at: datetime, *, now: datetime) -> Passed | None:
    """Return the due times that passed and wait for a run of their own, or for the one that stands for all of them.

    Args:
        policy: What the trigger says.
        schedule: When it is due.
        due_at: The due time it waits for, aware and not after now.
        now: Aware instant.
    """
    first = _first_run(policy, schedule, due_at, now)
    if first is None:
        return None
    if policy.run is MissedRuns.EACH:
        found, is_exact = _last_of(schedule, first, now, policy.most), True
    else:
        found, is_exact = passed(schedule, first, now)
    return Passed(found[0], found[-1], len(found), is_exact)


def passed(schedule: Schedule, due_at: datetime, until: datetime) -> tuple[list[datetime], bool]:
    """Return a due time and those after it up to an instant, earliest first, and whether these are all of them."""
    found = [due_at]
    start, end = due_at, until
    # What people write to say "at once" may be two thousand years ago.
    is_exact = until - due_at <= _LONGEST_LOOK
    if not is_exact:
        start = until - _LONGEST_LOOK
    while start < end and len(found) <= MOST_COUNTED:
        stop = min(end, start + _COUNTED_AT_ONCE)
        found += schedule.dues_between(start, stop)
        start = stop
    if len(found) > MOST_COUNTED:
        last = schedule.dues_between(max(start, end - _COUNTED_AT_ONCE), end)
        return [*found[: MOST_COUNTED - 1], last[-1] if last else found[-1]], False
    return found, is_exact


def words_of(skipped: Passed, policy: MissedPolicy, zone: ZoneInfo) -> str:
    """Return why due times are skipped, as the reason of the job that stands for them.

    Args:
        skipped: One, or all of them.
        policy: Of their trigger.
        zone: The site's, in which times are given.
    """
    if skipped.count == 1:
        what = f"The run due {_site(skipped.first, zone)} was missed and is skipped"
    else:
        span = f"from {_site(skipped.first, zone)} to {_site(skipped.last, zone)}"
        count = f"{skipped}"
        what = f"{count[0].upper()}{count[1:]} runs due {span} were missed and are skipped"
    return f"{what}: {rule_words(policy)}."


def coming_words(run: Passed | None, skipped: Passed | None, policy: MissedPolicy, zone: ZoneInfo) -> tuple[str, ...]:
    """Return how many missed runs wait, and how many will be skipped, each as a sentence.

    That a single one waits, with nothing that could keep it from being run, is nothing beside being due.

    Args:
        run: Those that wait; None for none.
        skipped: The others; None for none.
        policy: Of their trigger.
        zone: The site's.
    """
    rule, said = rule_words(policy), []
    if run is not None and (run.count > 1 or not run.is_exact):
        said.append(f"{run} missed runs are waiting, the first of {_site(run.first, zone)}: {rule}.")
    elif run is not None and (policy.run is not MissedRuns.ONCE or policy.within_seconds is not None):
        said.append(f"1 missed run is waiting: {rule}.")
    if skipped is not None:
        many = skipped.count > 1 or not skipped.is_exact
        said.append(f"{f'{skipped} missed runs' if many else '1 missed run'} will be skipped: {rule}.")
    return tuple(words[:1].upper() + words[1:] for words in said)


def rule_words(policy: MissedPolicy) -> str:
    """Return what a trigger does with missed runs, as the end of a sentence."""
    within = "" if policy.within_seconds is None else f" within {duration_words(policy.within_seconds)}"
    if policy.run is MissedRuns.SKIP:
        return "its trigger skips missed runs"
    if policy.run is MissedRuns.EACH:
        return f"its trigger runs each missed run{within}, {policy.most} at most"
    return f"its trigger runs once for those that it missed{within}"


def duration_words(seconds: int) -> str:
    """Return a duration in the largest unit that it is a whole number of: ``90 min``, ``1 h``, ``2 d``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _first_run(policy: MissedPolicy, schedule: Schedule, due_at: datetime, now: datetime) -> datetime | None:
    """Return the first due time that is not too late to be run; None if all are."""
    limit = policy.limit
    if limit is None or now - due_at <= limit:
        return due_at
    first = schedule.next_due(now - limit - timedelta.resolution)
    return first if first <= now else None


def _last_of(schedule: Schedule, first: datetime, now: datetime, count: int) -> list[datetime]:
    """Return the last due times from one on, earliest first: at least one, and so many at most."""
    span = timedelta(days=1)
    while True:
        start = max(first, now - span)
        found = schedule.dues_between(start, now)
        if len(found) >= count or start == first or span > _LONGEST_LOOK:
            break
        span *= 2
    if start == first:
        found = [first, *found]
    return found[-count:] or [first]


def _site(instant: datetime, zone: ZoneInfo) -> str:
    return f"{to_site(instant.astimezone(timezone.utc), zone):%Y-%m-%d %H:%M}"
