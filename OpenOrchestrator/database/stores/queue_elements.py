"""Data access of queue elements, apart from who holds one: that is in ``lifecycle``.

Functions take an open session; callers compose them as ``database.write(lambda session: ...)``. Dates are site time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database import element_data
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.engine.text_search import contains
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import FINAL_ELEMENT_STATUSES, QueueStatus
from OpenOrchestrator.database.stores import data_schemas, element_belongings, validation
from OpenOrchestrator.database.stores.queue_names import QUEUE_NAME_LENGTH, queue_name_of
from OpenOrchestrator.database.stores.shortening import storable_message

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

REFERENCE_LENGTH = 100
DATA_LENGTH = element_data.MOST_LENGTH
MESSAGE_LENGTH = 1000
CREATED_BY_LENGTH = 100

_ROWS_PER_STATEMENT = 1000

_TABLE = cast(sa.Table, QueueElement.__table__)
_EMPTY = dict.fromkeys(column.name for column in _TABLE.c if column.nullable)
NOTHING_YET: Mapping[str, Any] = {"attempt": 1, "priority": 0, "hand_out_order": 0, **_EMPTY}
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementFilter:
    """Which elements to read; None means any.

    Attributes:
        queue_name: The queue.
        reference: The exact reference; an empty one is a reference too.
        status: The status.
        from_date: Created then or later.
        to_date: Created then or earlier.
        search_term: Part of reference, data (of long data, its beginning) or message, whatever its case.
    """

    queue_name: str
    reference: str | None = None
    status: QueueStatus | None = None
    from_date: datetime | None = None
    to_date: datetime | None = None
    search_term: str | None = None


def create(
    session: Session,
    *,
    queue_name: str,
    reference: str | None,
    data: str | None,
    created_by: str | None,
    created_date: datetime,
    element_id: UUID | None = None,
) -> QueueElement:
    """Add a New element to a queue, which exists by having elements.

    Args:
        session: An open transaction.
        queue_name: The queue.
        reference: For people and robots to find it by.
        data: What the robot needs to know.
        created_by: Who made it.
        created_date: Site time; the oldest is handed out first.
        element_id: Its id, if the caller wants to recognise it after an unknown commit.

    Raises:
        InvalidInputError: If a text cannot be stored, or the data does not fit the schema of the queue.
    """
    element = new_element(
        session.get_bind().dialect.name,
        queue_name=queue_name,
        reference=reference,
        data=data,
        created_by=created_by,
        created_date=created_date,
        element_id=element_id or uuid4(),
    )
    return save(session, element)


def save(session: Session, element: QueueElement) -> QueueElement:
    """Add what ``new_element`` returned, if its data fits, and return it with its data in full."""
    data_schemas.require_fit(session, element.queue_name, element_data.whole(element.data, element.whole_data))
    session.add(element)
    if element.whole_data is not None:
        session.flush()
        set_committed_value(element, "data", element.whole_data)
    return element


def new_element(
    dialect_name: str,
    *,
    queue_name: str,
    reference: str | None,
    data: str | None,
    created_by: str | None,
    created_date: datetime,
    element_id: UUID,
) -> QueueElement:
    """Return a New element as ``create`` adds it, in no session; InvalidInputError if a text cannot be stored."""
    values = {
        "id": element_id,
        "status": QueueStatus.NEW,
        "queue_name": queue_name_of(queue_name, dialect_name),
        "reference": validation.optional_text(reference, "reference", REFERENCE_LENGTH, dialect_name),
        "created_by": validation.optional_text(created_by, "created_by", CREATED_BY_LENGTH, dialect_name),
        "created_date": created_date,
    }
    return QueueElement(**{**NOTHING_YET, **values, **data_columns(data, "data", dialect_name)})


def new_rows(
    dialect_name: str,
    *,
    queue_name: str,
    references: Iterable[str | None],
    data: Iterable[str | None] | None,
    created_by: str | None,
) -> list[dict[str, Any]]:
    """Return the rows of many New elements for ``insert_rows``.

    Args:
        dialect_name: The kind of database they are for.
        queue_name: The queue of all.
        references: One per element, or None.
        data: One per element, or None; as many as references.
        created_by: Who made them.

    Raises:
        InvalidInputError: If there are none, the numbers differ, or a text cannot be stored. Nothing is added then.
    """
    given = validation.texts(references, "references"), validation.texts(data, "data")
    if not given[0]:
        raise InvalidInputError("No reference strings were given.")
    if not given[1]:
        raise InvalidInputError("No data strings were given.")
    if len(given[0]) != len(given[1]):
        raise InvalidInputError(
            f"The number of references and data strings don't match: {len(given[0])} != {len(given[1])}."
        )
    name = queue_name_of(queue_name, dialect_name)
    creator = validation.optional_text(created_by, "created_by", CREATED_BY_LENGTH, dialect_name)
    return [
        {
            "id": uuid4(),
            "queue_name": name,
            "status": QueueStatus.NEW,
            "reference": validation.optional_text(
                reference, f"reference number {number + 1}", REFERENCE_LENGTH, dialect_name
            ),
            "created_by": creator,
        }
        | data_columns(text, f"data number {number + 1}", dialect_name)
        for number, (reference, text) in enumerate(zip(*given, strict=True))
    ]


def insert_rows(
    session: Session,
    rows: Sequence[Mapping[str, Any]],
    *,
    created_date: datetime,
    values: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Insert what ``new_rows`` returned, a microsecond apart, so that it is handed out in the given order.

    Args:
        session: An open transaction.
        rows: The elements.
        created_date: Site time of the first.
        values: Further columns that all have.
    """
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        some = enumerate(rows[start : start + _ROWS_PER_STATEMENT], start)
        batch = [{**row, **values, "created_date": created_date + number * _MICROSECOND} for number, row in some]
        if not any(row["whole_data"] for row in batch):  # as almost always: one value less for each
            batch = [{name: value for name, value in row.items() if name != "whole_data"} for row in batch]
        session.execute(sa.insert(_TABLE), batch)


