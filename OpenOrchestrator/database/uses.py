"""Model of where constants, credentials and queues are used."""

from __future__ import annotations

from datetime import date

from sqlalchemy import DATE, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import text_type


class Use(Base):
    """The last day on which a process read, or wrote, a constant, a credential or a queue.

    Attributes:
        use_hash: SHA-256 of what the row is about, in hexadecimal digits: a key that every collation compares exactly.
        kind: Member name of UsedKind.
        name: Of the constant, credential or queue.
        process_name: As the robot's connection calls it.
        access: Member name of Access.
        last_day: On the site's wall clock.
    """

    __tablename__ = "Uses"
    __table_args__ = (Index("ix_Uses_kind_name", "kind", "name"), Index("ix_Uses_last_day", "last_day"))

    use_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(text_type(100))
    process_name: Mapped[str] = mapped_column(text_type(100))
    access: Mapped[str] = mapped_column(String(10))
    last_day: Mapped[date] = mapped_column(DATE)
