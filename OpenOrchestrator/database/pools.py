"""Model of the resource pools: named counters of what robots use and there is not enough of."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import UtcDateTime, text_type, uuid_type


class Pool(Base):
    """A pool, of which triggers name how much they need.

    Attributes:
        size: How much of it may be held at once.
        claims: How often it was taken from; each claim that takes from it writes it, so that no two of them miss each
            other whatever the isolation of their transactions.
        edition: Another one after each change; a change names the one it starts from.
    """

    __tablename__ = "Pools"

    name: Mapped[str] = mapped_column(text_type(100), primary_key=True)
    size: Mapped[int]
    claims: Mapped[int] = mapped_column(default=0, server_default="0")
    edition: Mapped[UUID] = mapped_column(uuid_type())
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
