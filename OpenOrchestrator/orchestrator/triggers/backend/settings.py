"""The settings of one trigger: reading, creating and changing them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.common.missed_runs import LIKE_BEFORE, MissedPolicy
from OpenOrchestrator.common.schedules import ClosedDays
from OpenOrchestrator.database.labels import stored_whitelist
from OpenOrchestrator.database.lifecycle import retries
from OpenOrchestrator.database.lifecycle.failure_limit import DEFAULT_LIMIT, limit_of
from OpenOrchestrator.database.statuses import (
    RETRIED_JOB_STATUSES,
    Desktop,
    JobStatus,
    RobotEnvironment,
    SecretPassing,
    TriggerStatus,
    TriggerType,
    WhenLost,
)
from OpenOrchestrator.database.stores import pool_amounts, pools, trigger_input
from OpenOrchestrator.database.stores.overlap import DEFAULT_MOST_JOBS, LARGEST_MOST_JOBS, most_jobs, scaling_of
from OpenOrchestrator.database.stores.pool_amounts import Amounts
from OpenOrchestrator.database.stores.trigger_places import desktop_of, desktop_values
from OpenOrchestrator.database.stores.trigger_rows import PoisonedRowError, missed_policy
from OpenOrchestrator.database.stores.trigger_schedules import Schedules
from OpenOrchestrator.database.stores.validation import (
    LARGEST_RETRY_GROWTH,
    LONGEST_RETRY_PAUSE_SECONDS,
    LONGEST_STOP_SECONDS,
    MOST_RETRIES,
)
from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.triggers.backend.setting_columns import missed_values, same, set_elements_per_job

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "DEFAULT_MOST_JOBS",
    "LARGEST_MOST_JOBS",
    "LARGEST_RETRY_GROWTH",
    "LONGEST_RETRY_PAUSE_SECONDS",
    "LONGEST_STOP_SECONDS",
    "MOST_RETRIES",
    "Amounts",
    "StoredTrigger",
    "TriggerSettings",
    "TriggerSettingsBackend",
    "pauses_of",
    "starts_at",
]

_CHILDREN: dict[TriggerType, Any] = {
    TriggerType.SINGLE: SingleTrigger.__table__,
    TriggerType.SCHEDULED: ScheduledTrigger.__table__,
    TriggerType.QUEUE: QueueTrigger.__table__,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """Everything about a trigger that people set.

    Attributes:
        missed: What becomes of runs that a scheduled trigger missed.
        next_run: Naive site time; of single triggers.
        cron: Of scheduled triggers.
        timezone: Name of the zone that the cron expression means; None for the site's.
        calendar: Name of the calendar of the days on which a scheduled trigger runs; None for every day.
        closed_days: What becomes of its runs on closed days; counts where there is a calendar.
        queue: Of queue triggers, with ``min_batch_size``.
        desktop: What its robot needs of the machine.
        schedulers: Names of those it may run on; empty means any.
        timeout_seconds: None means without limit.
        stop_soft: Seconds in which a robot whose time is up is asked to come to an end.
        stop_terminate: Seconds it has after that before it is killed; None for the usual time.
        keep_files: Whether a run from git finds what the one before left in its folder.
        environment: The Python environment its robot is started in.
        entry: What of the robot's files is started, a file or a module; None for its main.py.
        retry_times: How often a run that failed is tried again.
        retry_pause: Seconds before the first retry.
        retry_growth: By how much each later pause is longer than the one before.
        retry_most: Seconds that a pause lasts at most; None for the longest there is.
        retry_after: The ends after which it is tried again.
        when_lost: What becomes of a run that was lost.
        pause_after_failures: After so many failed runs in a row it becomes Failed; 0 for never.
        pools: Names of the pools that a run needs, with how much of each.
        jobs: How many jobs of it may run at the same time; 1 for single triggers.
        elements_per_job: For how many elements one of several jobs of a queue trigger stands; None for a batch.
        labels: What its scheduler has to carry, all of them; empty for nothing.
    """

    name: str
    process: str
    type: TriggerType
    path: str
    arguments: str = ""
    is_git: bool = False
    branch: str | None = None
    desktop: Desktop = Desktop.BACKGROUND
    priority: int = 0
    schedulers: tuple[str, ...] = ()
    passing: SecretPassing = SecretPassing.AUTO
    timeout_seconds: int | None = None
    stop_soft: int = 0
    stop_terminate: int | None = None
    keep_files: bool = False
    environment: RobotEnvironment = RobotEnvironment.OWN
    entry: str | None = None
    cron: str | None = None
    timezone: str | None = None
    calendar: str | None = None
    closed_days: ClosedDays = ClosedDays.SKIP
    missed: MissedPolicy = LIKE_BEFORE
    next_run: datetime | None = None
    queue: str | None = None
    min_batch_size: int | None = None
    retry_times: int = 0
    retry_pause: int = 0
    retry_growth: float = 1.0
    retry_most: int | None = None
    retry_after: tuple[JobStatus, ...] = RETRIED_JOB_STATUSES
    when_lost: WhenLost = WhenLost.LEAVE
    pause_after_failures: int = DEFAULT_LIMIT
    pools: Amounts = ()
    jobs: int = DEFAULT_MOST_JOBS
    elements_per_job: int | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredTrigger:
    """A trigger's settings as they were read; an edit names them as what it starts from."""

    id: UUID
    status: TriggerStatus
    settings: TriggerSettings


