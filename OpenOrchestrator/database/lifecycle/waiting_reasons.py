"""What is known of a trigger that may be waiting, the kinds of reasons for it, and how they name jobs and times.

Pure, and the common words of ``waiting``, ``waiting_places`` and ``waiting_siblings``. Must not judge anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from OpenOrchestrator.database.lifecycle.causes import Cause
from OpenOrchestrator.database.lifecycle.screens import Holder
from OpenOrchestrator.database.lifecycle.selection import Candidate
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores.cordons import Mark
from OpenOrchestrator.database.stores.overlap import DEFAULT_MOST_JOBS
from OpenOrchestrator.database.stores.pools import EMPTY, PoolBook
from OpenOrchestrator.database.stores.queue_pauses import QueuePause
from OpenOrchestrator.database.stores.site_pause import SitePause

__all__ = ["MOST_NAMED", "ActiveJob", "Cause", "Facts", "KnownScheduler", "Reason", "at", "listed", "named", "shown"]

MOST_NAMED = 5
"""Jobs that a sentence names; of more it says how many."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        words: A sentence for people, in site time.
        until: When it ends by itself, aware UTC; None if nobody can tell.
        scheduler: The scheduler it is about; None if it is about the trigger.
        short: The same in a few words; empty unless it keeps a trigger that is due from starting.
        jobs: Those that the words name by id.
    """

    cause: Cause
    words: str
    until: datetime | None = None
    scheduler: str | None = None
    short: str = ""
    jobs: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """A job that has not ended.

    Attributes:
        scheduler: Where it runs.
        name: Of its trigger.
        since: Naive site time.
        is_blocking: Nothing else may run there meanwhile.
        is_starting: Its robot's files and environment are made ready; there is no robot yet.
        is_once: Asked for with arguments of its own; it leaves the trigger as it found it.
    """

    job_id: UUID
    trigger_id: UUID | None
    scheduler: str
    name: str
    since: datetime
    is_blocking: bool
    is_starting: bool = False
    is_once: bool = False


@dataclass(frozen=True, slots=True)
class KnownScheduler:
    """A scheduler that ever reported.

    Attributes:
        is_live: Whether its lease lives.
        heard: Naive site time of its last report.
        slots: How many jobs it runs at once; None if it is of a version that does not say, nor obeys pause and cordon.
        cordon: Asked to start nothing.
        drain: Asked to end.
        stopping: Asked to end on its machine, by a signal.
        labels: What it carries; None if it is of a version that knows no labels.
        machine: What the screen of its machine is kept under.
    """

    name: str
    is_live: bool
    heard: datetime
    slots: int | None
    cordon: Mark | None = None
    drain: Mark | None = None
    stopping: Mark | None = None
    labels: tuple[str, ...] | None = ()
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known about one trigger and where it may run.

    Attributes:
        status: None if its row holds none.
        unreadable: What its row holds that cannot be read, as the end of a sentence; empty for nothing.
        due: The trigger as schedulers find it due; None if they do not.
        due_since: Since when it is due or somebody asked for its run, aware UTC; None if nobody can tell.
        now: Aware; None says nothing of how long it has been due.
        next_due: When it will be due by the clock, aware UTC.
        retry_at: When the retry is due that it waits for, aware UTC; None if it waits for none.
        retry_number: Which retry that is, from 1.
        retry_times: How many the trigger allows.
        rests_until: Until when its brake holds it, aware UTC.
        queue: Name of its queue; None if it has none.
        queue_pause: Keeps elements of that from being handed out.
        waiting: New elements there, counted no further than ``wanted``.
        wanted: How many it takes to start it, or one more job of it beside those that run.
        most_jobs: How many jobs of it may run at the same time.
        will_be: The state that a job which failed leaves it in once the others have ended; None for none.
        paused_by: Who paused it.
        paused_since: Naive site time.
        pause_reason: Why.
        paused_until: Aware UTC.
        whitelist: Names of the schedulers it may run on; empty for any.
        labels: What its scheduler has to carry; empty for nothing.
        site_pause: Keeps everything from starting, on schedulers that know of it.
        candidates: Every trigger that is due now, with where it may run.
        jobs: Everything that runs.
        pools: All pools and who holds them, where a trigger that is due needs some.
        missed: What becomes of due times that passed, in sentences.
        screens: Who has the screen of which machine; those that are free are left out.
        zone: The site's.
    """

    trigger_id: UUID
    name: str
    status: TriggerStatus | None
    unreadable: str = ""
    due: Candidate | None = None
    due_since: datetime | None = None
    now: datetime | None = None
    next_due: datetime | None = None
    retry_at: datetime | None = None
    retry_number: int = 0
    retry_times: int = 0
    rests_until: datetime | None = None
    queue: str | None = None
    queue_pause: QueuePause | None = None
    waiting: int = 0
    wanted: int = 0
    most_jobs: int = DEFAULT_MOST_JOBS
    will_be: TriggerStatus | None = None
    paused_by: str | None = None
    paused_since: datetime | None = None
    pause_reason: str | None = None
    paused_until: datetime | None = None
    whitelist: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    site_pause: SitePause | None = None
    candidates: Sequence[Candidate] = ()
    schedulers: Sequence[KnownScheduler] = ()
    jobs: Sequence[ActiveJob] = ()
    pools: PoolBook = EMPTY
    missed: Sequence[str] = ()
    screens: Mapping[str, Holder] = field(default_factory=dict)
    zone: ZoneInfo


def named(job: ActiveJob) -> str:
    """Return ``Orders since 2026-06-01 13:55:00 (job …)``."""
    return f"{job.name} since {shown(job.since)} (job {job.job_id})"


def listed(jobs: Sequence[ActiveJob]) -> str:
    """Return the first jobs with their names, and how many more there are."""
    more = len(jobs) - MOST_NAMED
    names = ", ".join(named(job) for job in jobs[:MOST_NAMED])
    return f"{names} and {more} more" if more > 0 else names


def shown(site_time: datetime) -> str:
    """Return a naive site time in words."""
    return f"{site_time:%Y-%m-%d %H:%M:%S}"


def at(instant: datetime, zone: ZoneInfo) -> str:
    """Return an aware instant in words, in a zone."""
    return shown(instant.astimezone(zone).replace(tzinfo=None))
