"""The statements that hand out a queue element, for each kind of database.

Owns their SQL and what their rows hold. Must not run them: ``element_claims`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.driver_cursor import DriverStatement
from OpenOrchestrator.database.engine.exact_texts import same_text_sql
from OpenOrchestrator.database.lifecycle.holding_jobs import JOBS
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES

_TABLE = cast(sa.Table, QueueElement.__table__)
_CLAIMED = frozenset(
    {"status", "start_date", "job_id", "claim_token", "not_before", "lease_until", "progress", "progress_text"}
)
"""What a claim sets, so that it need not be read."""
_READ = [column for column in _TABLE.columns if column.name not in _CLAIMED]
READ_NAMES = [column.name for column in _READ]
"""Attributes of an element in the order in which a claim returns them; the others are what it set."""

_PARAMETERS: dict[str, Any] = {
    "queue_name": _TABLE.c.queue_name.type,
    "queue_hash": sa.String(64),
    "reference": _TABLE.c.reference.type,
    "now": _TABLE.c.start_date.type,
    "job_id": _TABLE.c.job_id.type,
    "token": _TABLE.c.claim_token.type,
    "id": _TABLE.c.id.type,
}
_ACTIVE = ", ".join(f"'{status.name}'" for status in sorted(ACTIVE_JOB_STATUSES, key=lambda status: status.name))

# What an older program left in an element that it made New goes as well.
_CLAIM = """status = 'IN_PROGRESS', start_date = :now, job_id = :job_id, claim_token = :token,
        not_before = NULL, lease_until = {lease}, progress = NULL, progress_text = NULL"""
# Statuses are literals, so that every database can plan with them and PostgreSQL casts them to its enum type.
_CANDIDATE = """{select} FROM {queues}{hint}
    WHERE {queue} AND status = 'NEW'{and_reference}{and_job}{and_free}
    ORDER BY hand_out_order, created_date, id{suffix}"""
# A row found by its key: the queue's own settings.
_AND_FREE = """
    AND NOT EXISTS (SELECT 1 FROM {settings}{hint} WHERE name_hash = :queue_hash AND paused_at IS NOT NULL
        AND (paused_until IS NULL OR paused_until > {now}))"""
_AND_JOB = " AND NOT EXISTS (SELECT 1 FROM {holder} WHERE status NOT IN ({active}))"
# The job's row is locked, for everybody who ends it abandons its elements in the same transaction: whoever comes first
# makes the other wait, and then sees what became of it. It is found by its id alone, because MariaDB and SQL Server
# let go of a row that does not fit the rest of a condition.
_LOCKED_JOB = "SELECT status FROM {jobs}{hint} WHERE id = :job_id{suffix}"
# The candidate is New in its latest version, and locked: no condition on it is needed when it is taken.
_POSTGRESQL = """WITH {holder}candidate AS ({candidate})
UPDATE {queues} AS element SET {claimed}
    WHERE element.id = (SELECT id FROM candidate)
    RETURNING {returned}"""
_MSSQL = """WITH candidate AS ({candidate})
UPDATE candidate SET {claimed}
    OUTPUT {returned}"""
_IN_ONE_STATEMENT = {"postgresql": (_POSTGRESQL, "element"), "mssql": (_MSSQL, "inserted")}
"""What takes and returns at once, and what the row is called there; elsewhere it is selected first."""
_TAKE = """UPDATE {queues} SET {claimed}
    WHERE id = :id AND status = 'NEW'"""
# SQLite compares the text of ids, and somebody else may have written one in capitals or with dashes.
_RESPELL = """UPDATE {queues} SET id = :id
    WHERE {queue} AND status = 'NEW' AND lower(replace(id, '-', '')) = :id"""
_HELD = "SELECT {columns} FROM {queues} WHERE claim_token = :token AND status = 'IN_PROGRESS'"


@dataclass(frozen=True, slots=True)
class ClaimStatements:
    """The statements that hand out one element on one kind of database.

    Attributes:
        holder: Returns the status of the claiming job and keeps it from ending, before anything is claimed in the same
            transaction; None if there is no job, or where the claim does that itself.
        claim: Takes the element and returns its row, or only selects and locks it if there is a second statement.
            Passes over what others hold locked.
        wait_and_claim: The same, but waits for what others hold locked.
        take: The second statement, in the same transaction; None where the first does it all.
        respell: Writes the id of an element as ids are found; None where every way to write one is found.
        held: Returns the row of what was taken with a token.
    """

    holder: DriverStatement | None
    claim: DriverStatement
    wait_and_claim: DriverStatement
    take: DriverStatement | None
    held: DriverStatement
    respell: DriverStatement | None


_prepared: dict[tuple[str, str, bool, bool, float | None], ClaimStatements] = {}


def claim_statements(
    dialect: sa.Dialect, *, by_reference: bool, by_job: bool, lease_seconds: float | None = None
) -> ClaimStatements:
    """Return the statements that hand out the first New element of a queue that is not paused.

    PostgreSQL and SQL Server do it in one statement that skips what others hold locked. MariaDB and MySQL cannot
    return what they update: they lock the row by selecting it. SQLite has one writer at a time, so selecting is safe.

    With a job, none of them lets it end between the look at it and the claim: that is what keeps an element from being
    handed out to a job that has just abandoned all it held. The job comes before the element, as in every transaction.

    Args:
        dialect: The kind of database.
        by_reference: Whether only elements with a certain reference count.
        by_job: Whether nothing may be handed out once the claiming job has ended.
        lease_seconds: For how long, on the database's clock, the robot holds it unless it prolongs that; None for as
            long as it likes.
    """
    key = (dialect.name, dialect.driver, by_reference, by_job, lease_seconds)
    if key not in _prepared:
        _prepared[key] = _prepare(dialect, by_reference=by_reference, by_job=by_job, lease_seconds=lease_seconds)
    return _prepared[key]


def _prepare(dialect: sa.Dialect, *, by_reference: bool, by_job: bool, lease_seconds: float | None) -> ClaimStatements:
    claimed = _CLAIM.format(lease=_lease(dialect, lease_seconds))
    quote = dialect.identifier_preparer.quote
    queues, jobs = quote(_TABLE.name), quote(JOBS.name)
    columns = ", ".join(quote(name) for name in READ_NAMES)
    take = respell = None
    if dialect.name not in _IN_ONE_STATEMENT:
        take = DriverStatement(dialect, _TAKE.format(queues=queues, claimed=claimed), parameters=_PARAMETERS)
    if dialect.name == "sqlite":
        sql = _RESPELL.format(queues=queues, queue=same_text_sql(dialect.name, "queue_name", ":queue_name"))
        respell = DriverStatement(dialect, sql, parameters=_PARAMETERS)
    types = [column.type for column in _READ]

    def claim(*, waiting: bool) -> DriverStatement:
        sql = _claim_sql(dialect, claimed, by_reference=by_reference, by_job=by_job, waiting=waiting)
        return DriverStatement(dialect, sql, parameters=_PARAMETERS, columns=types)

    return ClaimStatements(
        holder=_holder(dialect, jobs) if by_job else None,
        claim=claim(waiting=False),
        wait_and_claim=claim(waiting=True),
        take=take,
        held=DriverStatement(
            dialect, _HELD.format(columns=columns, queues=queues), parameters=_PARAMETERS, columns=types
        ),
        respell=respell,
    )


def _lease(dialect: sa.Dialect, seconds: float | None) -> str:
    if seconds is None:
        return "NULL"
    return _now(dialect, seconds)


def _now(dialect: sa.Dialect, plus_seconds: float = 0) -> str:
    return str(DatabaseUtcNow(plus_seconds).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _claim_sql(dialect: sa.Dialect, claimed: str, *, by_reference: bool, by_job: bool, waiting: bool) -> str:
    """Return what takes the first New element, or selects and locks it where that needs a second statement."""
    quote = dialect.identifier_preparer.quote
    queues, jobs = quote(_TABLE.name), quote(JOBS.name)
    columns = ", ".join(quote(name) for name in READ_NAMES)
    hint = "UPDLOCK, ROWLOCK" if waiting else "READPAST, UPDLOCK, ROWLOCK"
    lock = " LIMIT 1 FOR UPDATE" if waiting else " LIMIT 1 FOR UPDATE SKIP LOCKED"
    candidate = _CANDIDATE.format(
        select={
            "mssql": f"SELECT TOP (1) {', '.join(quote(column.name) for column in _TABLE.columns)}",
            "postgresql": "SELECT id",
        }.get(dialect.name, f"SELECT {columns}"),
        queues=queues,
        hint=f" WITH ({hint})" if dialect.name == "mssql" else "",
        queue=same_text_sql(dialect.name, "queue_name", ":queue_name"),
        and_reference=f" AND {same_text_sql(dialect.name, 'reference', ':reference')}" if by_reference else "",
        and_job=_and_job(dialect.name, jobs) if by_job else "",
        and_free=_AND_FREE.format(
            settings=quote("Queue_Settings"),
            hint=" WITH (READUNCOMMITTED)" if dialect.name == "mssql" else "",
            now=_now(dialect),
        ),
        suffix={"mssql": "", "sqlite": " LIMIT 1"}.get(dialect.name, lock),
    )
    if dialect.name not in _IN_ONE_STATEMENT:
        return candidate
    template, alias = _IN_ONE_STATEMENT[dialect.name]
    returned = ", ".join(f"{alias}.{quote(name)}" for name in READ_NAMES)
    holder = f"holder AS ({_LOCKED_JOB.format(jobs=jobs, hint='', suffix=' FOR SHARE')}), " if by_job else ""
    return template.format(holder=holder, candidate=candidate, queues=queues, claimed=claimed, returned=returned)


def _and_job(dialect_name: str, jobs: str) -> str:
    """Return the condition that the claiming job has not ended, where the claim itself looks at it."""
    if dialect_name == "postgresql":
        return _AND_JOB.format(holder="holder", active=_ACTIVE)
    if dialect_name == "sqlite":
        return _AND_JOB.format(holder=f"({_LOCKED_JOB.format(jobs=jobs, hint='', suffix='')})", active=_ACTIVE)
    return ""


def _holder(dialect: sa.Dialect, jobs: str) -> DriverStatement | None:
    if dialect.name in ("postgresql", "sqlite"):
        return None
    hint, suffix = {"mssql": (" WITH (REPEATABLEREAD, ROWLOCK)", "")}.get(dialect.name, ("", " LOCK IN SHARE MODE"))
    sql = _LOCKED_JOB.format(jobs=jobs, hint=hint, suffix=suffix)
    return DriverStatement(dialect, sql, parameters=_PARAMETERS, columns=[JOBS.c.status.type])