class _ChangedError(Exception):
    """Rolls the transaction back: somebody changed the trigger meanwhile."""


class TriggerSettingsBackend(Backend):
    """The settings of triggers; saving is guarded by what was read."""

    async def get(self, trigger_id: UUID) -> StoredTrigger:
        """Return a trigger.

        Raises:
            NotFoundError: If there is none with this id.
        """
        return await self._read(lambda session: _stored(session, trigger_id))

    async def create(self, settings: TriggerSettings) -> UUID:
        """Store a new trigger, Idle, and return its id.

        Raises:
            InvalidInputError: If something about it cannot be stored; nothing was.
        """
        trigger_id = uuid4()

        def work(session: Session) -> UUID:
            child = self._child_values(session, settings)
            session.execute(
                sa.insert(_T).values(
                    id=trigger_id,
                    type=settings.type,
                    process_status=TriggerStatus.IDLE,
                    **self._checked(_base_values(settings)),
                )
            )
            session.execute(sa.insert(_CHILDREN[settings.type]).values(id=trigger_id, **child))
            pools.hold_named(session, pool_amounts.written(settings.pools))
            return trigger_id

        return await self._write(work)

    async def update(self, stored: StoredTrigger, settings: TriggerSettings) -> bool:
        """Change the settings of a trigger; its kind stays.

        Args:
            stored: What the edit started from.
            settings: The new ones.

        Returns:
            False if somebody changed the settings since ``stored`` was read; nothing was changed then.

        Raises:
            InvalidInputError: If something about them cannot be stored, or the kind differs.
        """
        if settings.type is not stored.settings.type:
            raise InvalidInputError("The kind of a trigger cannot be changed: make a copy of the other kind.")

        def work(session: Session) -> bool:
            child_table = _CHILDREN[settings.type]
            if settings.cron is not None and _schedule_values(settings) == _schedule_values(stored.settings):
                child = self._checked(_child_settings(settings))  # the same schedule: a run that is due stays due
            else:
                child = self._child_values(session, settings)
            base = self._checked(_base_values(settings))
            guards = [same(_T.c[name], value) for name, value in _base_values(stored.settings).items()]
            if _count(session, sa.update(_T).where(_T.c.id == stored.id, *guards).values(base)) != 1:
                return False
            old_child = _child_settings(stored.settings)
            guards = [same(child_table.c[name], value) for name, value in old_child.items()]
            changes = child or old_child
            changed = sa.update(child_table).where(child_table.c.id == stored.id, *guards).values(changes)
            if _count(session, changed) != 1:
                raise _ChangedError
            if settings.pools != stored.settings.pools:
                pools.hold_named(session, pool_amounts.written(settings.pools))
            return True

        try:
            return await self._write(work)
        except _ChangedError:
            return False

    async def site_now(self) -> datetime:
        """Return the current site time, naive."""
        return await off_loop(self._database.site_now)

    def _child_values(self, session: Session, settings: TriggerSettings) -> dict[str, Any]:
        zone = self._database.zone
        if settings.type is TriggerType.SCHEDULED:
            expression = cron.validate_cron(settings.cron or "")
            values = self._checked({**_child_settings(settings), "cron_expr": expression})
            try:
                schedule = Schedules(session.connection(), zone).made_of(
                    expression, values["timezone"], values["calendar"], values["closed_days"]
                )
            except PoisonedRowError as error:
                raise InvalidInputError(f"This schedule cannot be: {error}.") from error
            due = schedule.next_due(self._now())
            skipped: dict[str, Any] = dict.fromkeys(("skipped_due", "skipped_at", "skipped_by"))  # of another schedule
            return {**values, "next_run": cron.to_site(due, zone), "due_at": due, **skipped}
        if settings.type is TriggerType.SINGLE:
            if settings.next_run is None:
                raise InvalidInputError("A single trigger needs the date and time of its run.")
            return {"next_run": settings.next_run, "due_at": cron.to_utc(settings.next_run, zone)}
        if not settings.queue or settings.min_batch_size is None or settings.min_batch_size < 1:
            raise InvalidInputError("A queue trigger needs a queue and a least batch size of 1 or more.")
        return self._checked(_child_settings(settings))

    def _checked(self, columns: dict[str, Any]) -> dict[str, Any]:
        return trigger_input.checked(columns, dialect_name=self._database.dialect_name, zone=self._database.zone)


