"""What the dashboard shows at a glance: figures, causes of failures, what runs, what is late, and who is silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.attention import is_silent, troubled
from OpenOrchestrator.database.lifecycle import stuck_triggers
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import (
    UNSTARTED_JOB_STATUSES,
    JobStatus,
    TriggerStatus,
)
from OpenOrchestrator.database.stores import job_reports, notes, site_pause
from OpenOrchestrator.database.stores.due_triggers import scheduler_key
from OpenOrchestrator.database.stores.notes import NOBODY, Noted, Owner
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.dashboard.backend.broken import BrokenQueue, read_broken
from OpenOrchestrator.orchestrator.dashboard.backend.causes import Cause
from OpenOrchestrator.orchestrator.dashboard.backend.failures import FailureReader
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span, start_of
from OpenOrchestrator.orchestrator.dashboard.backend.told import Told, read_told
from OpenOrchestrator.orchestrator.dashboard.backend.untaken import Carried, UntakenTrigger, read_untaken
from OpenOrchestrator.orchestrator.jobs.backend.history import median
from OpenOrchestrator.orchestrator.jobs.backend.rows import active_jobs
from OpenOrchestrator.orchestrator.triggers.backend import rows as trigger_rows

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

MOST_RUNNING = 8
USUAL_RUNS = 15
"""How many past runs tell how long a trigger usually takes."""

LEAST_RUNS = 3
BUCKETS = 32


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that has not ended.

    Attributes:
        name: Of its trigger, or its process.
        started: Naive site time it was claimed.
        usual_seconds: The median of the trigger's last runs that were done; None where there are too few.
        title: What it is about, as its robot says, like ``progress`` from 0 to 1 and what it is at.
    """

    job_id: UUID
    name: str
    scheduler: str
    status: JobStatus
    started: datetime
    usual_seconds: float | None
    title: str | None = None
    progress: float | None = None
    progress_text: str | None = None


@dataclass(frozen=True, slots=True)
class TroubledTrigger:
    """A trigger that somebody should look at.

    Attributes:
        due: Naive site time, of a late one.
        since: Naive site time of its last start.
        schedulers: Where it may run; empty for anywhere.
    """

    id: UUID
    name: str
    status: TriggerStatus
    late: bool
    stuck: bool
    due: datetime | None
    since: datetime | None
    schedulers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SilentScheduler:
    """A scheduler that has not been heard from.

    Attributes:
        seen: Naive site time of its last heartbeat.
        waiting: Names of triggers that run nowhere else but on silent schedulers.
    """

    name: str
    seen: datetime
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owners:
    """Whom to call, by what fails.

    Attributes:
        noted: What is noted about triggers and queues, by kind and subject.
    """

    noted: Mapping[AnnotatedKind, Mapping[str, Noted]] = field(default_factory=dict)

    def of_triggers(self, triggers: Iterable[UUID]) -> list[Owner]:
        """Return the owners of triggers, nobody for those without."""
        return self._of(AnnotatedKind.TRIGGER, map(str, triggers))

    def of_queues(self, queues: Iterable[str]) -> list[Owner]:
        """Return the owners of queues, nobody for those without."""
        return self._of(AnnotatedKind.QUEUE, queues)

    def _of(self, kind: AnnotatedKind, subjects: Iterable[str]) -> list[Owner]:
        noted = self.noted.get(kind, {})
        return [noted[subject].owner if subject in noted else NOBODY for subject in subjects]


_HOLDS = (Scheduler.cordoned_at, Scheduler.cordoned_by, Scheduler.drain_at, Scheduler.drain_by)


