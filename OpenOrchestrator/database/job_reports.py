"""Models of what robots tell about their jobs beside its columns: what came of it, and alerts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import UtcDateTime, long_text_type, text_type, uuid_type


class JobResult(Base):
    """What came of a job, in the words of its robot.

    Attributes:
        output: A text, or JSON.
        is_json: Whether it is JSON.
        changed_at: When it was said last.
    """

    __tablename__ = "Job_Results"

    job_id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True)
    output: Mapped[str] = mapped_column(long_text_type())
    is_json: Mapped[bool]
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobAlert(Base):
    """Something that a robot wants an admin to know; it is open until one says so.

    Attributes:
        process_name: Of the robot.
        dismissed_at: When an admin took note; None while it is open.
        dismissed_by: Who did, as they call themselves; None if they did not say.
    """

    __tablename__ = "Job_Alerts"
    __table_args__ = (
        Index("ix_Job_Alerts_open", "dismissed_at", "raised_at"),
        Index("ix_Job_Alerts_job", "job_id", "raised_at"),
    )

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True)
    job_id: Mapped[UUID] = mapped_column(uuid_type())
    process_name: Mapped[str] = mapped_column(text_type(100))
    message: Mapped[str] = mapped_column(text_type(1000))
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dismissed_by: Mapped[str | None] = mapped_column(text_type(100))