def starts_at(jobs: int, batch: int, per_job: int | None) -> tuple[int, ...]:
    """Return from how many New elements on each of several jobs starts, where those that run have taken none. Pure."""
    scaling = scaling_of(jobs, batch, per_job)
    return tuple(scaling.wanted(0, running) for running in range(scaling.most))


def pauses_of(settings: TriggerSettings) -> tuple[float, ...]:
    """Return how many seconds each retry of a run waits that keeps failing. Pure."""
    return retries.pauses(
        retries.RetryPolicy(
            times=settings.retry_times,
            pause_seconds=settings.retry_pause,
            growth=settings.retry_growth,
            most_seconds=settings.retry_most,
        )
    )


def _stored(session: Session, trigger_id: UUID) -> StoredTrigger:
    try:
        trigger = session.get(Trigger, trigger_id)
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidInputError(f"The database holds something about this trigger that is none: {error}") from error
    if trigger is None:
        raise NotFoundError("This trigger is not there: somebody deleted it, or the link is wrong.")
    needs = pools.readable(trigger.pools)
    if needs is None:
        raise InvalidInputError(f"The database holds something about this trigger that is none: {trigger.pools!r}")
    kind: dict[str, Any] = {}
    if isinstance(trigger, ScheduledTrigger):
        kind = {
            "cron": trigger.cron_expr,
            "timezone": trigger.timezone,
            "calendar": trigger.calendar,
            "closed_days": ClosedDays.__members__.get(trigger.closed_days or "", ClosedDays.SKIP),
            "missed": missed_policy(trigger.missed, trigger.missed_within_seconds, trigger.missed_most),
        }
    elif isinstance(trigger, SingleTrigger):
        kind = {"next_run": trigger.next_run}
    elif isinstance(trigger, QueueTrigger):
        kind = {
            "queue": trigger.queue_name,
            "min_batch_size": trigger.min_batch_size,
            "elements_per_job": set_elements_per_job(trigger.elements_per_job),
        }
    settings = TriggerSettings(
        name=trigger.trigger_name,
        process=trigger.process_name,
        type=trigger.type,
        path=trigger.process_path,
        arguments=trigger.process_args or "",
        is_git=trigger.is_git_repo,
        branch=trigger.git_branch,
        desktop=desktop_of(trigger.is_blocking, trigger.desktop),
        priority=trigger.priority,
        schedulers=tuple(trigger.scheduler_whitelist or ()),
        passing=trigger.passing,
        timeout_seconds=trigger.timeout_seconds,
        stop_soft=trigger.stop_soft_seconds or 0,
        stop_terminate=trigger.stop_terminate_seconds,
        keep_files=bool(trigger.keep_files),
        environment=trigger.robot_environment,
        entry=trigger.entry or None,
        retry_times=trigger.retry_times or 0,
        retry_pause=trigger.retry_pause_seconds or 0,
        retry_growth=1.0 if trigger.retry_growth is None else trigger.retry_growth,
        retry_most=trigger.retry_most_seconds,
        retry_after=tuple(
            status for status in RETRIED_JOB_STATUSES if status in retries.read_ends(trigger.retry_after)
        ),
        when_lost=WhenLost.__members__.get(trigger.when_lost or "", WhenLost.LEAVE),
        pause_after_failures=limit_of(trigger.pause_after_failures),
        pools=needs,
        jobs=most_jobs(trigger.type, trigger.max_jobs),
        labels=tuple(trigger.labels or ()),
        **kind,
    )
    return StoredTrigger(trigger.id, trigger.process_status, settings)


