"""Model of log messages."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import SiteDateTime, enum_type, text_type, uuid_type
from OpenOrchestrator.database.statuses import LogLevel

__all__ = ["Log", "LogLevel"]


_OF_ELEMENT = text("element_id IS NOT NULL")


class Log(Base):
    """One message that a robot, or the scheduler about a robot, left.

    Attributes:
        log_time: Site time.
        job_id: The job it belongs to; None from older libraries and from robots run by hand.
        element_id: The queue element that the robot had in hand in a loop of ``work``; None otherwise.
    """

    __tablename__ = "Logs"
    __table_args__ = (
        Index("ix_Logs_time", "log_time", "id"),
        Index("ix_Logs_process", "process_name", "log_time", "id"),
        Index("ix_Logs_level", "log_level", "log_time", "id"),
        Index("ix_Logs_job", "job_id", "log_time", "id"),
        Index(
            "ix_Logs_element",
            "element_id",
            "log_time",
            "id",
            # Most messages are of no element, and need not be kept in order for that. MariaDB and MySQL have no such
            # condition; that of SQL Server is in the revision only, because it loads its dialect.
            postgresql_where=_OF_ELEMENT,
            sqlite_where=_OF_ELEMENT,
        ),
    )

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True, default=uuid4)
    log_time: Mapped[datetime] = mapped_column(SiteDateTime, default=datetime.now)
    log_level: Mapped[LogLevel] = mapped_column(enum_type(LogLevel))
    process_name: Mapped[str] = mapped_column(text_type(100))
    job_id: Mapped[UUID | None] = mapped_column(uuid_type())
    log_message: Mapped[str] = mapped_column(text_type(8000))
    element_id: Mapped[UUID | None] = mapped_column(uuid_type())