@dataclass(frozen=True, slots=True)
class HeldScheduler:
    """A scheduler that is heard from and starts nothing, because admins asked it to.

    Attributes:
        ends: Whether it is drained, and ends when its robots have.
        by: Who asked, as they call themselves; None if they did not say.
        since: Naive site time.
    """

    name: str
    ends: bool
    by: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Glance:
    """The dashboard at one moment.

    Attributes:
        since: Naive site time at which the span began.
        jobs: Started in the span.
        failed: Of these, ended badly.
        read: How many of the failed ones were read for causes and buckets; fewer than ``failed`` only when there are
            very many.
        causes: Of those and of killed jobs; the one seen last first.
        buckets: Failures in each part of the span, all parts equally long, the oldest first.
        running: The longest first, not all of them.
        running_total: All of them.
        busy_schedulers: Where they run.
        schedulers: Known ones.
        live: What those carry that are heard from, by name; None for one that knows no labels.
        silent: Those not heard from.
        troubled: Triggers that failed, were killed, are late or are stuck.
        untaken: Idle triggers with work that no scheduler takes.
        owners: Whom to call about triggers and queues.
        held: Schedulers that are cordoned or drained.
        is_paused: Whether the whole site is.
        told: What robots told that somebody should look at.
        broken: Queues that their breaker paused, the one that was paused last first.
    """

    since: datetime
    jobs: int
    failed: int
    read: int
    causes: tuple[Cause, ...]
    buckets: tuple[int, ...]
    running: tuple[RunningJob, ...]
    running_total: int
    busy_schedulers: int
    schedulers: int
    live: Carried
    silent: tuple[SilentScheduler, ...]
    troubled: tuple[TroubledTrigger, ...]
    untaken: tuple[UntakenTrigger, ...] = ()
    owners: Owners = field(default_factory=Owners)
    held: tuple[HeldScheduler, ...] = ()
    is_paused: bool = False
    told: Told = field(default_factory=Told)
    broken: tuple[BrokenQueue, ...] = ()


