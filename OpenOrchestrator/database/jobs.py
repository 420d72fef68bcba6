"""Models of jobs, the persisted runs of triggers, and of what their robots printed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Double, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import (
    SiteDateTime,
    UtcDateTime,
    enum_type,
    long_text_type,
    text_type,
    uuid_type,
)
from OpenOrchestrator.database.statuses import JobStatus

__all__ = ["Job", "JobOutput", "JobStatus"]


class Job(Base):
    """One persisted run of a trigger.

    Attributes:
        start_time: Site time it was claimed.
        end_time: Site time it ended.
        trigger_id: The trigger it ran for; the trigger may have been deleted since.
        due_at: The instant it was due; None for queue triggers and runs on demand.
        attempt: 1 for the first start for this due time.
        fence: Counts changes of ownership; a write that carries an older number is refused.
        owner: Instance of the scheduler daemon that owns it.
        lease_until: On the database's clock; past it, others may settle the job.
        started_at: When the robot process was started.
        exit_code: Of the robot; a negative number is a signal.
        reason: Why it ended as it did, for people.
        started_by: Member name of StartedBy; None on rows of older clients. Stays when the job has ended.
        commit_sha: Commit of the robot's repository.
        host_pid: Process id of the robot host on the scheduler's machine.
        host_started: Its create time as psutil tells it, because process ids are used again.
        process_path: What it was started with, like those that follow; None on rows of older clients.
        process_args: As the robot got them, which may hold secrets: redacted wherever they are shown.
        is_git_repo: Whether the path is a repository.
        git_branch: Branch, tag or commit that was asked for; None for the default one.
        secret_passing: Member name of SecretPassing.
        timeout_seconds: How long its robot may run; None without limit, and on rows of older clients.
        stop_soft_seconds: How long its robot is asked to come to an end when its time is up; None for no time.
        stop_terminate_seconds: How long it has after that before it is killed; None for the usual 5.
        stop_asked_at: When it was asked to come to an end by itself.
        keep_files: Whether a run from git finds what the one before left in its folder.
        environment: Member name of RobotEnvironment.
        entry: What of its robot's files was started; None for its main.py.
        requested_by: Who asked for it, as they call themselves.
        run_scheduler: The one scheduler that it was asked for; None for any.
        again_of: The job it repeats, the first of them where that was repeated as well.
        retry_of: The first attempt, of which this one is a retry; None for a first attempt.
        retry_number: Which retry it is, from 1; None for a first attempt.
        trigger_before: Member name of the TriggerStatus in which this run leaves its trigger whatever its end, because
            it was asked for with arguments of its own; None for an ordinary run.
        pools: How much of which pools it holds until it ends, as a JSON object; None for nothing.
        kill_requested_at: When somebody asked for this run to be killed, whatever becomes of its trigger.
        title: What this run is about, in the words of its robot.
        progress: How far it is, from 0 to 1, as its robot says.
        progress_text: What it is at.
        partial_message: What was left undone, as its robot says: a job that is Done and has one is partially done.
        partial_at: When its robot said so.
        run_request_id: The request for a run that it answers, where whoever asked wants to know.
    """

    __tablename__ = "Jobs"
    __table_args__ = (
        Index("ix_Jobs_time", "start_time", "id"),
        Index("ix_Jobs_status", "status", "start_time", "id"),
        Index("ix_Jobs_trigger", "trigger_id", "start_time", "id"),
        Index("ix_Jobs_process", "process_name", "start_time", "id"),
        Index("ix_Jobs_scheduler", "scheduler_name", "start_time", "id"),
        Index("ix_Jobs_again_of", "again_of", "start_time", "id"),
        Index("ix_Jobs_retry_of", "retry_of", "start_time", "id"),
        Index("ix_Jobs_partial", "partial_at", "id"),
        Index("ix_Jobs_run_request", "run_request_id"),
    )

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True, default=uuid4)
    process_name: Mapped[str] = mapped_column(text_type(100))
    scheduler_name: Mapped[str] = mapped_column(text_type(100))
    status: Mapped[JobStatus] = mapped_column(enum_type(JobStatus), default=JobStatus.RUNNING)
    start_time: Mapped[datetime] = mapped_column(SiteDateTime, default=datetime.now)
    end_time: Mapped[datetime | None] = mapped_column(SiteDateTime)
    trigger_id: Mapped[UUID | None] = mapped_column(uuid_type())
    trigger_name: Mapped[str | None] = mapped_column(text_type(100))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempt: Mapped[int] = mapped_column(default=1, server_default="1")
    fence: Mapped[int] = mapped_column(default=0, server_default="0")
    owner: Mapped[UUID | None] = mapped_column(uuid_type())
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    exit_code: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(text_type(1000))
    started_by: Mapped[str | None] = mapped_column(String(20))
    commit_sha: Mapped[str | None] = mapped_column(String(64))
    host_pid: Mapped[int | None]
    host_started: Mapped[float | None] = mapped_column(Double)
    process_path: Mapped[str | None] = mapped_column(text_type(250))
    process_args: Mapped[str | None] = mapped_column(text_type(1000))
    is_git_repo: Mapped[bool | None]
    git_branch: Mapped[str | None] = mapped_column(text_type(100))
    secret_passing: Mapped[str | None] = mapped_column(String(20))
    timeout_seconds: Mapped[int | None]
    stop_soft_seconds: Mapped[int | None]
    stop_terminate_seconds: Mapped[int | None]
    stop_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    keep_files: Mapped[bool | None]
    environment: Mapped[str | None] = mapped_column(String(20))
    entry: Mapped[str | None] = mapped_column(text_type(250))
    requested_by: Mapped[str | None] = mapped_column(text_type(100))
    run_scheduler: Mapped[str | None] = mapped_column(text_type(100))
    again_of: Mapped[UUID | None] = mapped_column(uuid_type())
    retry_of: Mapped[UUID | None] = mapped_column(uuid_type())
    retry_number: Mapped[int | None]
    trigger_before: Mapped[str | None] = mapped_column(String(20))
    pools: Mapped[str | None] = mapped_column(text_type(1000))
    kill_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    title: Mapped[str | None] = mapped_column(text_type(200))
    progress: Mapped[float | None] = mapped_column(Double)
    progress_text: Mapped[str | None] = mapped_column(text_type(200))
    partial_message: Mapped[str | None] = mapped_column(text_type(1000))
    partial_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    run_request_id: Mapped[UUID | None] = mapped_column(uuid_type())


class JobOutput(Base):
    """A piece of what the robot of a job printed, in order of ``sequence`` (from 1)."""

    __tablename__ = "Job_Output"

    job_id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stream: Mapped[str] = mapped_column(String(6))
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(long_text_type())
