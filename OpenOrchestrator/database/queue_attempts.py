"""Model of the attempts at queue elements that have ended, but for those that ended well."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import SiteDateTime, long_text_type, text_type, uuid_type


class QueueAttempt(Base):
    """One hand-out of an element that did not end as Done: that is told by the element itself, and costs no row.

    Attributes:
        id: The claim token of the hand-out, so that it can be stored once only.
        attempt: Which one it was, from 1.
        job_id: The job that held it; None for a robot without one.
        scheduler_name: On which machine the job ran.
        process_name: The robot; None where nobody said.
        start_date: Site time of the hand-out.
        end_date: Site time of its end.
        ended_as: Member name of AttemptEnd.
        traceback: Of the exception that ended it, without secrets.
    """

    __tablename__ = "Queue_Attempts"
    __table_args__ = (Index("ix_Queue_Attempts_element", "element_id", "end_date"),)

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True)
    element_id: Mapped[UUID] = mapped_column(uuid_type())
    attempt: Mapped[int]
    job_id: Mapped[UUID | None] = mapped_column(uuid_type())
    scheduler_name: Mapped[str | None] = mapped_column(text_type(100))
    process_name: Mapped[str | None] = mapped_column(text_type(100))
    start_date: Mapped[datetime | None] = mapped_column(SiteDateTime)
    end_date: Mapped[datetime] = mapped_column(SiteDateTime)
    ended_as: Mapped[str] = mapped_column(String(20))
    message: Mapped[str | None] = mapped_column(text_type(1000))
    error_type: Mapped[str | None] = mapped_column(text_type(200))
    error_code: Mapped[str | None] = mapped_column(text_type(100))
    traceback: Mapped[str | None] = mapped_column(long_text_type())