class DashboardBackend(Backend):
    """What the dashboard shows at a glance, and the settling of stuck triggers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._failures = FailureReader()
        self._usual: dict[UUID, tuple[datetime, float | None]] = {}

    async def glance(self, span: Span) -> Glance:
        """Return everything but the queues and the timeline."""
        return await self._read(lambda session: self._look(session, span))

    async def settle(self, trigger_id: UUID) -> bool:
        """Give a trigger that is stuck in Pausing or Killing the state that the end of its job would have given it.

        Returns:
            False if it is in another state by now, or has a job that runs.
        """
        return await self._write(lambda session: stuck_triggers.settle(session, trigger_id))

    async def dismiss(self, alert_id: UUID, *, by: str | None) -> bool:
        """Say that an admin took note of an alert.

        Args:
            alert_id: The alert.
            by: Who, as they call themselves.

        Returns:
            False if it was dismissed before.
        """

        def work(session: Session) -> bool:
            now, site_now = self._now(), self._database.site_now()
            return job_reports.dismiss(session, alert_id, by=by, now=now, site_now=site_now)

        return await self._write(work)

    def _look(self, session: Session, span: Span) -> Glance:
        site_now = self._database.site_now()
        since = start_of(span, site_now)
        ran = (_J.c.start_time >= since, _J.c.status.not_in(UNSTARTED_JOB_STATUSES))
        jobs = session.execute(sa.select(sa.func.count()).select_from(_J).where(*ran)).scalar_one()
        failed, read, causes, ended = self._failures.read(session, since)
        columns = (_J.c.id, _J.c.trigger_id, _J.c.trigger_name, _J.c.process_name, _J.c.scheduler_name)
        told = (_J.c.title, _J.c.progress, _J.c.progress_text)
        active = active_jobs(session, *columns, _J.c.status, _J.c.start_time, *told)
        schedulers = session.execute(
            sa.select(
                Scheduler.machine_name,
                Scheduler.heartbeat_at,
                Scheduler.last_update,
                Scheduler.slots,
                Scheduler.labels,
                *_HOLDS,
            ).order_by(Scheduler.machine_name)
        ).all()
        now = self._now()
        silent = [row for row in schedulers if is_silent(row.heartbeat_at, row.last_update, now=now, site_now=site_now)]
        live = {
            row.machine_name: None if row.slots is None else tuple(row.labels or ())
            for row in schedulers
            if row not in silent
        }
        return Glance(
            since=since,
            jobs=int(jobs),
            failed=failed,
            read=read,
            causes=causes,
            buckets=in_buckets(ended, since, site_now),
            running=self._running(session, active[:MOST_RUNNING], site_now),
            running_total=len(active),
            busy_schedulers=len({row.scheduler_name for row in active}),
            schedulers=len(schedulers),
            live=live,
            silent=self._silent(session, silent),
            troubled=_troubled(session, site_now),
            untaken=read_untaken(session, live, site_now=site_now, zone=self._database.zone),
            owners=Owners(notes.overview(session, AnnotatedKind.TRIGGER, AnnotatedKind.QUEUE)),
            held=tuple(self._held([row for row in schedulers if row.machine_name in live])),
            is_paused=site_pause.read(session) is not None,
            told=read_told(session, since, self._database.zone),
            broken=read_broken(session, self._database.zone),
        )

    def _held(self, rows: Iterable[Any]) -> Iterator[HeldScheduler]:
        for row in rows:
            since = row.drain_at or row.cordoned_at
            if since is not None:
                by = row.drain_by if row.drain_at else row.cordoned_by
                site = since.astimezone(self._database.zone).replace(tzinfo=None)
                yield HeldScheduler(row.machine_name, ends=row.drain_at is not None, by=by, since=site)

    def _running(self, session: Session, rows: Sequence[Any], site_now: datetime) -> tuple[RunningJob, ...]:
        usual = self._usual_lengths(session, [row.trigger_id for row in rows if row.trigger_id], site_now)
        return tuple(
            RunningJob(
                job_id=row.id,
                name=row.trigger_name or row.process_name,
                scheduler=row.scheduler_name,
                status=row.status,
                started=row.start_time,
                usual_seconds=usual.get(row.trigger_id),
                title=row.title or None,
                progress=row.progress,
                progress_text=row.progress_text or None,
            )
            for row in rows
        )

    def _usual_lengths(
        self, session: Session, triggers: Sequence[UUID], site_now: datetime
    ) -> dict[UUID, float | None]:
        """What does not change while a trigger runs is asked once in a while."""
        fresh = site_now - timedelta(minutes=5)
        self._usual = {key: value for key, value in self._usual.items() if value[0] > fresh}
        for trigger_id in triggers:
            if trigger_id not in self._usual:
                self._usual[trigger_id] = (site_now, _median_length(session, trigger_id))
        return {trigger_id: self._usual[trigger_id][1] for trigger_id in triggers}

    def _silent(self, session: Session, rows: Sequence[Any]) -> tuple[SilentScheduler, ...]:
        if not rows:
            return ()
        waiting: dict[str, list[str]] = {scheduler_key(row.machine_name): [] for row in rows}
        idle = sa.select(_T.c.trigger_name, _T.c.scheduler_whitelist).where(
            _T.c.process_status == TriggerStatus.IDLE, _T.c.scheduler_whitelist != []
        )
        for trigger in session.execute(idle.order_by(_T.c.trigger_name)).all():
            allowed = set(map(scheduler_key, trigger.scheduler_whitelist or ()))
            if allowed and waiting.keys() >= allowed:
                for name in allowed:
                    waiting[name].append(trigger.trigger_name)
        return tuple(
            SilentScheduler(
                name=row.machine_name,
                seen=self._site(row.heartbeat_at) if row.heartbeat_at is not None else row.last_update,
                waiting=tuple(waiting[scheduler_key(row.machine_name)]),
            )
            for row in rows
        )

    def _site(self, instant: datetime) -> datetime:
        return instant.astimezone(self._database.zone).replace(tzinfo=None)


def in_buckets(moments: Sequence[datetime], since: datetime, until: datetime, count: int = BUCKETS) -> tuple[int, ...]:
    """Return how many moments fall into each of equally long parts of a span; those outside count nowhere."""
    buckets = [0] * count
    length = (until - since).total_seconds()
    for moment in moments:
        place = (moment - since).total_seconds() / length
        if 0 <= place <= 1:
            buckets[min(int(place * count), count - 1)] += 1
    return tuple(buckets)


def _median_length(session: Session, trigger_id: UUID) -> float | None:
    past = (
        sa.select(_J.c.start_time, _J.c.end_time)
        .where(_J.c.trigger_id == trigger_id, _J.c.status == JobStatus.DONE, _J.c.end_time.is_not(None))
        .order_by(_J.c.start_time.desc(), _J.c.id.desc())
        .limit(USUAL_RUNS)
    )
    lengths = [(row.end_time - row.start_time).total_seconds() for row in session.execute(past)]
    return median(lengths) if len(lengths) >= LEAST_RUNS else None


def _troubled(session: Session, site_now: datetime) -> tuple[TroubledTrigger, ...]:
    found = trigger_rows.select_rows(site_now).where(troubled(site_now)).order_by(_T.c.trigger_name)
    return tuple(
        TroubledTrigger(
            id=row.id,
            name=row.trigger_name,
            status=TriggerStatus.__members__.get(row.status, TriggerStatus.FAILED),
            late=bool(row.late),
            stuck=bool(row.stuck),
            due=row.next_run,
            since=row.last_run,
            schedulers=tuple(row.scheduler_whitelist or ()),
        )
        for row in session.execute(found)
    )
