"""Models of what keeps references unique: who may make elements now, and references whose elements are gone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import SiteDateTime, UtcDateTime, text_type, uuid_type


class QueueReference(Base):
    """A reference that stays taken though its element was deleted, in a queue whose references are unique for ever.

    Attributes:
        reference_hash: SHA-256 of the queue's and the reference's own in hexadecimal digits, as hexadecimal digits.
        queue_hash: Of the queue's name, as in ``Queue_Settings``.
        element_id: The element that had it.
        status: Member name of QueueStatus: how that ended.
        created_date: Site time it was made.
        kept_at: When it was deleted.
    """

    __tablename__ = "Queue_References"

    reference_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    queue_hash: Mapped[str] = mapped_column(String(64))
    element_id: Mapped[UUID] = mapped_column(uuid_type())
    status: Mapped[str] = mapped_column(String(20))
    created_date: Mapped[datetime] = mapped_column(SiteDateTime)
    kept_at: Mapped[datetime] = mapped_column(UtcDateTime)


class QueueGuard(Base):
    """A row for each queue in which references were looked for before elements were made; whoever does, locks it.

    Attributes:
        name_hash: Of the queue's name, as in ``Queue_Settings``.
        queue_name: The exact name.
    """

    __tablename__ = "Queue_Guards"

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    queue_name: Mapped[str] = mapped_column(text_type(100))
