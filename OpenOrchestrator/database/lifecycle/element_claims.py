"""Handing out queue elements, each exactly once.

Owns the claim. A claim is one transaction; none stays open while a robot works. Everything that is not about who holds
an element is in ``stores.queue_elements``.

A claim writes a new token into the element. The token is the fence of the element: whoever wants to write its status
later (``element_status``) says which token it holds. It is also what a claim is recognised by when the connection broke
while committing. It is then made anew under the same token, and no two elements can have one: should the first claim
arrive after all, however late, the database refuses one of the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database import element_data
from OpenOrchestrator.database.engine.driver_cursor import DriverStatement, DriverTransaction
from OpenOrchestrator.database.lifecycle.element_statements import READ_NAMES, ClaimStatements, claim_statements
from OpenOrchestrator.database.lifecycle.holding_jobs import require_running
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, QueueStatus
from OpenOrchestrator.database.stores import first_elements, queue_elements, queue_names, validation

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

_MAPPER = sa.inspect(QueueElement)
_EMPTIED = dict.fromkeys(("not_before", "lease_until", "progress", "progress_text"))
"""What a claim empties; the end of a lease is on the database's clock, and known to nobody here."""


def claim_next(
    database: Database,
    queue_name: str,
    *,
    reference: str | None = None,
    job_id: UUID | None = None,
    lease_seconds: float | None = None,
) -> QueueElement | None:
    """Hand out the first New element of a queue: it becomes In Progress and nobody else gets it.

    The first is that of the highest priority, of those that with the earliest deadline, and then the oldest. Nothing is
    handed out while the queue is paused.

    Exactly once, however many programs ask at the same time, and also when the connection breaks meanwhile: the claim
    is then recognised by its token, and saved once if it is repeated.

    Args:
        database: The database.
        queue_name: The queue.
        reference: Only elements with this reference count; None for all.
        job_id: The job that will hold it; None for robots run by hand.
        lease_seconds: For how long it is held at most unless that is prolonged (``element_leases``); None for as long
            as its job lasts or, without a job, for ever.

    Returns:
        The element as it is now, readable for ever; None if there is no New one, or the queue is paused.

    Raises:
        OwnershipLostError: If the job has ended: nothing is handed out to a robot that should not run any more.
        InvalidInputError: If queue name or reference cannot be one.
    """
    values = _wanted(database, queue_name, reference)
    token = uuid4()
    statements = claim_statements(
        database.engine.dialect,
        by_reference=reference is not None,
        by_job=job_id is not None,
        lease_seconds=lease_seconds,
    )
    values |= {"now": database.site_now(), "job_id": job_id, "token": token}
    in_doubt = False

    def work(transaction: DriverTransaction) -> QueueElement | None:
        element = _claim_once(transaction, statements, statements.claim, values)
        if element is None and in_doubt:
            # The claim given up for lost may hold the last element locked, and be about to save it.
            element = _claim_once(transaction, statements, statements.wait_and_claim, values)
            if element is None:
                element = read_back(transaction)
        return element

    def read_back(transaction: DriverTransaction) -> QueueElement | None:
        nonlocal in_doubt
        in_doubt = True
        row = transaction.row(statements.held, values)
        return None if row is None else _element(row, values)

    element = database.write_directly(work, read_back=read_back)
    if element is None and job_id is not None:
        database.read(lambda session: require_running(session.connection(), job_id))
    return element


def peek_next(database: Database, queue_name: str, *, reference: str | None = None) -> QueueElement | None:
    """Return the element that would be handed out next, without taking it; None if there is none.

    Raises:
        InvalidInputError: If queue name or reference cannot be one.
    """
    values = _wanted(database, queue_name, reference)
    return database.read(lambda session: first_elements.first_new(session, **values))


def _wanted(database: Database, queue_name: str, reference: str | None) -> dict[str, Any]:
    dialect_name = database.dialect_name
    name = queue_names.queue_name_of(queue_name, dialect_name)
    values = {"queue_name": name, "queue_hash": queue_names.name_hash(name)}
    if reference is not None:
        values["reference"] = validation.text(reference, "reference", queue_elements.REFERENCE_LENGTH, dialect_name)
    return values


def _claim_once(
    transaction: DriverTransaction, statements: ClaimStatements, claim: DriverStatement, values: dict[str, Any]
) -> QueueElement | None:
    if statements.holder is not None:
        job = transaction.row(statements.holder, values)
        if job is not None and job[0] not in ACTIVE_JOB_STATUSES:
            return None
    while True:
        try:
            row = transaction.row(claim, values)
        except (ValueError, LookupError) as error:
            raise DatabaseError(
                f"The next New element of the queue {values['queue_name']!r} cannot be handed out, because its row "
                f"holds what does not belong there: {error}. Nothing was changed. Correct the row, or delete it."
            ) from error
        if row is None:
            return None
        element = _element(row, values)
        named = {**values, "id": element.id}
        if statements.take is None or transaction.count(statements.take, named) == 1:
            return element
        if statements.respell is not None and not transaction.count(statements.respell, named):
            raise DatabaseError(
                f"The next New element of the queue {values['queue_name']!r}, {element.id}, cannot be handed out: "
                "no row is found by its id. Correct its id, or delete it."
            )


def _element(row: list[Any], values: dict[str, Any]) -> QueueElement:
    """Make the object of a row that was claimed outside a session, as if one had loaded and closed it."""
    element = QueueElement()
    read = dict(zip(READ_NAMES, row, strict=True))
    if read["whole_data"] is not None:
        read["data"] = element_data.whole(read["data"], read["whole_data"])
    # Where the models keep what was loaded; setting attributes one by one takes longer than the rest of a claim.
    vars(element).update(
        read,
        status=QueueStatus.IN_PROGRESS,
        start_date=values["now"],
        job_id=values["job_id"],
        claim_token=values["token"],
        **_EMPTIED,
    )
    sa.inspect(element).key = _MAPPER.identity_key_from_primary_key((element.id,))
    return element
