"""Moving files of elements and jobs into the database, out of it, and away.

Each call is several short transactions, so that a large file holds no lock for long, and at most four pieces of it are
in memory. An upload that is interrupted leaves nothing that is shown; ``find_ownerless`` of ``attachments`` finds what
is left of it, a day later.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID, uuid4

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError
from OpenOrchestrator.database.statuses import AttachmentOwner
from OpenOrchestrator.database.stores import attachments
from OpenOrchestrator.database.stores.attachments import MEGABYTE, FileRow

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

PIECE_BYTES = 256 * 1024
_PIECES_AT_ONCE = 4
_NAME_BYTES = 200

_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f]')

_log = logging.getLogger(__name__)


def attach(
    database: Database, owner: AttachmentOwner, owner_id: UUID, path: str | os.PathLike[str], *, name: str | None = None
) -> FileRow:
    """Store a file of this machine with an element or a job, and return what was stored.

    All or nothing: it is shown when all of it is there.

    Args:
        database: The database.
        owner: What it belongs to.
        owner_id: Id of that.
        path: The file.
        name: What it is called there; None for its own name. Several files may have the same.

    Raises:
        InvalidInputError: If it cannot be read, is too large, changes while it is read, or cannot be called so.
        NotFoundError: If the element or job is not there.
    """
    source = Path(path)
    stored_name = attachments.checked_name(source.name if name is None else name, database.dialect_name)
    limit = database.read(attachments.limits).file_megabytes * MEGABYTE
    try:
        with source.open("rb") as content:
            _require_file(source, content, limit)
            size, digest = _measured(content, source, limit)
            content.seek(0)
            row = FileRow(
                uuid4(), stored_name, attachments.media_type_of(stored_name), size, digest, database.utc_now()
            )
            _upload(database, row, owner, owner_id, content)
    except OSError as error:
        raise InvalidInputError(
            f"The file {source} cannot be read: {error.strerror or error}. Nothing was attached."
        ) from error
    return row


def read(database: Database, row: FileRow) -> Iterator[bytes]:
    """Return the content of a file, piece by piece; blocks, and holds no transaction between two pieces.

    Raises:
        DatabaseError: At the end, if that was not all of it: it was deleted meanwhile, or somebody changed its rows.
    """
    digest, size, sequence = hashlib.sha256(), 0, 1
    while True:
        number = sequence
        piece = database.read(lambda session: attachments.read_piece(session, row.id, number))  # noqa: B023
        if piece is None:
            break
        digest.update(piece)
        size += len(piece)
        sequence += 1
        yield piece
    if (size, digest.hexdigest()) != (row.size, row.sha256):
        raise DatabaseError(
            f"The file {row.name} is not whole: it has {row.size} bytes, and {size} were found or these are others. "
            "It was deleted meanwhile, or its rows were changed."
        )


def save(database: Database, row: FileRow, folder: str | os.PathLike[str]) -> Path:
    """Write a file into a folder under its name, and return its path; one of the same name is replaced.

    Characters that a file system may refuse become ``_``. Nothing is written but a file in that folder, and none
    that is not whole.

    Raises:
        DatabaseError: As ``read`` does.
        OSError: If the folder is not there, or cannot be written.
    """
    target = Path(folder) / safe_name(row.name)
    handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(read(database, row))
        Path(part).replace(target)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return target


def remove(database: Database, file_ids: Sequence[UUID], *, pieces_at_once: int = 2 * _PIECES_AT_ONCE) -> None:
    """Delete files, in transactions of a few pieces each; from its beginning on they are shown no more.

    Args:
        database: The database.
        file_ids: At most 500.
        pieces_at_once: How many pieces of 256 KiB one transaction deletes.
    """
    if not file_ids:
        return
    database.write(lambda session: attachments.hide(session, file_ids))
    for file_id in file_ids:
        one = file_id
        while database.write(
            lambda session: attachments.delete_pieces(session, one, most=pieces_at_once)  # noqa: B023
        ):
            pass
        database.write(lambda session: attachments.delete_row(session, one))  # noqa: B023


def safe_name(name: str) -> str:
    """Return a name that every file system takes, for a file whose name is stored: it may have come from anywhere."""
    text = _REFUSED.sub("_", name).rstrip(". ") or "_"
    if len(text.encode()) > _NAME_BYTES:
        end = Path(text).suffix if len(Path(text).suffix) <= 20 else ""
        text = text.encode()[: _NAME_BYTES - len(end.encode())].decode(errors="ignore").rstrip(". ") + end
    return f"_{text}" if _DEVICES.match(text) else text


def _require_file(source: Path, content: BinaryIO, limit: int) -> None:
    found = os.fstat(content.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInputError(f"{source} is no file, so it cannot be attached.")
    if found.st_size > limit:
        raise _too_large(source, found.st_size, limit)


def _measured(content: BinaryIO, source: Path, limit: int) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(content):
        digest.update(piece)
        size += len(piece)
        if size > limit:  # it grows
            raise _too_large(source, size, limit)
    return size, digest.hexdigest()


def _upload(database: Database, row: FileRow, owner: AttachmentOwner, owner_id: UUID, content: BinaryIO) -> None:
    database.write(
        lambda session: attachments.reserve(session, row, owner, owner_id),
        read_back=lambda session: attachments.is_reserved(session, row.id) or None,
    )
    try:
        digest, first = hashlib.sha256(), 1
        pieces = _pieces(content)
        while some := list(islice(pieces, _PIECES_AT_ONCE)):
            for piece in some:
                digest.update(piece)
            _store(database, row.id, first, some)
            first += len(some)
        _require_same(row, digest.hexdigest())
        now = database.utc_now()
        database.write(
            lambda session: attachments.complete(session, row.id, owner, owner_id, now=now),
            read_back=lambda session: row in attachments.find(session, owner, owner_id) or None,
        )
    except BaseException:
        try:
            remove(database, [row.id])
        except DatabaseError as error:  # what went wrong first is the one to tell
            _log.warning("What was stored of the file %s is left for the next cleaning: %s", row.name, error)
        raise


def _require_same(row: FileRow, sha256: str) -> None:
    if sha256 != row.sha256:
        raise InvalidInputError(f"The file {row.name} changed while it was read. Nothing was attached.")


def _store(database: Database, file_id: UUID, first: int, pieces: Sequence[bytes]) -> None:
    database.write(
        lambda session: attachments.insert_pieces(session, file_id, first, pieces),
        read_back=lambda session: attachments.has_piece(session, file_id, first) or None,
    )


def _pieces(content: BinaryIO) -> Iterator[bytes]:
    while piece := content.read(PIECE_BYTES):
        yield piece


def _too_large(source: Path, size: int, limit: int) -> InvalidInputError:
    return InvalidInputError(
        f"The file {source} has at least {size} bytes, but a file can have {limit}. Nothing was attached."
    )
