"""Data access of the files of elements and jobs, apart from their content: that is moved by ``attachment_files``.

Functions take an open session. A file is shown once all of its pieces are there, and until its deletion begins.
"""

from __future__ import annotations

import mimetypes
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.attachments import Attachment, AttachmentPiece
from OpenOrchestrator.database.engine.dialects import uuid_type
from OpenOrchestrator.database.engine.row_locks import alone, shared
from OpenOrchestrator.database.site import FILE_MEGABYTES, FILES_MEGABYTES, SiteSetting
from OpenOrchestrator.database.statuses import AttachmentOwner
from OpenOrchestrator.database.stores import validation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = 255
MEGABYTE = 1_000_000
DEFAULT_FILE_MEGABYTES = 20
DEFAULT_FILES_MEGABYTES = 100
MOST_MEGABYTES = 10_000
UPLOAD_HOURS = 24
"""After so long an upload that has not come to its end was interrupted."""

_TABLE = cast(sa.Table, Attachment.__table__)
_PIECES = cast(sa.Table, AttachmentPiece.__table__)
_SETTINGS = cast(sa.Table, SiteSetting.__table__)
_OWNERS = {  # not the models: few robots need both
    AttachmentOwner.ELEMENT: sa.table("Queues", sa.column("id", uuid_type())),
    AttachmentOwner.JOB: sa.table("Jobs", sa.column("id", uuid_type())),
}
_DELETED_MEANWHILE = "A file was deleted while it was attached, because what it belongs to was deleted."
_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of an element or a job, without its content.

    Attributes:
        name: Without a folder.
        media_type: Such as ``application/pdf``, by its name.
        size: In bytes.
        sha256: Of its content, in hexadecimal digits.
        created_at: Aware UTC.
    """

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How large files can be, in megabytes of a million bytes.

    Attributes:
        file_megabytes: One file.
        files_megabytes: All files of one element or job together.
    """

    file_megabytes: int = DEFAULT_FILE_MEGABYTES
    files_megabytes: int = DEFAULT_FILES_MEGABYTES


def limits(session: Session) -> FileLimits:
    """Return how large files can be: the site's settings, or the defaults where none that can be are set."""
    query = sa.select(_SETTINGS.c.name, _SETTINGS.c.value)
    rows = session.execute(query.where(_SETTINGS.c.name.in_((FILE_MEGABYTES, FILES_MEGABYTES))))
    stored: dict[str, Any] = {row.name: row.value for row in rows}
    return FileLimits(
        _megabytes(stored.get(FILE_MEGABYTES), DEFAULT_FILE_MEGABYTES),
        _megabytes(stored.get(FILES_MEGABYTES), DEFAULT_FILES_MEGABYTES),
    )


def set_limits(session: Session, wanted: FileLimits) -> None:
    """Store how large files can be, for everybody who attaches one from now on.

    Raises:
        InvalidInputError: If a number cannot be, or one file could be larger than all together.
    """
    for value in (wanted.file_megabytes, wanted.files_megabytes):
        if not 1 <= validation.integer(value, "size limit of files in MB", at_least=1) <= MOST_MEGABYTES:
            raise InvalidInputError(f"A size limit of files can be 1 to {MOST_MEGABYTES} MB, not {value}.")
    if wanted.file_megabytes > wanted.files_megabytes:
        raise InvalidInputError(
            f"One file could have {wanted.file_megabytes} MB, but all files of an element together only "
            f"{wanted.files_megabytes} MB. Give the second limit at least the value of the first."
        )
    session.merge(SiteSetting(name=FILE_MEGABYTES, value=str(wanted.file_megabytes)))
    session.merge(SiteSetting(name=FILES_MEGABYTES, value=str(wanted.files_megabytes)))


def checked_name(name: object, dialect_name: str) -> str:
    """Return the name of a file that can be stored.

    Raises:
        InvalidInputError: If it is empty, too long, or names a folder.
    """
    text = validation.name(name, "name of the file", NAME_LENGTH, dialect_name)
    if "/" in text or "\\" in text or text in (".", ".."):
        raise InvalidInputError(f"The name of the file has to be one without a folder, not {text[:80]!r}.")
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise InvalidInputError(f"The name of the file {text[:80]!r} holds a character that is not shown.")
    return text


