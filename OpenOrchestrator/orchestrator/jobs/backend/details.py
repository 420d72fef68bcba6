"""Everything about one job, and what stands around it. What its trigger has done is in ``history``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.common.redaction import secrets_of
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.common.shown_arguments import shown
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import (
    BAD_JOB_STATUSES,
    UNSTARTED_JOB_STATUSES,
    AttachmentOwner,
    JobStatus,
    QueueStatus,
    RobotEnvironment,
    SecretPassing,
    TriggerType,
)
from OpenOrchestrator.database.stores import attachments, job_output, job_reports, notes
from OpenOrchestrator.database.stores.attachments import FileRow
from OpenOrchestrator.database.stores.notes import NOBODY, Owner
from OpenOrchestrator.orchestrator.backend.alerts import Alert
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _E
from OpenOrchestrator.orchestrator.backend.tables import JOBS
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.jobs.backend.failure import Failure
from OpenOrchestrator.orchestrator.jobs.backend.history import RunLength, run_lengths
from OpenOrchestrator.orchestrator.jobs.backend.messages import JobMessage, count_of, failure_of, messages_of
from OpenOrchestrator.orchestrator.jobs.backend.reasons import ReasonReader
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow, read_rows

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

LOG_CAP = 1000
SHOWN = 200
"""Logs and elements that a page of a job shows; the rest is on the pages of their own."""

HISTORY = 14
AGAIN = 5
ATTEMPTS = 20
ALERTS = 20


@dataclass(frozen=True, slots=True)
class RanWith:
    """What a job was started with.

    Attributes:
        path: Without the secrets of an address.
        arguments: With what must not be seen replaced by ``***``.
        branch: Branch, tag or commit that was asked for; None for the default one, and for robots from a folder.
        timeout_seconds: None for no limit.
        passing: How connection string and key reached the robot.
        keep_files: Whether it found what the run before left in its folder.
        environment: The Python environment it was started in.
        entry: What of the robot's files was started; None for its main.py.
        scheduler: The one scheduler that it was asked for; None for any.
    """

    path: str
    arguments: str
    is_git: bool
    branch: str | None
    timeout_seconds: int | None
    passing: SecretPassing
    keep_files: bool
    environment: RobotEnvironment
    entry: str | None
    scheduler: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a run that was tried again.

    Attributes:
        number: 1 for the first.
    """

    job_id: UUID
    number: int
    status: JobStatus


