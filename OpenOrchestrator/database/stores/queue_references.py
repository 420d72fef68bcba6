"""Which references of a queue are taken: by its elements, and by those it had.

Owns how that is found out without a race, and how a reference outlives its element. Elements that older programs insert
count like all others: what is looked at is the elements themselves. To be the only one who looks and then inserts, one
holds the queue's row of ``Queue_Guards`` until the end of the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.queue_references import QueueGuard, QueueReference
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus, UniqueReferences
from OpenOrchestrator.database.stores.queue_names import name_hash

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_AT_ONCE = 500
"""Texts named in one statement: SQL Server takes 2100 parameters at most."""
_TRIES = 5

_ELEMENTS = cast(sa.Table, QueueElement.__table__)
_KEPT = cast(sa.Table, QueueReference.__table__)
_GUARDS = cast(sa.Table, QueueGuard.__table__)
_SETTINGS = cast(sa.Table, QueueSetting.__table__)
_OPEN = _ELEMENTS.c.status.in_([sa.literal_column("'NEW'"), sa.literal_column("'IN_PROGRESS'")])


@dataclass(frozen=True, slots=True)
class Taken:
    """What has a reference.

    Attributes:
        element_id: The element.
        status: How it is, or was when it was deleted.
        created_date: Site time it was made.
        is_gone: Whether it was deleted.
    """

    element_id: UUID
    status: QueueStatus
    created_date: datetime
    is_gone: bool = False


def hold(connection: Connection, queue_name: str) -> None:
    """Be the only one who looks for references of a queue and adds elements by that, until the transaction ends.

    Waits for whoever else does. Who only adds elements does not wait.
    """
    key = name_hash(queue_name)
    # An UPDATE and no locking SELECT: where a database shows a transaction what there was at its beginning, it then
    # refuses the one that waited, which is run again.
    own = sa.update(_GUARDS).where(_GUARDS.c.name_hash == key).values(queue_name=queue_name)
    if connection.execute(own).rowcount == 1:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(_GUARDS).values(name_hash=key, queue_name=queue_name))
    except sa.exc.IntegrityError:
        connection.execute(own)  # somebody else made the row at this moment, and has ended


def taken(
    connection: Connection, queue_name: str, references: Collection[str], uniqueness: UniqueReferences | None
) -> dict[str, Taken]:
    """Return which of some references are taken in a queue, and by what: by an open element if there is one.

    Args:
        connection: An open transaction, which holds the queue if something is to be done by the answer.
        queue_name: The queue.
        references: What to look for.
        uniqueness: Among which elements. None among all that there are, whatever their status.
    """
    found: dict[str, Taken] = {}
    for some in _parts(sorted(references)):
        if uniqueness is UniqueReferences.EVER:
            hashes = {reference_hash(queue_name, reference): reference for reference in some}
            for row in connection.execute(sa.select(_KEPT).where(_KEPT.c.reference_hash.in_(hashes))):
                status = QueueStatus.__members__.get(row.status, QueueStatus.DONE)
                found[hashes[row.reference_hash]] = Taken(row.element_id, status, row.created_date, is_gone=True)
        query = sa.select(
            *(_ELEMENTS.c[name] for name in ("id", "queue_name", "reference", "status", "created_date"))
        ).where(_ELEMENTS.c.queue_name == queue_name, _ELEMENTS.c.reference.in_(some))
        if uniqueness is UniqueReferences.OPEN:
            query = query.where(_OPEN)
        wanted = set(some)
        for row in connection.execute(query):
            # A collation may find more than what is exactly the same.
            if row.queue_name != queue_name or row.reference not in wanted:
                continue
            other, known = Taken(row.id, row.status, row.created_date), found.get(row.reference)
            if known is None or _rank(other) > _rank(known):
                found[row.reference] = other
    return found


def keep(connection: Connection, element_ids: Iterable[UUID]) -> None:
    """Keep the references of elements that are about to be deleted, where their queue's are unique for ever.

    To be called before they are deleted, in the same transaction.
    """
    columns = [_ELEMENTS.c[name] for name in ("id", "queue_name", "reference", "status", "created_date")]
    for some in _parts(sorted(element_ids)):
        query = sa.select(*columns).where(_ELEMENTS.c.id.in_(some), _ELEMENTS.c.reference.is_not(None))
        rows = connection.execute(query).all()
        queues = _unique_for_ever(connection, {row.queue_name for row in rows})
        kept = {
            key: {
                "reference_hash": key,
                "queue_hash": name_hash(row.queue_name),
                "element_id": row.id,
                "status": row.status.name,
                "created_date": row.created_date,
            }
            for row in sorted(rows, key=lambda row: row.created_date)
            if row.queue_name in queues
            for key in (reference_hash(row.queue_name, row.reference),)
        }
        if kept:
            _store(connection, kept)


def reference_hash(queue_name: str, reference: str) -> str:
    """Return the key of a reference: SHA-256 of the queue's key and the reference's own, in hexadecimal digits."""
    own = sha256(reference.encode("utf-8", "surrogatepass")).hexdigest()
    return sha256((name_hash(queue_name) + own).encode("ascii")).hexdigest()


def _store(connection: Connection, kept: dict[str, dict[str, Any]]) -> None:
    now = connection.scalar(sa.select(DatabaseUtcNow()))
    for left in range(_TRIES - 1, -1, -1):
        there = connection.execute(sa.select(_KEPT.c.reference_hash).where(_KEPT.c.reference_hash.in_(kept))).scalars()
        known = set(there)
        missing = [values | {"kept_at": now} for key, values in sorted(kept.items()) if key not in known]
        if not missing:
            return
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(_KEPT), missing)
        except sa.exc.IntegrityError:  # somebody else keeps one of them at this moment
            if not left:
                raise
        else:
            return


def _unique_for_ever(connection: Connection, queue_names: Collection[str]) -> set[str]:
    hashes = {name_hash(name): name for name in queue_names}
    if not hashes:
        return set()
    query = sa.select(_SETTINGS.c.name_hash).where(
        _SETTINGS.c.name_hash.in_(hashes), _SETTINGS.c.unique_references == UniqueReferences.EVER.name
    )
    return {hashes[key] for key in connection.execute(query).scalars()}


def _rank(one: Taken) -> tuple[bool, bool, datetime]:
    return one.status in (QueueStatus.NEW, QueueStatus.IN_PROGRESS), not one.is_gone, one.created_date


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
