"""Model of what a queue says about its elements. A queue without a row is one that says nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Double, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import UtcDateTime, long_text_type, text_type, uuid_type


class QueueSetting(Base):
    """The settings of one queue, in a row of their own, because a queue exists by having elements.

    Attributes:
        name_hash: SHA-256 of ``queue_name`` in UTF-8, in hexadecimal digits: a key that every collation compares
            exactly.
        most_attempts: How often an element is tried at most.
        pause_seconds: How long an element waits before its second attempt.
        pause_growth: By how much each later pause is longer than the one before; 1 for pauses of the same length.
        when_robot_died: Member name of WhenRobotDied.
        description: What the queue is for. Its owner and notes are in ``Annotations``.
        unique_references: Member name of UniqueReferences.
        lease_seconds: For how long a robot without a job holds an element unless it prolongs that; None for the usual.
        keep_done_days: After how many days elements that are Done may be deleted; None for never. The same for those
            that Failed and those that were Abandoned.
        json_schema: What the data of its elements has to fit, as JSON; None for anything.
        default_priority: Of elements for which none was given.
        finish_within_seconds: The deadline of elements for which none was given, from when they may be handed out.
        breaker_errors: After how many errors of robots in a row the queue is paused; None for never.
        errors_in_row: How many there were since the last element that ended well. Counted where there is a breaker.
        paused_at: Since when nothing is handed out; None where it is not paused.
        paused_by: Who paused it.
        pause_reason: Why.
        paused_until: When the pause ends by itself; None if somebody has to resume it.
        edition: Another one after each change; a change names the one it starts from. Pausing and the count of errors
            are none.
    """

    __tablename__ = "Queue_Settings"

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    queue_name: Mapped[str] = mapped_column(text_type(100))
    most_attempts: Mapped[int] = mapped_column(default=1, server_default="1")
    pause_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    pause_growth: Mapped[float] = mapped_column(Double(), default=1.0, server_default="1")
    when_robot_died: Mapped[str] = mapped_column(String(20), default="ABANDON", server_default="ABANDON")
    description: Mapped[str | None] = mapped_column(text_type(1000))
    unique_references: Mapped[str] = mapped_column(String(20), default="NONE", server_default="NONE")
    lease_seconds: Mapped[int | None]
    keep_done_days: Mapped[int | None]
    keep_failed_days: Mapped[int | None]
    keep_abandoned_days: Mapped[int | None]
    json_schema: Mapped[str | None] = mapped_column(long_text_type())
    default_priority: Mapped[int] = mapped_column(default=0, server_default="0")
    finish_within_seconds: Mapped[int | None]
    breaker_errors: Mapped[int | None]
    errors_in_row: Mapped[int] = mapped_column(default=0, server_default="0")
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str | None] = mapped_column(text_type(100))
    pause_reason: Mapped[str | None] = mapped_column(text_type(1000))
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    edition: Mapped[UUID] = mapped_column(uuid_type())
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