def _base_values(settings: TriggerSettings) -> dict[str, Any]:
    return {
        "trigger_name": settings.name,
        "process_name": settings.process,
        "process_path": settings.path,
        "process_args": settings.arguments,
        "is_git_repo": settings.is_git,
        "git_branch": settings.branch or None,
        **desktop_values(settings.desktop),
        "scheduler_whitelist": stored_whitelist(settings.schedulers, settings.labels),
        "labels": list(settings.labels),
        "priority": settings.priority,
        "secret_passing": settings.passing.name,
        "timeout_seconds": settings.timeout_seconds,
        "stop_soft_seconds": settings.stop_soft,
        "stop_terminate_seconds": settings.stop_terminate,
        "keep_files": settings.keep_files,
        "environment": settings.environment.name,
        "entry": settings.entry or None,
        "retry_times": settings.retry_times,
        "retry_pause_seconds": settings.retry_pause,
        "retry_growth": settings.retry_growth,
        "retry_most_seconds": settings.retry_most,
        "retry_after": retries.written_ends(settings.retry_after),
        "when_lost": settings.when_lost.name,
        "pause_after_failures": settings.pause_after_failures,
        "pools": pool_amounts.written(settings.pools),
        **({} if settings.type is TriggerType.SINGLE else {"max_jobs": settings.jobs}),
    }


def _child_settings(settings: TriggerSettings) -> dict[str, Any]:
    if settings.type is TriggerType.SCHEDULED:
        return {**_schedule_values(settings), **missed_values(settings.missed)}
    if settings.type is TriggerType.SINGLE:
        return {"next_run": settings.next_run}
    return {
        "queue_name": settings.queue,
        "min_batch_size": settings.min_batch_size,
        "elements_per_job": settings.elements_per_job,
    }


def _schedule_values(settings: TriggerSettings) -> dict[str, str | None]:
    """Return what makes the schedule of a scheduled trigger, by column."""
    return {
        "cron_expr": settings.cron,
        "timezone": settings.timezone,
        "calendar": settings.calendar,
        "closed_days": None if settings.calendar is None else settings.closed_days.name,
    }


def _count(session: Session, statement: sa.Update) -> int:
    result: Any = session.execute(statement)
    return int(result.rowcount)
