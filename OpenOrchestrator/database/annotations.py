"""Model of what people note about triggers, queues, constants and credentials."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import NameList, UtcDateTime, long_text_type, text_type, uuid_type


class AnnotatedKind(Enum):
    """What can be annotated. The column holds member names."""

    TRIGGER = "trigger"
    QUEUE = "queue"
    CONSTANT = "constant"
    CREDENTIAL = "credential"


class Annotation(Base):
    """Notes, owner and tags of one thing, in a row of its own, so that older programs need not know of them.

    Attributes:
        kind: Member name of AnnotatedKind.
        subject_hash: SHA-256 of ``subject`` in UTF-8, in hexadecimal digits: a key that every collation compares
            exactly.
        subject: Id of the trigger, or name of the queue, constant or credential.
        tags: Short words in small letters.
        edition: Another one after each change; a change names the one it starts from.
    """

    __tablename__ = "Annotations"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(text_type(200))
    notes: Mapped[str | None] = mapped_column(long_text_type())
    owner_name: Mapped[str | None] = mapped_column(text_type(100))
    owner_mail: Mapped[str | None] = mapped_column(text_type(254))
    runbook: Mapped[str | None] = mapped_column(text_type(1000))
    tags: Mapped[list[str] | None] = mapped_column(NameList(2000))
    edition: Mapped[UUID] = mapped_column(uuid_type())
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
