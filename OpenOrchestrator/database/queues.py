"""Model of queue elements: the work items of robots."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Connection, Double, Index, Table, event, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from OpenOrchestrator.database import element_data
from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import (
    SiteDateTime,
    UtcDateTime,
    enum_type,
    long_text_type,
    text_type,
    uuid_type,
)
from OpenOrchestrator.database.statuses import QueueStatus

__all__ = ["QueueElement", "QueueStatus"]

_HELD = text("claim_token IS NOT NULL")
_NEW = text("status = 'NEW'")
_CONDITIONS = {"ix_Queues_token": _HELD, "ix_Queues_order": _NEW}
"""Which rows an index holds. MariaDB and MySQL have no such condition."""


class QueueElement(Base):
    """One work item.

    Attributes:
        data: What the robot needs to know. An object that was read has all of it, whatever the column holds.
        created_date: Site time it was made; of New elements with the same order, the oldest is handed out first.
        start_date: Site time it was last handed out.
        end_date: Site time it was last finished.
        job_id: The job that holds or last held it; None if unknown (older libraries, robots run by hand).
        claim_token: New at every hand-out, so that a late write of an earlier holder can be told apart. No two elements
            have the same one, so that a claim that is repeated under its token can be saved once only.
        attempt: Which attempt the current or last one is, or the next one of a New element; from 1.
        not_before: Until when an element waits that was put off. It is In Progress meanwhile, without a start date and
            held by nobody, because older programs hand out whatever is New.
        lease_until: Until when a robot without a job holds it; None where the job's own lease counts, and where no
            robot said that it would prolong one.
        deadline: Until when it should be finished.
        priority: A higher one is handed out first.
        hand_out_order: What priority and deadline come to, as a number: the lowest is handed out first, and the oldest
            of those that have the same (``element_order``). 0 for the priority 0 without a deadline, as elements of
            older programs are. One number, so that one index has the order on every kind of database.
        parent_id: The element it was made for; None for none.
        error_type: What went wrong last, such as the name of an exception's class.
        error_code: As the robot calls it.
        output: What came of it, as text or JSON.
        progress: How far the current attempt is, from 0 to 1.
        progress_text: What it is at.
        whole_data: Data that is too long for its column; see ``element_data``.
    """

    __tablename__ = "Queues"
    __table_args__ = (
        # For older programs, and to find the oldest of each status.
        Index("ix_Queues_next", "queue_name", "status", "created_date", "id"),
        # Small where it holds New elements only: what is finished does not touch it.
        Index(
            "ix_Queues_order",
            *("queue_name", "status", "hand_out_order", "created_date", "id"),
            postgresql_where=_NEW,
            sqlite_where=_NEW,
        ),
        Index("ix_Queues_created", "queue_name", "created_date", "id"),
        Index(
            "ix_Queues_reference_order",
            *("queue_name", "reference", "status", "hand_out_order", "created_date", "id"),
        ),
        # Those held by nobody, or by a robot without a job, are found by their times beneath job_id IS NULL.
        Index("ix_Queues_held", "job_id", "status", "not_before", "lease_until"),
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
    attempt: Mapped[int] = mapped_column(server_default="1")
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deadline: Mapped[datetime | None] = mapped_column(UtcDateTime)
    priority: Mapped[int] = mapped_column(server_default="0")
    hand_out_order: Mapped[int] = mapped_column(BigInteger(), server_default="0")
    parent_id: Mapped[UUID | None] = mapped_column(uuid_type())
    error_type: Mapped[str | None] = mapped_column(text_type(200))
    error_code: Mapped[str | None] = mapped_column(text_type(100))
    output: Mapped[str | None] = mapped_column(long_text_type())
    progress: Mapped[float | None] = mapped_column(Double())
    progress_text: Mapped[str | None] = mapped_column(text_type(200))
    whole_data: Mapped[str | None] = mapped_column(long_text_type())


@event.listens_for(QueueElement.__table__, "before_create")
def _say_conditions_to_sql_server(table: Table, connection: Connection, **_: Any) -> None:
    # Said above, every robot would load SQLAlchemy's dialect for SQL Server.
    if connection.dialect.name == "mssql":
        for index in table.indexes:
            if index.name in _CONDITIONS:
                index.dialect_options["mssql"]["where"] = _CONDITIONS[index.name]


@event.listens_for(QueueElement, "load")
def _have_whole_data(element: QueueElement, *_: Any) -> None:
    if element.whole_data is not None:
        set_committed_value(element, "data", element_data.whole(element.data, element.whole_data))
