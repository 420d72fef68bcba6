"""What goes with an element that is deleted: its attempts and its files.

Statements only; the models are not loaded, because each robot waits for what is. Older programs delete an element
alone: the files that they leave behind are found by ``attachments.find_ownerless``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import uuid_type

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ATTEMPTS = sa.table("Queue_Attempts", sa.column("element_id", uuid_type()))
_IDS = sa.column("id", uuid_type()), sa.column("owner_id", uuid_type())
_FILES = sa.table("Attachments", *_IDS, sa.column("owner_kind", sa.String()))
_PIECES = sa.table("Attachment_Pieces", sa.column("attachment_id", uuid_type()))
_AT_ONCE = 500
"""How many ids in one statement: databases limit their number."""


def delete_of(session: Session, element_ids: Sequence[UUID]) -> None:
    """Delete what belongs to elements, in the transaction that deletes them."""
    for start in range(0, len(element_ids), _AT_ONCE):
        ids = element_ids[start : start + _AT_ONCE]
        session.execute(sa.delete(_ATTEMPTS).where(_ATTEMPTS.c.element_id.in_(ids)))
        owned = sa.select(_FILES.c.id).where(_FILES.c.owner_id.in_(ids), _FILES.c.owner_kind == "ELEMENT")
        # Read first: MariaDB would go through all pieces for a condition with a query in it.
        files = session.scalars(owned).all()
        for first in range(0, len(files), _AT_ONCE):
            some = files[first : first + _AT_ONCE]
            session.execute(sa.delete(_PIECES).where(_PIECES.c.attachment_id.in_(some)))
            session.execute(sa.delete(_FILES).where(_FILES.c.id.in_(some)))