@dataclass(frozen=True, slots=True)
class JobDetails:
    """A job and how much belongs to it.

    Attributes:
        due_at: Aware; None for queue triggers and runs on demand.
        timeout_seconds: Its limit, or that of its trigger now where what it ran with is not known; None without.
        trigger_type: None if the trigger is gone.
        ran_with: None where it is not known, as of jobs of earlier versions.
        retry_times: How often its trigger has failed runs tried again now; 0 if that is gone.
        attempts: The other attempts of its run, in order; those that were given back before there was a robot, too.
        again: The last jobs that repeat it, the newest first, with naive site time of their claim.
        last_sequence: Number of the last piece of output; 0 without output.
        logs: Messages, those found by process and time included, counted no further than LOG_CAP.
        elements: How many there are in each state.
        result: What came of it, in the words of its robot, and whether that is JSON; None where nothing was said.
        alerts: Of its robot, the newest first.
        files: What its robot attached, and a picture of the screen where it failed; the first one first.
    """

    row: JobRow
    due_at: datetime | None
    timeout_seconds: int | None
    trigger_type: TriggerType | None
    ran_with: RanWith | None
    retry_times: int
    attempts: tuple[Attempt, ...]
    again: tuple[tuple[UUID, datetime], ...]
    last_sequence: int
    logs: int
    elements: tuple[tuple[QueueStatus, int], ...]
    result: tuple[str, bool] | None = None
    alerts: tuple[Alert, ...] = ()
    files: tuple[FileRow, ...] = ()

    @property
    def element_count(self) -> int:
        """Elements in all states."""
        return sum(count for _, count in self.elements)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a job.

    Attributes:
        history: The runs of its trigger up to this one, oldest first.
        failure: The end of its error output; None if it did not fail or said nothing.
        last_success: Id and naive site time of the last run before that succeeded.
        bad_since: Runs that failed since then, this one included.
        owner: Whom to call about its trigger.
    """

    history: tuple[RunLength, ...]
    failure: Failure | None
    last_success: tuple[UUID, datetime] | None
    bad_since: int
    owner: Owner = NOBODY


@dataclass(frozen=True, slots=True)
class JobElement:
    """A queue element that a job worked on; dates are naive site times."""

    id: UUID
    queue: str
    reference: str | None
    status: QueueStatus
    message: str | None
    started: datetime | None
    ended: datetime | None


class JobDetailsBackend(Backend):
    """Single jobs with what belongs to them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._reasons = ReasonReader()

    async def get(self, job_id: UUID) -> JobDetails:
        """Return a job.

        Raises:
            NotFoundError: If there is none with this id.
        """
        details = await self.find(job_id)
        if details is None:
            raise NotFoundError("This job is not there: it was deleted, or the link is wrong.")
        return details

    async def find(self, job_id: UUID) -> JobDetails | None:
        """Return a job, or None."""
        secrets = secrets_of(self._database.connection_string, None)

        def work(session: Session) -> JobDetails | None:
            rows = self._reasons.explained(session, read_rows(session, [job_id]))
            if not rows:
                return None
            logs = count_of(session, rows[0], LOG_CAP, now=self._now(), zone=self._zone())
            return _details(session, rows[0], logs, secrets)

        return await self._read(work)

    async def surroundings(self, job_id: UUID) -> Surroundings:
        """Return what stands around a job; nothing if it is gone."""
        zone = self._zone

        def work(session: Session) -> Surroundings:
            job = session.get(Job, job_id)
            if job is None:
                return Surroundings((), None, None, 0)
            failure = failure_of(session, job_id) if job.status in BAD_JOB_STATUSES else None
            if job.trigger_id is None:
                return Surroundings((), failure, None, 0)
            until = sa.or_(
                JOBS.c.start_time < job.start_time, sa.and_(JOBS.c.start_time == job.start_time, JOBS.c.id <= job_id)
            )
            of_trigger = (JOBS.c.trigger_id == job.trigger_id, JOBS.c.start_time <= job.start_time, until)
            ran = job.status not in UNSTARTED_JOB_STATUSES
            history = run_lengths(session, of_trigger, HISTORY, self._now(), zone()) if ran else ()
            succeeded = sa.select(JOBS.c.id, JOBS.c.start_time).where(*of_trigger, JOBS.c.status == JobStatus.DONE)
            last = session.execute(succeeded.order_by(JOBS.c.start_time.desc(), JOBS.c.id.desc()).limit(1)).first()
            bad = [*of_trigger, JOBS.c.status.in_(BAD_JOB_STATUSES)]
            if last is not None:
                bad.append(JOBS.c.start_time > last.start_time)
            count = session.execute(sa.select(sa.func.count()).select_from(JOBS).where(*bad)).scalar_one()
            owner = notes.read(session, AnnotatedKind.TRIGGER, str(job.trigger_id)).values.owner
            return Surroundings(history, failure, None if last is None else (last.id, last.start_time), count, owner)

        return await self._read(work)

    async def neighbours(self, job: JobRow) -> tuple[UUID | None, UUID | None]:
        """Return the run before a job, and the one after it: of its trigger, or of its process if it has none."""

        def work(session: Session) -> tuple[UUID | None, UUID | None]:
            same = JOBS.c.process_name == job.process if job.trigger_id is None else JOBS.c.trigger_id == job.trigger_id
            start, job_id = JOBS.c.start_time, JOBS.c.id
            before = sa.or_(start < job.claimed, sa.and_(start == job.claimed, job_id < job.id))
            after = sa.or_(start > job.claimed, sa.and_(start == job.claimed, job_id > job.id))
            older = sa.select(job_id).where(same, start <= job.claimed, before).order_by(start.desc(), job_id.desc())
            newer = sa.select(job_id).where(same, start >= job.claimed, after).order_by(start.asc(), job_id.asc())
            return session.scalar(older.limit(1)), session.scalar(newer.limit(1))

        return await self._read(work)

    async def logs(self, job: JobRow) -> tuple[JobMessage, ...]:
        """Return the last SHOWN messages of a job, the newest first; see ``messages_of``."""

        def work(session: Session) -> tuple[JobMessage, ...]:
            return messages_of(session, job, SHOWN, now=self._now(), zone=self._zone())

        return await self._read(work)

    async def elements(self, job_id: UUID) -> tuple[JobElement, ...]:
        """Return the last SHOWN elements that a job took, the newest first."""

        def work(session: Session) -> tuple[JobElement, ...]:
            columns = (_E.c.id, _E.c.queue_name, _E.c.reference, _E.c.status, _E.c.message, _E.c.start_date)
            query = sa.select(*columns, _E.c.end_date).where(_E.c.job_id == job_id)
            query = query.order_by(_E.c.start_date.desc(), _E.c.id).limit(SHOWN)
            return tuple(JobElement(*row) for row in session.execute(query))

        return await self._read(work)


