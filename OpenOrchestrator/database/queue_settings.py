"""Model of what a queue says about its elements. A queue without a row is one that says nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Double, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import UtcDateTime, text_type, uuid_type


class QueueSetting(Base):
    """The settings of one queue, in a row of their own, because a queue exists by having elements.

    Attributes:
        name_hash: SHA-256 of ``queue_name`` in UTF-8, in hexadecimal digits: a key that every collation compares
            exactly.
        most_attempts: How often an element is tried at most.
        pause_seconds: How long an element waits before its second attempt.
        pause_growth: By how much each later pause is longer than the one before; 1 for pauses of the same length.
        when_robot_died: Member name of WhenRobotDied.
        edition: Another one after each change; a change names the one it starts from.
    """

    __tablename__ = "Queue_Settings"

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    queue_name: Mapped[str] = mapped_column(text_type(100))
    most_attempts: Mapped[int] = mapped_column(default=1, server_default="1")
    pause_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    pause_growth: Mapped[float] = mapped_column(Double(), default=1.0, server_default="1")
    when_robot_died: Mapped[str] = mapped_column(String(20), default="ABANDON", server_default="ABANDON")
    edition: Mapped[UUID] = mapped_column(uuid_type())
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