def media_type_of(name: str) -> str:
    """Return what a file is, by its name."""
    guessed = mimetypes.guess_type(name)[0] or _UNKNOWN_TYPE
    return guessed if guessed.isascii() and len(guessed) <= 100 else _UNKNOWN_TYPE


def reserve(session: Session, row: FileRow, owner: AttachmentOwner, owner_id: UUID) -> None:
    """Begin an upload: from now on its size counts, but it is not shown.

    Raises:
        NotFoundError: If the owner is not there.
        InvalidInputError: If its files would be too large together.
    """
    _lock_owner(session, owner, owner_id)
    most = limits(session).files_megabytes * MEGABYTE
    recent = row.created_at - timedelta(hours=UPLOAD_HOURS)
    counted = sa.or_(_TABLE.c.completed_at.is_not(None), _TABLE.c.created_at > recent)
    query = sa.select(sa.func.sum(_TABLE.c.size)).where(*_of(owner, owner_id), counted)
    present = int(session.scalar(query) or 0)
    if present + row.size > most:
        raise InvalidInputError(
            f"The file {row.name} has {row.size} bytes, and the files of the {owner.value.lower()} {owner_id} have "
            f"{present} already: together they may have {most}. Nothing was attached."
        )
    values = {"owner_kind": owner.name, "owner_id": owner_id, "completed_at": None}
    columns = ("id", "name", "media_type", "size", "sha256", "created_at")
    session.execute(sa.insert(_TABLE).values({column: getattr(row, column) for column in columns} | values))


def is_reserved(session: Session, file_id: UUID) -> bool:
    """Tell whether an upload was begun."""
    return session.execute(sa.select(_TABLE.c.id).where(_TABLE.c.id == file_id)).first() is not None


def insert_pieces(session: Session, file_id: UUID, first: int, pieces: Sequence[bytes]) -> None:
    """Store pieces of a file that follow each other, the first of them with a number from 1.

    Raises:
        NotFoundError: If it was deleted meanwhile, with its owner.
    """
    file = sa.select(_TABLE.c.id).where(_TABLE.c.id == file_id)
    if session.execute(shared(file, _TABLE)).first() is None:
        raise NotFoundError(_DELETED_MEANWHILE)
    rows = [
        {"attachment_id": file_id, "sequence": first + number, "content": piece} for number, piece in enumerate(pieces)
    ]
    session.execute(sa.insert(_PIECES), rows)


def has_piece(session: Session, file_id: UUID, sequence: int) -> bool:
    """Tell whether a piece is stored."""
    return session.execute(sa.select(_PIECES.c.sequence).where(*_piece(file_id, sequence))).first() is not None


def read_piece(session: Session, file_id: UUID, sequence: int) -> bytes | None:
    """Return a piece; None if there is none of this number."""
    content = session.scalar(sa.select(_PIECES.c.content).where(*_piece(file_id, sequence)))
    return None if content is None else bytes(content)


def complete(session: Session, file_id: UUID, owner: AttachmentOwner, owner_id: UUID, *, now: datetime) -> None:
    """Show a file all of whose pieces are stored.

    Raises:
        NotFoundError: If its owner, or the file with it, was deleted meanwhile.
    """
    _lock_owner(session, owner, owner_id)
    shown = sa.update(_TABLE).where(_TABLE.c.id == file_id, _TABLE.c.completed_at.is_(None)).values(completed_at=now)
    if cast(sa.CursorResult[Any], session.execute(shown)).rowcount != 1:
        raise NotFoundError(_DELETED_MEANWHILE)


def find(session: Session, owner: AttachmentOwner, owner_id: UUID) -> tuple[FileRow, ...]:
    """Return the files of an element or a job, the first one first."""
    query = _rows().where(*_of(owner, owner_id), _TABLE.c.completed_at.is_not(None))
    rows = session.execute(query.order_by(_TABLE.c.completed_at, _TABLE.c.id))
    return tuple(FileRow(*row) for row in rows)


