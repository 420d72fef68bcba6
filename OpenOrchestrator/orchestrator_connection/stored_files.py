"""Files of elements and jobs as robots see them.

What is stored and how is in ``stores.attachment_files``; for another owner use ``attach`` and ``files`` with its kind.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import AttachmentOwner
from OpenOrchestrator.database.stores import attachment_files, attachments
from OpenOrchestrator.database.stores.attachments import FileRow


@with_short_errors
class StoredFile:
    """A file that is stored with an element or a job.

    Attributes:
        name: Without a folder.
        media_type: What it is by its name, such as ``application/pdf``.
        size: In bytes.
        sha256: Of its content, in hexadecimal digits.
        created_at: When it was attached, aware UTC.
    """

    def __init__(self, database: Database, row: FileRow) -> None:
        self.name: str = row.name
        self.media_type: str = row.media_type
        self.size: int = row.size
        self.sha256: str = row.sha256
        self.created_at: datetime = row.created_at
        self._database = database
        self._row = row

    def __repr__(self) -> str:
        return f"StoredFile(name={self.name!r}, size={self.size})"

    def read(self) -> bytes:
        """Return its content, all of it in memory.

        Raises:
            DatabaseError: If it was deleted meanwhile, or its rows were changed.
        """
        return b"".join(attachment_files.read(self._database, self._row))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write it into a folder under its name, and return its path. A file of the same name is replaced.

        In the name, characters that file systems refuse become ``_``; it never leads out of the folder.

        Raises:
            DatabaseError: If it was deleted meanwhile, or its rows were changed; nothing is written then.
            OSError: If the folder is not there, or cannot be written.
        """
        return attachment_files.save(self._database, self._row, folder)


def attach(
    database: Database, owner: AttachmentOwner, owner_id: UUID, path: str | os.PathLike[str], name: str | None
) -> StoredFile:
    """Store a file with an element or a job; raises as ``attachment_files.attach`` does."""
    return StoredFile(database, attachment_files.attach(database, owner, owner_id, path, name=name))


def files(database: Database, owner: AttachmentOwner, owner_id: UUID) -> list[StoredFile]:
    """Return the files of an element or a job, the first one first."""
    rows = database.read(lambda session: attachments.find(session, owner, owner_id))
    return [StoredFile(database, row) for row in rows]
