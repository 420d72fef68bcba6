"""Adding elements to a queue by its rules: their priority, deadline and time, and whether a reference is taken.

Owns what the rules of a queue mean for a new element, and the transaction that looks and adds. How rows are written is
in ``stores.queue_elements``, how references are found in ``stores.queue_references``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import select

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.lifecycle.waiting_elements import put_back_values
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import UniqueReferences
from OpenOrchestrator.database.stores import queue_elements, queue_rules, validation
from OpenOrchestrator.database.stores.element_order import checked_priority, hand_out_order
from OpenOrchestrator.database.stores.queue_rules import QueueRules

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.stores.queue_references import Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is wanted of new elements beside their texts. ``wishes_of`` checks it.

    Attributes:
        priority: None for that of the queue.
        not_before: Aware UTC: nobody gets them before; None for at once.
        deadline: Aware UTC; None for what the queue says.
        unique: None is added whose reference an element of the queue has already. False leaves that to the queue.
        parent_id: The element they are made for.
    """

    priority: int | None = None
    not_before: datetime | None = None
    deadline: datetime | None = None
    unique: bool = False
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class CreatedElements:
    """What became of elements that were to be added.

    Attributes:
        created: How many were added.
        existing: The references that were taken, each with the id of the element that has it. One that was given twice
            has the id of the element that was added for the first of them.
        first: The id of the first that was added; None if none was.
    """

    created: int
    existing: Mapping[str, UUID] = field(default_factory=dict)
    first: UUID | None = None


def wishes_of(
    database: Database, *, priority: object, not_before: object, deadline: object, unique: object, parent: object
) -> Wishes:
    """Return what a caller wants of new elements.

    Args:
        database: Whose clock and time zone count.
        priority: A whole number, or None.
        not_before: Site time, an instant with a time zone, a timedelta from now, or None.
        deadline: The same.
        unique: True or False.
        parent: An element, or its id, or None.

    Raises:
        InvalidInputError: If one cannot be what it is to be.
    """
    return Wishes(
        priority=None if priority is None else checked_priority(priority),
        not_before=_instant(database, not_before, "not_before"),
        deadline=_instant(database, deadline, "deadline"),
        unique=validation.flag(unique, "unique"),
        parent_id=validation.optional_identifier(getattr(parent, "id", parent), "parent element"),
    )


def create(
    database: Database,
    *,
    queue_name: str,
    reference: str | None,
    data: str | None,
    created_by: str | None,
    created_date: datetime,
    element_id: UUID,
    wishes: Wishes,
) -> QueueElement:
    """Add an element to a queue, unless its reference is taken, and return it or the one that has the reference.

    Args:
        database: Where.
        queue_name: As for ``queue_elements.create``, like the rest.
        reference: May be the one of another element, unless the queue or ``wishes`` want them unique.
        data: What the robot needs to know.
        created_by: Who made it.
        created_date: Site time.
        element_id: Its id.
        wishes: What else is wanted.

    Returns:
        The element. Where its reference is taken by one that was deleted, what is known of that.

    Raises:
        InvalidInputError: If a text cannot be stored, or the data does not fit the schema of the queue.
    """

    def work(session: Session) -> QueueElement:
        element = queue_elements.new_element(
            database.dialect_name,
            queue_name=queue_name,
            reference=reference,
            data=data,
            created_by=created_by,
            created_date=created_date,
            element_id=element_id,
        )
        return add(session, element, wishes)

    return database.write(work, read_back=lambda session: session.get(QueueElement, element_id))


def add(session: Session, element: QueueElement, wishes: Wishes) -> QueueElement:
    """Add an element that is in no session yet, unless its reference is taken, and return it or what has the reference.

    Args:
        session: An open transaction.
        element: As ``queue_elements.new_element`` returns it.
        wishes: What else is wanted.
    """
    connection = session.connection()
    rules = queue_rules.read(session, element.queue_name).rules
    present = _taken(connection, element.queue_name, [element.reference], rules, wishes)
    if element.reference is not None and element.reference in present:
        return _existing(session, element, present[element.reference])
    for name, value in _values(connection, rules, wishes).items():
        setattr(element, name, value)
    return queue_elements.save(session, element)