def get(session: Session, element_id: UUID) -> QueueElement:
    """Return an element.

    Raises:
        NotFoundError: If there is none with this id.
    """
    element = session.get(QueueElement, element_id)
    if element is None:
        raise _not_found(element_id)
    return element


def exists(session: Session, element_id: UUID) -> bool:
    """Tell whether there is an element with this id."""
    return session.execute(sa.select(_TABLE.c.id).where(_TABLE.c.id == element_id)).first() is not None


def select(
    session: Session,
    wanted: ElementFilter,
    *,
    order_by: str | None = None,
    descending: bool = False,
    offset: int = 0,
    limit: int | None = None,
) -> tuple[QueueElement, ...]:
    """Return the elements that fit, readable after the session is closed.

    Args:
        session: An open transaction.
        wanted: Which.
        order_by: Name of a column; None means the creation date. Equal ones are ordered by creation date, then id.
        descending: The largest, newest or last first.
        offset: How many to leave out at the beginning.
        limit: How many at most; 0 returns none, None all.

    Raises:
        InvalidInputError: If an argument cannot be one.
    """
    name = validation.column(order_by, _TABLE.c.keys(), "created_date")
    first = validation.row_count(offset, "offset")
    most = None if limit is None else validation.row_count(limit, "limit")
    query = sa.select(QueueElement).where(*_conditions(wanted, session.get_bind().dialect.name))
    if most == 0:
        return ()
    keys = dict.fromkeys((name, "created_date", "id"))
    query = query.order_by(*(_TABLE.c[key].desc() if descending else _TABLE.c[key] for key in keys))
    if first:
        query = query.offset(first)
    if most is not None:
        query = query.limit(most)
    return tuple(session.scalars(query))


def count(session: Session, wanted: ElementFilter) -> int:
    """Return how many elements fit.

    Raises:
        InvalidInputError: If an argument cannot be one.
    """
    conditions = _conditions(wanted, session.get_bind().dialect.name)
    return session.scalar(sa.select(sa.func.count()).select_from(_TABLE).where(*conditions)) or 0


def status_values(dialect_name: str, status: QueueStatus, *, message: str | None, now: datetime) -> dict[str, Any]:
    """Return what a change of status changes: the start date (In Progress), the end date (an end), and who holds it.

    Args:
        dialect_name: The kind of database.
        status: The new status.
        message: Replaces the message, shortened if it is too long; None leaves it.
        now: Site time.

    Raises:
        InvalidInputError: If the status cannot be one.
    """
    values: dict[str, Any] = {"status": validation.member(status, QueueStatus, "status of a queue element")}
    if message is not None:
        values["message"] = storable_message(message, MESSAGE_LENGTH, dialect_name)
    if status is QueueStatus.IN_PROGRESS:
        values["start_date"] = now
    elif status in FINAL_ELEMENT_STATUSES:
        values["end_date"] = now
    return values | _taken_away(status)


def set_status(
    session: Session, element_id: UUID, status: QueueStatus, *, message: str | None = None, now: datetime
) -> None:
    """Set the status of an element whoever holds it, as admins do. Robots use ``element_status.write_status``.

    Who holds an element goes on to hold it while it stays In Progress, and its start date stays therefore.

    Raises:
        NotFoundError: If there is none with this id.
        InvalidInputError: If the status cannot be one.
    """
    values = status_values(session.get_bind().dialect.name, status, message=message, now=now)
    if status is QueueStatus.IN_PROGRESS:
        is_held = sa.and_(_TABLE.c.status == status, _TABLE.c.claim_token.is_not(None))
        start = _TABLE.c.start_date
        values["start_date"] = sa.case((is_held, start), else_=sa.literal(now, start.type))
    _update(session, element_id, values)


