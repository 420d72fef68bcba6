"""Models of the files of elements and jobs, which are kept in pieces."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import UtcDateTime, bytes_type, text_type, uuid_type


class Attachment(Base):
    """One file of an element or a job.

    Attributes:
        owner_kind: Member name of AttachmentOwner.
        owner_id: Id of the element or job.
        name: What it is called: a name without a folder.
        media_type: What it is, by its name, such as ``application/pdf``.
        size: In bytes.
        sha256: Of its content, in hexadecimal digits.
        created_at: When its upload began.
        completed_at: When all of it was there; None while it is stored or deleted: it is not shown then.
    """

    __tablename__ = "Attachments"
    __table_args__ = (Index("ix_Attachments_owner", "owner_id", "owner_kind"),)

    id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True)
    owner_kind: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[UUID] = mapped_column(uuid_type())
    name: Mapped[str] = mapped_column(text_type(255))
    media_type: Mapped[str] = mapped_column(text_type(100))
    size: Mapped[int] = mapped_column(BigInteger())
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AttachmentPiece(Base):
    """A piece of a file.

    Attributes:
        sequence: From 1.
        content: At most 256 KiB.
    """

    __tablename__ = "Attachment_Pieces"

    attachment_id: Mapped[UUID] = mapped_column(uuid_type(), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(bytes_type())