def create_many(
    database: Database, rows: Sequence[Mapping[str, Any]], *, created_date: datetime, wishes: Wishes
) -> CreatedElements:
    """Add the elements whose references are not taken, all of them or, if that fails, none.

    Args:
        database: Where.
        rows: As ``queue_elements.new_rows`` returns them: at least one, all of one queue.
        created_date: Site time of the first.
        wishes: What else is wanted of all.
    """
    outcome = CreatedElements(0)

    def work(session: Session) -> CreatedElements:
        nonlocal outcome
        outcome = add_rows(session, rows, created_date=created_date, wishes=wishes)
        return outcome

    def read_back(session: Session) -> CreatedElements | None:
        return outcome if outcome.first is not None and queue_elements.exists(session, outcome.first) else None

    return database.write(work, read_back=read_back)


def add_rows(
    session: Session, rows: Sequence[Mapping[str, Any]], *, created_date: datetime, wishes: Wishes
) -> CreatedElements:
    """Add the elements whose references are not taken, in an open transaction; the rest as for ``create_many``."""
    queue_name = rows[0]["queue_name"]
    connection = session.connection()
    rules = queue_rules.read(session, queue_name).rules
    added, existing = rows, {}
    if _is_unique(rules, wishes):
        present = _taken(connection, queue_name, [row["reference"] for row in rows], rules, wishes)
        existing = {reference: one.element_id for reference, one in present.items()}
        added = _first_of_each(rows, existing)
    if not added:
        return CreatedElements(0, existing)
    values = _values(connection, rules, wishes)
    queue_elements.insert_rows(session, added, created_date=created_date, values=values)
    return CreatedElements(len(added), existing, added[0]["id"])


def _instant(database: Database, value: object, what: str) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, timedelta):
            return database.utc_now() + value
        if isinstance(value, datetime):
            aware = value if value.tzinfo is not None else value.replace(tzinfo=database.zone)
            return aware.astimezone(timezone.utc)
    except OverflowError as error:
        raise InvalidInputError(f"{what} is outside of what a date can be: {value}.") from error
    raise InvalidInputError(
        f"{what} has to be a datetime (site time, or with a time zone) or a timedelta from now, not {value!r}."
    )


def _is_unique(rules: QueueRules, wishes: Wishes) -> bool:
    return wishes.unique or rules.unique_references is not UniqueReferences.NONE


def _taken(
    connection: Connection, queue_name: str, references: Sequence[str | None], rules: QueueRules, wishes: Wishes
) -> dict[str, Taken]:
    """Return which references may not be given to a new element; nobody can take one of them until the end."""
    wanted = {reference for reference in references if reference is not None}
    if not wanted or not _is_unique(rules, wishes):
        return {}
    from OpenOrchestrator.database.stores import queue_references  # noqa: PLC0415  (few queues need it)

    queue_references.hold(connection, queue_name)
    said = rules.unique_references
    return queue_references.taken(connection, queue_name, wanted, None if said is UniqueReferences.NONE else said)


def _first_of_each(rows: Sequence[Mapping[str, Any]], existing: dict[str, UUID]) -> list[Mapping[str, Any]]:
    """Return the rows whose reference is not taken, and take it for the next one that has the same."""
    added: list[Mapping[str, Any]] = []
    taken = dict(existing)
    for row in rows:
        reference = row["reference"]
        if reference in taken:
            existing[reference] = taken[reference]
            continue
        if reference is not None:
            taken[reference] = row["id"]
        added.append(row)
    return added


def _values(connection: Connection, rules: QueueRules, wishes: Wishes) -> dict[str, Any]:
    """Return the columns of a new element that are not as they are without rules and wishes."""
    values: dict[str, Any] = {}
    deadline, not_before = wishes.deadline, wishes.not_before
    if not_before is not None or (deadline is None and rules.finish_within_seconds is not None):
        now = cast("datetime", connection.scalar(select(DatabaseUtcNow())))
        if not_before is not None and not_before > now:
            values |= put_back_values(not_before)
        if deadline is None and rules.finish_within_seconds is not None:
            begin = now if not_before is None else max(now, not_before)
            deadline = begin + timedelta(seconds=rules.finish_within_seconds)
    priority = rules.default_priority if wishes.priority is None else wishes.priority
    if deadline is not None:
        values["deadline"] = deadline
    if priority or deadline is not None:
        values |= {"priority": priority, "hand_out_order": hand_out_order(priority, deadline)}
    if wishes.parent_id is not None:
        values["parent_id"] = wishes.parent_id
    return values


def _existing(session: Session, wanted: QueueElement, taken: Taken) -> QueueElement:
    element = None if taken.is_gone else session.get(QueueElement, taken.element_id)
    if element is not None:
        return element
    known = {"id": taken.element_id, "status": taken.status, "created_date": taken.created_date}
    named = {"queue_name": wanted.queue_name, "reference": wanted.reference}
    return QueueElement(**{**queue_elements.NOTHING_YET, **known, **named})