def update(session: Session, element_id: UUID, changes: Mapping[str, Any]) -> None:
    """Change columns of an element whoever holds it, as admins do; dates stay as they are unless named.

    Args:
        session: An open transaction.
        element_id: The element.
        changes: Column name to new value: reference, status, data, message, created_by, created_date, start_date,
            end_date. None empties a column that may be empty. Setting it New or Abandoned takes it from its holder.
            A message that is too long is shortened.

    Raises:
        NotFoundError: If there is none with this id.
        InvalidInputError: If a value cannot be stored.
    """
    dialect_name = session.get_bind().dialect.name
    limits = {"reference": REFERENCE_LENGTH, "created_by": CREATED_BY_LENGTH}
    values: dict[str, Any] = {}
    for column, value in changes.items():
        if column in limits:
            values[column] = validation.optional_text(value, column, limits[column], dialect_name)
        elif column == "data":
            values |= data_columns(value, column, dialect_name)
        elif column == "message":
            values[column] = None if value is None else storable_message(value, MESSAGE_LENGTH, dialect_name)
        elif column == "status":
            values[column] = validation.member(value, QueueStatus, "status of a queue element")
            values |= _taken_away(value)
        elif column in ("created_date", "start_date", "end_date"):
            if value is None and column == "created_date":
                raise InvalidInputError("The created_date of a queue element cannot be empty.")
            values[column] = value
        else:
            raise InvalidInputError(f"{column!r} of a queue element cannot be changed.")
    if values:
        _update(session, element_id, values)
    elif not exists(session, element_id):
        raise _not_found(element_id)


def delete(session: Session, element_id: UUID) -> None:
    """Delete an element with its attempts and files. Its reference stays taken where its queue's are unique for ever.

    Raises:
        NotFoundError: If there is none with this id.
    """
    from OpenOrchestrator.database.stores import queue_references  # noqa: PLC0415  (few robots delete elements)

    queue_references.keep(session.connection(), [element_id])
    if cast(Any, session.execute(sa.delete(_TABLE).where(_TABLE.c.id == element_id))).rowcount != 1:
        raise _not_found(element_id)
    element_belongings.delete_of(session, [element_id])


def data_columns(value: object, what: str, dialect_name: str) -> dict[str, str | None]:
    """Return what data of any length is stored as; raises InvalidInputError if it cannot be."""
    return element_data.columns(validation.optional_text(value, what, DATA_LENGTH, dialect_name), dialect_name)


def _taken_away(status: QueueStatus) -> dict[str, Any]:
    """Return what takes an element from whoever holds it, so that a late write of theirs is refused."""
    ended: dict[str, Any] = {"not_before": None, "lease_until": None}  # whatever it waited for, or who held it
    if status is QueueStatus.NEW:
        return ended | {"job_id": None, "claim_token": None}
    # The job that gave it up stays in it, for people to see.
    return ended | {"claim_token": None} if status is QueueStatus.ABANDONED else ended


def _update(session: Session, element_id: UUID, values: dict[str, Any]) -> None:
    if cast(Any, session.execute(sa.update(_TABLE).where(_TABLE.c.id == element_id).values(values))).rowcount != 1:
        raise _not_found(element_id)


def _conditions(wanted: ElementFilter, dialect_name: str) -> list[sa.ColumnElement[bool]]:
    queue_name = validation.text(wanted.queue_name, "queue name", QUEUE_NAME_LENGTH, dialect_name)
    reference = validation.optional_text(wanted.reference, "reference", REFERENCE_LENGTH, dialect_name)
    status = validation.optional_member(wanted.status, QueueStatus, "status of a queue element")
    conditions: list[sa.ColumnElement[bool]] = [SameText(_TABLE.c.queue_name, queue_name)]
    if reference is not None:
        conditions.append(SameText(_TABLE.c.reference, reference))
    if status is not None:
        conditions.append(_TABLE.c.status == status)
    if wanted.from_date is not None:
        conditions.append(_TABLE.c.created_date >= wanted.from_date)
    if wanted.to_date is not None:
        conditions.append(_TABLE.c.created_date <= wanted.to_date)
    if wanted.search_term:
        term = validation.text(wanted.search_term, "search term", element_data.SHORT_LENGTH, dialect_name)
        columns = (_TABLE.c.reference, _TABLE.c.data, _TABLE.c.message)
        conditions.append(sa.or_(*(contains(column, term) for column in columns)))
    return conditions


def _not_found(element_id: UUID) -> NotFoundError:
    return NotFoundError(f"No queue element with the given id was found: {element_id}")
