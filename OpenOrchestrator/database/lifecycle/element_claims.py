"""Handing out queue elements, each exactly once, and telling late writes of earlier holders apart.

Owns the claim statement of every kind of database, and the guard on status writes by robots. Everything that is not
about who holds an element is in ``stores.queue_elements``. A claim is one transaction; none stays open while a robot
works.

A claim writes a new token into the element. The token is the fence of the element: whoever wants to write its status
later says which token it holds. It is also what a claim is recognised by when the connection broke while committing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import NotFoundError, OwnershipLostError
from OpenOrchestrator.database.engine.dialects import enum_type, text_type, uuid_type
from OpenOrchestrator.database.engine.driver_cursor import DriverStatement, DriverTransaction
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, QueueStatus
from OpenOrchestrator.database.stores import queue_elements, validation

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from OpenOrchestrator.database.engine.database import Database

MOST_HELD_TOKENS = 10_000
"""How many unfinished elements a connection remembers; of the oldest beyond, only the job is checked."""

_ATTEMPTS = 5
"""How often a refused status write is tried when nothing forbids it any more at the second look."""

_MAPPER = sa.inspect(QueueElement)
_TABLE = cast(sa.Table, QueueElement.__table__)
# Not the model: a robot would have to wait for loading it.
_JOBS = sa.table(
    "Jobs",
    sa.column("id", uuid_type()),
    sa.column("status", enum_type(JobStatus)),
    sa.column("process_name", text_type(100)),
    sa.column("scheduler_name", text_type(100)),
    sa.column("reason", text_type(1000)),
)
_CLAIMED = frozenset({"status", "start_date", "job_id", "claim_token"})
"""What a claim sets, so that it need not be read."""
_READ = [column for column in _TABLE.columns if column.name not in _CLAIMED]
_READ_NAMES = [column.name for column in _READ]
_PARAMETERS: dict[str, Any] = {
    "queue_name": _TABLE.c.queue_name.type,
    "reference": _TABLE.c.reference.type,
    "now": _TABLE.c.start_date.type,
    "job_id": _TABLE.c.job_id.type,
    "token": _TABLE.c.claim_token.type,
    "id": _TABLE.c.id.type,
}
_ACTIVE = ", ".join(f"'{status.name}'" for status in sorted(ACTIVE_JOB_STATUSES, key=lambda status: status.name))

# Statuses are literals, so that every database can plan with them and PostgreSQL casts them to its enum type.
_CANDIDATE = """{select} FROM {queues}{hint}
    WHERE queue_name = :queue_name AND status = 'NEW'{and_reference}{and_job}
    ORDER BY created_date, id{suffix}"""
_AND_REFERENCE = " AND reference = :reference"
_AND_JOB = " AND NOT EXISTS (SELECT 1 FROM {jobs} WHERE id = :job_id AND status NOT IN ({active}))"
_POSTGRESQL = """WITH candidate AS ({candidate})
UPDATE {queues} AS element SET status = 'IN_PROGRESS', start_date = :now, job_id = :job_id, claim_token = :token
    WHERE element.id = (SELECT id FROM candidate) AND element.status = 'NEW'
    RETURNING {returned}"""
_MSSQL = """WITH candidate AS ({candidate})
UPDATE candidate SET status = 'IN_PROGRESS', start_date = :now, job_id = :job_id, claim_token = :token
    OUTPUT {returned}"""
_TAKE = """UPDATE {queues} SET status = 'IN_PROGRESS', start_date = :now, job_id = :job_id, claim_token = :token
    WHERE id = :id AND status = 'NEW'"""
_HELD = """SELECT {columns} FROM {queues}
    WHERE queue_name = :queue_name AND status = 'IN_PROGRESS' AND claim_token = :token"""


@dataclass(frozen=True, slots=True)
class ClaimStatements:
    """The statements that hand out one element on one kind of database.

    Attributes:
        claim: Takes the element and returns its row, or only selects and locks it if there is a second statement.
        take: The second statement, in the same transaction; None where the first does it all.
        held: Returns the row of what was taken with a token. Looks at what is In Progress: no index has tokens.
    """

    claim: DriverStatement
    take: DriverStatement | None
    held: DriverStatement


_prepared: dict[tuple[str, str, bool, bool], ClaimStatements] = {}


def claim_statements(dialect: sa.Dialect, *, by_reference: bool, by_job: bool) -> ClaimStatements:
    """Return the statements that hand out the oldest New element of a queue.

    PostgreSQL and SQL Server do it in one statement that skips what others hold locked. MariaDB and MySQL cannot
    return what they update: they lock the row by selecting it. SQLite has one writer at a time, so selecting is safe.

    Args:
        dialect: The kind of database.
        by_reference: Whether only elements with a certain reference count.
        by_job: Whether nothing may be handed out once the claiming job has ended.
    """
    key = (dialect.name, dialect.driver, by_reference, by_job)
    if key not in _prepared:
        _prepared[key] = _prepare(dialect, by_reference=by_reference, by_job=by_job)
    return _prepared[key]


def _prepare(dialect: sa.Dialect, *, by_reference: bool, by_job: bool) -> ClaimStatements:
    quote = dialect.identifier_preparer.quote
    queues, jobs = quote(_TABLE.name), quote(_JOBS.name)
    columns = ", ".join(quote(name) for name in _READ_NAMES)
    candidate = _CANDIDATE.format(
        select={
            "mssql": f"SELECT TOP (1) {', '.join(quote(column.name) for column in _TABLE.columns)}",
            "postgresql": "SELECT id",
        }.get(dialect.name, f"SELECT {columns}"),
        queues=queues,
        hint=" WITH (READPAST, UPDLOCK, ROWLOCK)" if dialect.name == "mssql" else "",
        and_reference=_AND_REFERENCE if by_reference else "",
        and_job=_AND_JOB.format(jobs=jobs, active=_ACTIVE) if by_job else "",
        suffix={"mssql": "", "sqlite": " LIMIT 1"}.get(dialect.name, " LIMIT 1 FOR UPDATE SKIP LOCKED"),
    )
    if dialect.name in ("postgresql", "mssql"):
        template, alias = (_MSSQL, "inserted") if dialect.name == "mssql" else (_POSTGRESQL, "element")
        returned = ", ".join(f"{alias}.{quote(name)}" for name in _READ_NAMES)
        claim, take = template.format(candidate=candidate, queues=queues, returned=returned), None
    else:
        claim, take = candidate, DriverStatement(dialect, _TAKE.format(queues=queues), parameters=_PARAMETERS)
    types = [column.type for column in _READ]
    return ClaimStatements(
        claim=DriverStatement(dialect, claim, parameters=_PARAMETERS, columns=types),
        take=take,
        held=DriverStatement(
            dialect, _HELD.format(columns=columns, queues=queues), parameters=_PARAMETERS, columns=types
        ),
    )


def claim_next(
    database: Database, queue_name: str, *, reference: str | None = None, job_id: UUID | None = None
) -> QueueElement | None:
    """Hand out the oldest New element of a queue: it becomes In Progress and nobody else gets it.

    Exactly once, however many programs ask at the same time, and also when the connection breaks meanwhile: the claim
    is then recognised by its token, and never repeated blindly.

    Args:
        database: The database.
        queue_name: The queue.
        reference: Only elements with this reference count; None for all.
        job_id: The job that will hold it; None for robots run by hand.

    Returns:
        The element as it is now, readable for ever; None if there is no New one.

    Raises:
        OwnershipLostError: If the job has ended: nothing is handed out to a robot that should not run any more.
        InvalidInputError: If queue name or reference cannot be one.
    """
    values = _wanted(database, queue_name, reference)
    token = uuid4()
    statements = claim_statements(
        database.engine.dialect, by_reference=reference is not None, by_job=job_id is not None
    )
    values |= {"now": database.site_now(), "job_id": job_id, "token": token}

    def read_back(transaction: DriverTransaction) -> QueueElement | None:
        row = transaction.row(statements.held, values)
        return None if row is None else _element(row, values)

    element = database.write_directly(
        lambda transaction: _claim_once(transaction, statements, values), read_back=read_back
    )
    if element is None and job_id is not None:
        database.read(lambda session: _require_running(session.connection(), job_id))
    return element


def peek_next(database: Database, queue_name: str, *, reference: str | None = None) -> QueueElement | None:
    """Return the element that would be handed out next, without taking it; None if there is no New one.

    Raises:
        InvalidInputError: If queue name or reference cannot be one.
    """
    values = _wanted(database, queue_name, reference)
    oldest = queue_elements.ElementFilter(status=QueueStatus.NEW, **values)
    found = database.read(
        lambda session: queue_elements.select(session, oldest, order_by="created_date", descending=False, limit=1)
    )
    return found[0] if found else None


class HeldTokens:
    """The tokens of the elements that a connection took and has not finished; of bounded size. Safe for threads."""

    def __init__(self, most: int = MOST_HELD_TOKENS) -> None:
        self._tokens: OrderedDict[UUID, UUID] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, element_id: UUID) -> UUID | None:
        """Return the token of an element, or None if the connection does not hold it as far as it remembers."""
        with self._lock:
            return self._tokens.get(element_id)

    def remember(self, element_id: UUID, token: UUID | None) -> None:
        """Keep the token of an element; None forgets it."""
        with self._lock:
            self._tokens.pop(element_id, None)
            if token is not None:
                self._tokens[element_id] = token
                if len(self._tokens) > self._most:
                    self._tokens.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWrite:
    """What a robot wants an element's status to be, and what entitles it to.

    Attributes:
        element_id: The element.
        status: The new status.
        message: Replaces the element's message; None leaves it.
        job_id: The job of the robot; None if it was started by hand.
        token: What the element was handed out with; None if the robot did not claim it.
    """

    element_id: UUID
    status: QueueStatus
    message: str | None
    job_id: UUID | None
    token: UUID | None


def write_status(database: Database, wanted: StatusWrite) -> UUID | None:
    """Write the status of an element, unless somebody else holds it now.

    Done, Failed and Abandoned set the end date, In Progress sets the start date and makes the writer the holder, New
    takes the element from whoever held it. One guarded UPDATE: of a late holder and its successor only the successor
    can write, whatever the late one read before.

    Returns:
        The token that the writer holds the element by from now on; None if it does not hold it any more.

    Raises:
        OwnershipLostError: If the element was handed out anew since, is being worked on by another running job, or
            the writer's own job has ended. Nothing was changed.
        NotFoundError: If there is no such element.
        InvalidInputError: If the message cannot be stored.
    """
    now = database.site_now()
    holds_after = (wanted.token or uuid4()) if wanted.status is QueueStatus.IN_PROGRESS else None
    values = queue_elements.status_values(database.dialect_name, wanted.status, message=wanted.message, now=now)
    if wanted.status is QueueStatus.IN_PROGRESS:
        values |= {"job_id": wanted.job_id, "claim_token": holds_after}
    update = sa.update(_TABLE).where(_TABLE.c.id == wanted.element_id, *_guards(wanted)).values(values)

    def write(connection: Connection) -> bool:
        for _ in range(_ATTEMPTS):
            if connection.execute(update).rowcount == 1:
                return True
            _raise_refusal(connection, wanted)
        raise OwnershipLostError(
            f"The status of queue element {wanted.element_id} was not set to {wanted.status.value}: others change it "
            "all the time. Read it again, and find out who else works on it."
        )

    def read_back(connection: Connection) -> bool | None:
        row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == wanted.element_id)).mappings().first()
        return True if row is not None and all(row[name] == value for name, value in values.items()) else None

    database.write_statement(write, read_back=read_back)
    return holds_after


def _wanted(database: Database, queue_name: str, reference: str | None) -> dict[str, Any]:
    dialect_name = database.dialect_name
    values = {"queue_name": queue_elements.queue_name_of(queue_name, dialect_name)}
    if reference is not None:
        values["reference"] = validation.text(reference, "reference", queue_elements.REFERENCE_LENGTH, dialect_name)
    return values


def _claim_once(
    transaction: DriverTransaction, statements: ClaimStatements, values: dict[str, Any]
) -> QueueElement | None:
    while True:
        row = transaction.row(statements.claim, values)
        if row is None:
            return None
        element = _element(row, values)
        if statements.take is None or transaction.count(statements.take, {**values, "id": element.id}) == 1:
            return element


def _element(row: list[Any], values: dict[str, Any]) -> QueueElement:
    """Make the object of a row that was claimed outside a session, as if one had loaded and closed it."""
    element = QueueElement()
    # Where the models keep what was loaded; setting attributes one by one takes longer than the rest of a claim.
    vars(element).update(
        zip(_READ_NAMES, row, strict=True),
        status=QueueStatus.IN_PROGRESS,
        start_date=values["now"],
        job_id=values["job_id"],
        claim_token=values["token"],
    )
    sa.inspect(element).key = _MAPPER.identity_key_from_primary_key((element.id,))
    return element


def _guards(wanted: StatusWrite) -> list[sa.ColumnElement[bool]]:
    """Return what has to hold for a robot to write: its job runs, and nobody else holds the element."""
    guards: list[sa.ColumnElement[bool]] = []
    active = _JOBS.c.status.in_(ACTIVE_JOB_STATUSES)
    if wanted.job_id is not None:
        guards.append(~sa.exists().where(_JOBS.c.id == wanted.job_id, sa.not_(active)))
    if wanted.token is not None:
        guards.append(_TABLE.c.claim_token == wanted.token)
        return guards
    held = [_TABLE.c.status == QueueStatus.IN_PROGRESS, _TABLE.c.job_id.is_not(None)]
    if wanted.job_id is not None:
        held.append(_TABLE.c.job_id != wanted.job_id)
    guards.append(sa.not_(sa.and_(*held, sa.exists().where(_JOBS.c.id == _TABLE.c.job_id, active))))
    return guards


def _raise_refusal(connection: Connection, wanted: StatusWrite) -> None:
    """Raise the reason why a status write was refused; return if there is none any more."""
    refused = f"The status of queue element {wanted.element_id} was not set to {wanted.status.value}"
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == wanted.element_id)).first()
    if row is None:
        raise NotFoundError(f"No queue element with the given id was found: {wanted.element_id}")
    if wanted.job_id is not None:
        _require_running(connection, wanted.job_id, f"{refused}. ")
    if wanted.token is not None and row.claim_token == wanted.token:
        return
    holder = f"job {row.job_id}" if row.job_id is not None else "a robot without a job"
    if wanted.token is not None:
        now = (
            f"It was handed out anew at {row.start_date} to {holder}."
            if row.claim_token is not None
            else f"It was put back meanwhile, and is {row.status.value} now."
        )
        raise OwnershipLostError(f"{refused}, because this robot does not hold it any more. {now} Go on to the next.")
    if row.status is QueueStatus.IN_PROGRESS and row.job_id not in (None, wanted.job_id):
        job = _find_job(connection, row.job_id)
        if job is not None and job.status in ACTIVE_JOB_STATUSES:
            raise OwnershipLostError(
                f"{refused}, because {holder} ({job.process_name} on {job.scheduler_name}) has been working on it "
                f"since {row.start_date}. Take elements with get_next_queue_element, so that each is worked on once."
            )


def _require_running(connection: Connection, job_id: UUID, refused: str = "No queue element was handed out. ") -> None:
    job = _find_job(connection, job_id)
    if job is None or job.status in ACTIVE_JOB_STATUSES:
        return
    reason = f": {job.reason}" if job.reason else ""
    raise OwnershipLostError(
        f"{refused}The job of this robot, {job_id}, has ended as {job.status.value}{reason}. Its elements may be in "
        "other hands by now, so this robot has to stop."
    )


def _find_job(connection: Connection, job_id: UUID) -> Any:
    columns = (_JOBS.c.status, _JOBS.c.reason, _JOBS.c.process_name, _JOBS.c.scheduler_name)
    return connection.execute(sa.select(*columns).where(_JOBS.c.id == job_id)).first()
