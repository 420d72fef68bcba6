"""Models of triggers: the rules that say when a process runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Double, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import (
    NameList,
    SchedulerNames,
    SiteDateTime,
    UtcDateTime,
    enum_type,
    text_type,
    uuid_type,
)
from OpenOrchestrator.database.statuses import RobotEnvironment, SecretPassing, TriggerStatus, TriggerType

__all__ = ["QueueTrigger", "ScheduledTrigger", "SingleTrigger", "Trigger", "TriggerStatus", "TriggerType"]


class Trigger(Base):
    """What all kinds of triggers share.

    Attributes:
        last_run: Site time of the last start.
        scheduler_whitelist: Names of the schedulers it may run on; empty means any.
        labels: What its scheduler has to carry, all of them; None and empty for nothing.
        desktop: Member name of Desktop; only SCREEN means something, and only where ``is_blocking`` is false. That it
            is exclusive is what ``is_blocking`` says, also to older clients.
        priority: Higher runs first.
        secret_passing: Member name of SecretPassing; None means AUTO.
        timeout_seconds: How long its robot may run; None means without limit.
        stop_soft_seconds: How long its robot is asked to come to an end when its time is up; None for no time.
        stop_terminate_seconds: How long it has after that before it is killed; None for the usual 5.
        keep_files: Whether a run from git finds what the one before left in its folder; None means it does not.
        environment: Member name of RobotEnvironment; None means OWN.
        entry: What of its robot's files is started, a file or a module; None means its main.py.
        run_requested_at: When somebody asked for a run now; a claim clears it.
        run_requested_by: Who did, as they call themselves.
        run_args: Arguments of that run alone, which leaves the trigger as it is; None for an ordinary run of the
            trigger with its own. Means nothing where ``run_requested_at`` is None.
        run_scheduler: Name of the one scheduler that run is for; None for any that the whitelist allows.
        run_again_of: The job that run repeats, the first of them where that was repeated as well.
        run_request_id: By which whoever asked finds the job of that run; None where nobody wants to.
        paused_at: When somebody paused it, with what follows; counts only while it is Paused or Pausing.
        paused_by: Who did, as they call themselves.
        pause_reason: Why.
        paused_until: When the pause ends by itself; None if somebody has to enable the trigger.
        failed_starts: Starts in a row that ended before a robot process existed.
        retry_times: How often a run that failed is tried again; None means never.
        retry_pause_seconds: How long the first retry waits; None means not at all.
        retry_growth: By how much each later pause is longer than the one before; None means 1.
        retry_most_seconds: How long a pause may get; None for the longest there is.
        retry_after: Member names of the JobStatus after which it is tried again, separated by commas; None means
            FAILED,TIMED_OUT.
        when_lost: Member name of WhenLost; None means LEAVE.
        pause_after_failures: After so many failed runs in a row it becomes Failed; None means 1, and 0 never.
        pools: How much of which pools a run of it needs, as a JSON object; None for nothing.
        failed_runs: How many runs in a row have failed, each with all its retries; a good one and an admin reset it.
        retry_at: When the retry that waits is due, on the database's clock; None if none waits. A single
            trigger's ``next_run`` says the same, and counts where it was set to another time since.
        retry_number: Which retry waits, from 1.
        retry_of: The first attempt of the run that it retries.
        retry_last_run: What ``last_run`` was when it was decided on; the retry counts while it still is.
        max_jobs: How many jobs of it may run at the same time; None means 1, as it always does for a single trigger.
        status_after: Set while a job was started beside another one: member name of the TriggerStatus in which the end
            of the last of them leaves it, where nobody pauses or kills it. Only IDLE lets more jobs start.
    """

    __tablename__ = "Triggers"
    __table_args__: Any = (
        Index("ix_Triggers_process_status_type", "process_status", "type"),
        Index("ix_Triggers_run_requested_at", "run_requested_at"),
        Index("ix_Triggers_paused_at", "paused_at"),
    )

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True, default=uuid4)
    trigger_name: Mapped[str] = mapped_column(text_type(100))
    process_name: Mapped[str] = mapped_column(text_type(100))
    last_run: Mapped[datetime | None] = mapped_column(SiteDateTime)
    process_path: Mapped[str] = mapped_column(text_type(250))
    process_args: Mapped[str | None] = mapped_column(text_type(1000))
    process_status: Mapped[TriggerStatus] = mapped_column(enum_type(TriggerStatus), default=TriggerStatus.IDLE)
    is_git_repo: Mapped[bool]
    git_branch: Mapped[str | None] = mapped_column(text_type(100))
    is_blocking: Mapped[bool]
    scheduler_whitelist: Mapped[list[str]] = mapped_column(SchedulerNames(250), nullable=True, default=list)
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    type: Mapped[TriggerType] = mapped_column(enum_type(TriggerType))
    secret_passing: Mapped[str | None] = mapped_column(String(20))
    timeout_seconds: Mapped[int | None]
    stop_soft_seconds: Mapped[int | None]
    stop_terminate_seconds: Mapped[int | None]
    keep_files: Mapped[bool | None]
    environment: Mapped[str | None] = mapped_column(String(20))
    entry: Mapped[str | None] = mapped_column(text_type(250))
    run_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    run_requested_by: Mapped[str | None] = mapped_column(text_type(100))
    run_args: Mapped[str | None] = mapped_column(text_type(1000))
    run_scheduler: Mapped[str | None] = mapped_column(text_type(100))
    run_again_of: Mapped[UUID | None] = mapped_column(uuid_type())
    run_request_id: Mapped[UUID | None] = mapped_column(uuid_type())
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str | None] = mapped_column(text_type(100))
    pause_reason: Mapped[str | None] = mapped_column(text_type(500))
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_starts: Mapped[int] = mapped_column(default=0, server_default="0")
    retry_times: Mapped[int | None]
    retry_pause_seconds: Mapped[int | None]
    retry_growth: Mapped[float | None] = mapped_column(Double)
    retry_most_seconds: Mapped[int | None]
    retry_after: Mapped[str | None] = mapped_column(String(40))
    when_lost: Mapped[str | None] = mapped_column(String(20))
    pause_after_failures: Mapped[int | None]
    pools: Mapped[str | None] = mapped_column(text_type(1000))
    failed_runs: Mapped[int] = mapped_column(default=0, server_default="0")
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retry_number: Mapped[int | None]
    retry_of: Mapped[UUID | None] = mapped_column(uuid_type())
    retry_last_run: Mapped[datetime | None] = mapped_column(SiteDateTime)
    max_jobs: Mapped[int | None]
    status_after: Mapped[str | None] = mapped_column(String(20))
    labels: Mapped[list[str]] = mapped_column(NameList(1200), nullable=True, default=list)
    desktop: Mapped[str | None] = mapped_column(String(20))

    __mapper_args__ = {"polymorphic_on": "type", "with_polymorphic": "*"}

    def __repr__(self) -> str:
        return f"{self.trigger_name}: {self.type.value if self.type else type(self).__name__}"

    @property
    def passing(self) -> SecretPassing:
        """How connection string and key reach its robot; an unknown stored name counts as AUTO."""
        return SecretPassing.__members__.get(self.secret_passing or "", SecretPassing.AUTO)

    @property
    def robot_environment(self) -> RobotEnvironment:
        """The environment its robot is started in; an unknown stored name counts as OWN."""
        return RobotEnvironment.__members__.get(self.environment or "", RobotEnvironment.OWN)


class SingleTrigger(Trigger):
    """Runs once.

    Attributes:
        next_run: Site time of the run; finds the candidates.
        due_at: The same instant; decides in the hour that occurs twice. None on rows of older clients.
    """

    __tablename__ = "Single_Triggers"
    __table_args__ = (Index("ix_Single_Triggers_next_run", "next_run"),)

    id: Mapped[UUID] = mapped_column(uuid_type(), ForeignKey("Triggers.id"), primary_key=True)
    next_run: Mapped[datetime] = mapped_column(SiteDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __mapper_args__ = {"polymorphic_identity": TriggerType.SINGLE}


class ScheduledTrigger(Trigger):
    """Runs by a cron expression.

    Attributes:
        next_run: Site time of the next run; finds the candidates.
        due_at: The same instant; decides in the hour that occurs twice. None on rows of older clients.
        skipped_due: The due time that was passed over because somebody asked for it; counts only while it is ahead and
            ``next_run`` is behind it.
        skipped_at: When they did.
        skipped_by: Who, as they call themselves.
        timezone: IANA name of the zone whose wall clock the expression means; None for the site's.
        calendar: Name of the calendar that says on which days it runs; None for every day.
        closed_days: Member name of ClosedDays, what becomes of the runs of closed days; None means SKIP.
        missed: Member name of MissedRuns, what becomes of runs that were missed; None means ONCE.
        missed_within_seconds: How late a run may be; None for any time.
        missed_most: How many missed runs are run where each of them is; None means DEFAULT_MOST.
    """

    __tablename__ = "Scheduled_Triggers"
    __table_args__ = (Index("ix_Scheduled_Triggers_next_run", "next_run"),)

    id: Mapped[UUID] = mapped_column(uuid_type(), ForeignKey("Triggers.id"), primary_key=True)
    cron_expr: Mapped[str] = mapped_column(text_type(200))
    next_run: Mapped[datetime] = mapped_column(SiteDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    skipped_due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    skipped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    skipped_by: Mapped[str | None] = mapped_column(text_type(100))
    timezone: Mapped[str | None] = mapped_column(text_type(100))
    calendar: Mapped[str | None] = mapped_column(text_type(100))
    closed_days: Mapped[str | None] = mapped_column(String(20))
    missed: Mapped[str | None] = mapped_column(String(20))
    missed_within_seconds: Mapped[int | None]
    missed_most: Mapped[int | None]

    __mapper_args__ = {"polymorphic_identity": TriggerType.SCHEDULED}


class QueueTrigger(Trigger):
    """Runs while its queue has at least ``min_batch_size`` new elements.

    Attributes:
        elements_per_job: Where several of its jobs may run at the same time, one of them stands for so many elements;
            None means as many as it takes to start the first.
    """

    __tablename__ = "Queue_Triggers"
    __table_args__ = (Index("ix_Queue_Triggers_queue_name", "queue_name"),)

    id: Mapped[UUID] = mapped_column(uuid_type(), ForeignKey("Triggers.id"), primary_key=True)
    queue_name: Mapped[str] = mapped_column(text_type(200))
    min_batch_size: Mapped[int]
    elements_per_job: Mapped[int | None]

    __mapper_args__ = {"polymorphic_identity": TriggerType.QUEUE}
