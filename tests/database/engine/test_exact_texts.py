"""Names and references decide exactly, on every kind of database and whatever its collation."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
import trigger_setup as make
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.mssql import pyodbc

from OpenOrchestrator.common.errors import AlreadyExistsError, NotFoundError, SchedulerNameInUseError
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.exact_texts import SameText, TextBytes
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import element_claims, runnable_triggers
from OpenOrchestrator.database.lifecycle.element_statements import claim_statements
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import LogLevel, QueueStatus
from OpenOrchestrator.database.stores import constants, jobs, logs, queue_counts, queue_elements, schedulers
from OpenOrchestrator.database.triggers import QueueTrigger

NOW = datetime(2026, 1, 1, 1)
STORED = "Mål Å"
OTHERS = ["mål å", "MÅL Å", "Mal A", "Mål Å ", unicodedata.normalize("NFD", STORED), "Mål  Å"]
"""What collations take for the stored name, each for reasons of its own."""


@pytest.fixture(params=OTHERS, ids=["case", "capitals", "accents", "blank", "unicode form", "two blanks"])
def other(request: pytest.FixtureRequest) -> str:
    assert request.param != STORED
    return str(request.param)


def add(database: Database, queue_name: str, reference: str | None = None) -> QueueElement:
    return database.write(
        lambda session: queue_elements.create(
            session, queue_name=queue_name, reference=reference, data=None, created_by=None, created_date=NOW
        )
    )


def found(database: Database, **wanted: Any) -> int:
    filtered = queue_elements.ElementFilter(**wanted)
    counted = database.read(lambda session: queue_elements.count(session, filtered))
    assert counted == len(database.read(lambda session: queue_elements.select(session, filtered)))
    return counted


def test_a_constant_is_found_by_its_own_name_alone(database: Database, other: str) -> None:
    database.write(lambda session: constants.create(session, STORED, "value", now=NOW))
    if other.strip() == STORED:  # blanks around a name are not part of it
        other = f"x{other}"
    with pytest.raises(NotFoundError):
        database.read(lambda session: constants.get(session, other))
    with pytest.raises(NotFoundError):
        database.write(lambda session: constants.update(session, other, "changed", now=NOW))
    with pytest.raises(NotFoundError):
        database.write(lambda session: constants.delete(session, other))
    assert not database.read(lambda session: constants.has(session, Constant, other, {"value": "value"}))
    assert database.read(lambda session: constants.get(session, STORED)).value == "value"


@pytest.mark.kinds("mariadb")
def test_a_name_that_the_key_has_no_room_for_is_refused_with_the_one_that_is_there(database: Database) -> None:
    database.write(lambda session: constants.create(session, "Mål", "1", now=NOW))
    with pytest.raises(AlreadyExistsError, match="'Mål' already, which some databases cannot tell from 'mal'"):
        database.write(lambda session: constants.create(session, "mal", "2", now=NOW))


@pytest.mark.kinds("sqlite", "postgresql")
def test_names_that_only_a_collation_takes_for_the_same_have_room_beside_each_other(database: Database) -> None:
    for name in ("Mål", "mal"):
        database.write(lambda session, name=name: constants.create(session, name, name, now=NOW))
    assert database.read(lambda session: constants.get(session, "mal")).value == "mal"


def test_an_element_is_handed_out_from_its_own_queue_alone(database: Database, other: str) -> None:
    element = add(database, STORED)
    assert element_claims.claim_next(database, other) is None
    assert element_claims.peek_next(database, other) is None
    assert found(database, queue_name=other) == 0
    claimed = element_claims.claim_next(database, STORED)
    assert claimed is not None
    assert claimed.id == element.id


def test_an_element_is_handed_out_by_its_own_reference_alone(database: Database, other: str) -> None:
    element = add(database, "queue", STORED)
    assert element_claims.claim_next(database, "queue", reference=other) is None
    assert element_claims.peek_next(database, "queue", reference=other) is None
    assert found(database, queue_name="queue", reference=other) == 0
    claimed = element_claims.claim_next(database, "queue", reference=STORED)
    assert claimed is not None
    assert claimed.id == element.id


def test_of_several_that_a_collation_takes_for_the_same_the_right_one_is_handed_out(database: Database) -> None:
    for reference in (*OTHERS, STORED):
        add(database, "queue", reference)
    for reference in (STORED, *reversed(OTHERS)):
        claimed = element_claims.claim_next(database, "queue", reference=reference)
        assert claimed is not None
        assert claimed.reference == reference


def test_queues_are_counted_each_for_itself(database: Database) -> None:
    for number, name in enumerate((STORED, *OTHERS, "another")):
        make.add_elements(database, name, number + 1)
    make.add_elements(database, "another", 2, QueueStatus.DONE)
    counts = database.read(queue_counts.count_by_status)
    assert counts == {
        **{name: {QueueStatus.NEW: number + 1} for number, name in enumerate((STORED, *OTHERS))},
        "another": {QueueStatus.NEW: len(OTHERS) + 2, QueueStatus.DONE: 2},
    }


def test_a_queue_trigger_waits_for_its_own_queue(database: Database, other: str) -> None:
    make.queue(database, "small", queue_name=STORED)
    make.queue(database, "large", queue_name=STORED, min_batch_size=2)
    make.add_elements(database, other, 3)
    assert make.due_names(database) == []
    make.add_elements(database, STORED, 1)
    assert make.due_names(database) == ["small"]
    make.add_elements(database, STORED, 1)
    assert make.due_names(database) == ["large", "small"]


def test_a_trigger_is_run_by_its_own_name_alone(database: Database, other: str) -> None:
    make.single(database, STORED)
    with pytest.raises(NotFoundError):
        database.read(lambda session: runnable_triggers.require_runnable(session.connection(), "here", other))
    row = database.read(lambda session: runnable_triggers.require_runnable(session.connection(), "here", STORED))
    assert row.name == STORED


def test_logs_and_jobs_are_found_by_the_name_of_their_process(database: Database, other: str) -> None:
    def log(name: str) -> None:
        values = {"process_name": name, "level": LogLevel.INFO, "job_id": None, "message": "m", "log_time": NOW}
        database.write(lambda session: logs.insert(session, **values))

    for name in (STORED, other):
        log(name)
        database.write(lambda session, name=name: jobs.start(session, name, name, site_now=NOW))
    messages: tuple[Log, ...] = database.read(lambda s: logs.select(s, logs.LogFilter(process_name=STORED)))
    assert [message.process_name for message in messages] == [STORED]
    for wanted in (jobs.JobFilter(process_name=other), jobs.JobFilter(scheduler_name=other)):
        assert [job.process_name for job in database.read(lambda s, w=wanted: jobs.find(s, w))] == [other]


@pytest.mark.kinds("mariadb")
def test_a_scheduler_never_takes_the_row_of_another_name(database: Database) -> None:
    def enroll(name: str) -> None:
        schedulers.enroll(
            database,
            Identity(name),
            version="4",
            slots=1,
            pid=1,
            pid_started=1.0,
            host_name=name,
            previous_is_dead=lambda _pid, _identity: True,
            is_silent=lambda _hold: True,
        )

    database.write(lambda session: schedulers.ping(session, "MÅL", site_now=NOW))
    with pytest.raises(SchedulerNameInUseError, match=r"'MÅL' is known already.*cannot tell.*'mal'.*--name"):
        enroll("mal")
    enroll("mål")  # the machine's own name, written another way
    assert [row.instance is None for row in database.read(schedulers.find_all)] == [False]


def test_the_text_of_a_condition_is_no_part_of_the_prepared_statement(database: Database) -> None:
    table = QueueElement.__table__
    for text in ("a", "b"):
        add(database, text)
    for text in ("a", "b", "a"):
        query = sa.select(table.c.queue_name).where(SameText(table.c.queue_name, text))
        assert database.read(lambda session, query=query: session.scalars(query).all()) == [text]
    assert len(database.read(lambda s: s.execute(sa.select(TextBytes(table.c.queue_name)).distinct()).all())) == 2


def test_an_exact_condition_cannot_be_negated_by_mistake() -> None:
    with pytest.raises(TypeError):
        sa.not_(SameText(QueueElement.queue_name, "x"))


def _sql(statement: Any, dialect: sa.Dialect) -> str:
    return " ".join(str(statement.compile(dialect=dialect)).split())


def test_sql_server_compares_bytes_of_what_its_index_finds() -> None:
    dialect = pyodbc.dialect(paramstyle="qmark")
    table, triggers = QueueElement.__table__, QueueTrigger.__table__
    by_text = _sql(sa.select(table.c.id).where(SameText(table.c.queue_name, "x"), table.c.message.is_(None)), dialect)
    wide = "CAST(CAST({} AS NVARCHAR(4000)) AS VARBINARY(8000))"
    column = wide.format("[Queues].queue_name")
    assert f"WHERE ([Queues].queue_name = ? AND {column} = {wide.format('?')}) AND" in by_text
    by_column = _sql(sa.select(table.c.id).where(SameText(table.c.queue_name, triggers.c.queue_name)), dialect)
    other = wide.format("[Queue_Triggers].queue_name")
    assert f"WHERE ([Queues].queue_name = [Queue_Triggers].queue_name AND {column} = {other})" in by_column
    claim = claim_statements(dialect, by_reference=True, by_job=True).claim
    for name in ("queue_name", "reference"):
        assert f"{name} = ? AND {wide.format(name)} = {wide.format('?')}" in claim.sql
    values = dict.fromkeys(("now", "job_id", "token", "id", "queue_hash")) | {
        "queue_name": "q",
        "reference": "r",
    }
    assert [value for value in claim.arguments(values) if value] == ["q", "q", "r", "r"]


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()], ids=["postgresql", "sqlite"])
def test_where_texts_are_compared_exactly_anyway_nothing_is_added(dialect: sa.Dialect) -> None:
    assert "CAST" not in _sql(sa.select(QueueElement.id).where(SameText(QueueElement.queue_name, "x")), dialect)
