"""Model of log messages."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import SiteDateTime, enum_type, text_type, uuid_type
from OpenOrchestrator.database.statuses import LogLevel

__all__ = ["Log", "LogLevel"]


class Log(Base):
    """One message that a robot, or the scheduler about a robot, left.

    Attributes:
        log_time: Site time.
        job_id: The job it belongs to; None from older libraries and from robots run by hand.
    """

    __tablename__ = "Logs"
    __table_args__ = (
        Index("ix_Logs_time", "log_time", "id"),
        Index("ix_Logs_process", "process_name", "log_time", "id"),
        Index("ix_Logs_level", "log_level", "log_time", "id"),
        Index("ix_Logs_job", "job_id", "log_time", "id"),
    )

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True, default=uuid4)
    log_time: Mapped[datetime] = mapped_column(SiteDateTime, default=datetime.now)
    log_level: Mapped[LogLevel] = mapped_column(enum_type(LogLevel))
    process_name: Mapped[str] = mapped_column(text_type(100))
    job_id: Mapped[UUID | None] = mapped_column(uuid_type())
    log_message: Mapped[str] = mapped_column(text_type(8000))
