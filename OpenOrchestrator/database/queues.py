"""Model of queue elements: the work items of robots."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Index, Table, event, text
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import SiteDateTime, enum_type, text_type, uuid_type
from OpenOrchestrator.database.statuses import QueueStatus

__all__ = ["QueueElement", "QueueStatus"]

_HELD = text("claim_token IS NOT NULL")


class QueueElement(Base):
    """One work item.

    Attributes:
        created_date: Site time it was made; the oldest new element is handed out first.
        start_date: Site time it was last handed out.
        end_date: Site time it was last finished.
        job_id: The job that holds or last held it; None if unknown (older libraries, robots run by hand).
        claim_token: New at every hand-out, so that a late write of an earlier holder can be told apart. No two elements
            have the same one, so that a claim that is repeated under its token can be saved once only.
    """

    __tablename__ = "Queues"
    __table_args__ = (
        Index("ix_Queues_next", "queue_name", "status", "created_date", "id"),
        Index("ix_Queues_created", "queue_name", "created_date", "id"),
        Index("ix_Queues_reference", "queue_name", "reference", "status", "created_date", "id"),
        Index("ix_Queues_job", "job_id", "status"),
        Index(
            "ix_Queues_token",
            "claim_token",
            unique=True,
            # MariaDB and MySQL have no such condition, and let any number of rows have none.
            postgresql_where=_HELD,
            sqlite_where=_HELD,
        ),
    )

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True, default=uuid4)
    queue_name: Mapped[str] = mapped_column(text_type(100))
    status: Mapped[QueueStatus] = mapped_column(enum_type(QueueStatus), default=QueueStatus.NEW)
    data: Mapped[str | None] = mapped_column(text_type(2000))
    reference: Mapped[str | None] = mapped_column(text_type(100))
    created_date: Mapped[datetime] = mapped_column(SiteDateTime, default=datetime.now)
    start_date: Mapped[datetime | None] = mapped_column(SiteDateTime)
    end_date: Mapped[datetime | None] = mapped_column(SiteDateTime)
    message: Mapped[str | None] = mapped_column(text_type(1000))
    created_by: Mapped[str | None] = mapped_column(text_type(100))
    job_id: Mapped[UUID | None] = mapped_column(uuid_type())
    claim_token: Mapped[UUID | None] = mapped_column(uuid_type())


@event.listens_for(QueueElement.__table__, "before_create")
def _say_condition_to_sql_server(table: Table, connection: Connection, **_: Any) -> None:
    # Said above, every robot would load SQLAlchemy's dialect for SQL Server.
    if connection.dialect.name == "mssql":
        (index,) = (index for index in table.indexes if index.name == "ix_Queues_token")
        index.dialect_options["mssql"]["where"] = _HELD