def get(session: Session, owner: AttachmentOwner, owner_id: UUID, file_id: UUID) -> FileRow:
    """Return a file of an element or a job.

    Raises:
        NotFoundError: If it has no such file.
    """
    query = _rows().where(_TABLE.c.id == file_id, *_of(owner, owner_id), _TABLE.c.completed_at.is_not(None))
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"The {owner.value.lower()} {owner_id} has no such file: it was deleted.")
    return FileRow(*row)


def ids_of(session: Session, owner: AttachmentOwner, owner_ids: Sequence[UUID]) -> list[UUID]:
    """Return the ids of all files of some elements or jobs, at most 500 of them, those that are not shown as well."""
    query = sa.select(_TABLE.c.id).where(_TABLE.c.owner_id.in_(owner_ids), _TABLE.c.owner_kind == owner.name)
    return list(session.scalars(query))


def find_ownerless(session: Session, *, now: datetime, most: int) -> list[UUID]:
    """Return ids of files that belong to nothing any more, and of uploads and deletions that were interrupted.

    Older programs delete an element without its files. Reads the table of files once, not their content.
    """
    gone = [
        sa.and_(_TABLE.c.owner_kind == owner.name, ~sa.exists().where(table.c.id == _TABLE.c.owner_id))
        for owner, table in _OWNERS.items()
    ]
    old = _TABLE.c.created_at < now - timedelta(hours=UPLOAD_HOURS)
    interrupted = sa.and_(_TABLE.c.completed_at.is_(None), old)
    return list(session.scalars(sa.select(_TABLE.c.id).where(sa.or_(*gone, interrupted)).limit(most)))


def hide(session: Session, file_ids: Sequence[UUID]) -> None:
    """Show files no more, because they are being deleted."""
    session.execute(sa.update(_TABLE).where(_TABLE.c.id.in_(file_ids)).values(completed_at=None))


def delete_pieces(session: Session, file_id: UUID, *, most: int) -> int:
    """Delete some pieces of a file that is hidden, and return how many there were."""
    query = sa.select(_PIECES.c.sequence).where(_PIECES.c.attachment_id == file_id).limit(most)
    numbers = session.scalars(query).all()
    if numbers:
        theirs = sa.delete(_PIECES).where(_PIECES.c.attachment_id == file_id, _PIECES.c.sequence.in_(numbers))
        session.execute(theirs)
    return len(numbers)


def delete_row(session: Session, file_id: UUID) -> None:
    """Delete a hidden file that has no pieces any more."""
    session.execute(sa.delete(_TABLE).where(_TABLE.c.id == file_id, _TABLE.c.completed_at.is_(None)))


def _rows() -> sa.Select[Any]:
    columns = (_TABLE.c.id, _TABLE.c.name, _TABLE.c.media_type, _TABLE.c.size, _TABLE.c.sha256, _TABLE.c.created_at)
    return sa.select(*columns)


def _of(owner: AttachmentOwner, owner_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return _TABLE.c.owner_id == owner_id, _TABLE.c.owner_kind == owner.name


def _piece(file_id: UUID, sequence: int) -> tuple[sa.ColumnElement[bool], ...]:
    return _PIECES.c.attachment_id == file_id, _PIECES.c.sequence == sequence


def _lock_owner(session: Session, owner: AttachmentOwner, owner_id: UUID) -> None:
    """Keep an owner from being deleted, and from getting other files, until the transaction ends."""
    table = _OWNERS[owner]
    found = session.execute(alone(sa.select(table.c.id).where(table.c.id == owner_id), table)).first()
    if found is None:
        raise NotFoundError(f"There is no {owner.value.lower()} with the id {owner_id} to attach a file to.")


def _megabytes(stored: object, default: int) -> int:
    number = int(stored) if isinstance(stored, str) and stored.isascii() and stored.isdecimal() else default
    return number if 1 <= number <= MOST_MEGABYTES else default