def _details(session: Session, job: JobRow, logs: int, secrets: Sequence[str]) -> JobDetails:
    extra = session.execute(
        sa.select(
            JOBS.c.due_at,
            JOBS.c.process_path,
            JOBS.c.process_args,
            JOBS.c.is_git_repo,
            JOBS.c.git_branch,
            JOBS.c.timeout_seconds,
            JOBS.c.secret_passing,
            JOBS.c.keep_files,
            JOBS.c.environment,
            JOBS.c.entry,
            JOBS.c.run_scheduler,
            _T.c.timeout_seconds.label("limit"),
            _T.c.retry_times,
            sa.cast(_T.c.type, sa.String(50)).label("type"),
        )
        .select_from(JOBS.outerjoin(_T, _T.c.id == JOBS.c.trigger_id))
        .where(JOBS.c.id == job.id)
    ).one()
    elements = sa.select(_E.c.status, sa.func.count()).where(_E.c.job_id == job.id).group_by(_E.c.status)
    counts: dict[QueueStatus, int] = {row[0]: row[1] for row in session.execute(elements)}
    ran_with = None if extra.process_path is None else _ran_with(extra, secrets)
    again = sa.select(JOBS.c.id, JOBS.c.start_time).where(JOBS.c.again_of == job.id)
    again = again.order_by(JOBS.c.start_time.desc(), JOBS.c.id.desc()).limit(AGAIN)
    return JobDetails(
        row=job,
        due_at=extra.due_at,
        timeout_seconds=extra.limit if ran_with is None else ran_with.timeout_seconds,
        trigger_type=TriggerType.__members__.get(extra.type or ""),
        ran_with=ran_with,
        retry_times=extra.retry_times or 0,
        attempts=_other_attempts(session, job),
        again=tuple((row.id, row.start_time) for row in session.execute(again)),
        last_sequence=job_output.last_sequence(session, job.id),
        logs=logs,
        elements=tuple((status, counts[status]) for status in QueueStatus if status in counts),
        result=job_reports.output_of(session, job.id),
        alerts=job_reports.alerts_of(session, job.id, limit=ALERTS),
        files=attachments.find(session, AttachmentOwner.JOB, job.id),
    )


def _other_attempts(session: Session, job: JobRow) -> tuple[Attempt, ...]:
    first = job.retry_of or job.id
    # Asked for both at once, SQLite would read every job there is.
    columns = (JOBS.c.id, JOBS.c.start_time, JOBS.c.retry_number, JOBS.c.status)
    retries = sa.select(*columns).where(JOBS.c.retry_of == first, JOBS.c.id != job.id)
    retries = retries.order_by(JOBS.c.start_time, JOBS.c.id).limit(ATTEMPTS)
    first_one = sa.select(*columns).where(JOBS.c.id == first, JOBS.c.id != job.id)
    found = session.execute(sa.union_all(first_one, sa.select(retries.subquery()))).all()
    found = sorted(found, key=lambda row: (row.start_time, row.id.bytes))[:ATTEMPTS]
    return tuple(Attempt(row.id, (row.retry_number or 0) + 1, row.status) for row in found)


def _ran_with(job: Any, secrets: Sequence[str]) -> RanWith:
    return RanWith(
        path=RepositoryAddress(job.process_path).shown,
        arguments=shown(job.process_args or "", secrets),
        is_git=bool(job.is_git_repo),
        branch=job.git_branch,
        timeout_seconds=job.timeout_seconds,
        passing=SecretPassing.__members__.get(job.secret_passing or "", SecretPassing.AUTO),
        keep_files=bool(job.keep_files),
        environment=RobotEnvironment.__members__.get(job.environment or "", RobotEnvironment.OWN),
        entry=job.entry or None,
        scheduler=job.run_scheduler,
    )
