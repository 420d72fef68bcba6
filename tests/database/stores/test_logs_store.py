"""Data access of log messages: any message becomes a text that is stored."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.statuses import JobStatus, LogLevel
from OpenOrchestrator.database.stores import job_logs, logs
from OpenOrchestrator.database.stores.logs import LogFilter

START = datetime(2026, 3, 1, 8)
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 12, 1, tzinfo=timezone.utc)
SURROGATE = "\N{REPLACEMENT CHARACTER}"


def insert(database: Database, message: object, **values: Any) -> UUID:
    given = {"process_name": "p", "level": LogLevel.INFO, "job_id": None, "log_time": START, **values}
    return database.write(lambda session: logs.insert(session, message=message, **given))


def messages(database: Database, order_by: str | None = None, **options: Any) -> list[str]:
    query = {name: options.pop(name) for name in ("descending", "offset", "limit") if name in options}
    found = database.read(lambda session: logs.select(session, LogFilter(**options), order_by=order_by, **query))
    return [log.log_message for log in found]


class Unprintable:
    def __str__(self) -> str:
        raise KeyError("no text")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("text æ 😀", "text æ 😀"),
        ("", ""),
        (None, "None"),
        (5, "5"),
        ({"a": [1]}, "{'a': [1]}"),
        (b"abc", "b'abc'"),
        (ValueError("what"), "ValueError: what"),
        (KeyError(), "KeyError"),
        ("a\0b\ud800c", f"a{SURROGATE}b{SURROGATE}c"),
        (Unprintable(), "<Unprintable that cannot be shown as text: KeyError>"),
    ],
)
def test_any_message_is_stored_as_text(database: Database, message: object, text: str) -> None:
    insert(database, message)
    assert messages(database) == [text]


def test_a_log_is_stored_with_all_it_belongs_to(database: Database) -> None:
    job_id, log_id = uuid4(), uuid4()
    assert insert(database, "m", level=LogLevel.ERROR, process_name="ø" * 100, job_id=job_id, log_id=log_id) == log_id
    (log,) = database.read(lambda session: logs.select(session, LogFilter()))
    assert (log.id, log.log_time, log.log_level, log.job_id) == (log_id, START, LogLevel.ERROR, job_id)
    assert log.process_name == "ø" * 100
    assert database.read(lambda session: logs.exists(session, log_id))
    assert not database.read(lambda session: logs.exists(session, uuid4()))


@pytest.mark.parametrize("length", [8000, 8001, 8067, 8068, 8069, 9000, 100_000])
def test_of_a_long_message_beginning_and_end_are_kept(database: Database, length: int) -> None:
    message = "beginning" + "ø" * (length - 12) + "end"
    insert(database, message)
    (stored,) = messages(database)
    assert len(stored) <= 8000
    assert stored.startswith("beginning")
    assert stored.endswith("end")
    if length == 8000:
        assert stored == message
        return
    head, _, rest = stored.partition("\n[... ")
    number, _, tail = rest.partition(" characters cut ...]\n")
    assert len(head) + int(number) + len(tail) == length
    assert len(stored) == 8000


@pytest.mark.parametrize(
    "wrong", [{"process_name": "x" * 101}, {"process_name": None}, {"level": "INFO"}, {"level": None}]
)
def test_what_is_no_process_or_level_is_refused(database: Database, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        insert(database, "m", **wrong)
    assert messages(database) == []


@pytest.fixture
def filled(database: Database) -> Database:
    job_id = UUID(int=1)
    insert(database, "c", log_time=START + timedelta(hours=2), process_name="b")
    insert(database, "a", level=LogLevel.ERROR, job_id=job_id)
    insert(database, "b", log_time=START + timedelta(hours=1), process_name="b", job_id=job_id)
    return database


def test_filters(filled: Database) -> None:
    assert messages(filled) == ["c", "b", "a"]
    assert messages(filled, process_name="b") == ["c", "b"]
    assert messages(filled, log_level=LogLevel.ERROR) == ["a"]
    assert messages(filled, job_id=UUID(int=1)) == ["b", "a"]
    hour = START + timedelta(hours=1)
    assert messages(filled, from_date=hour) == ["c", "b"]
    assert messages(filled, to_date=hour) == ["b", "a"]
    assert filled.read(lambda session: logs.count(session, LogFilter(process_name="b", from_date=hour))) == 2


def test_order_and_pages(filled: Database) -> None:
    assert messages(filled, descending=False) == ["a", "b", "c"]
    assert messages(filled, "log_message", descending=False) == ["a", "b", "c"]
    assert messages(filled, "Process Name", descending=True) == ["a", "c", "b"]
    assert messages(filled, offset=1, limit=1) == ["b"]
    assert messages(filled, limit=0) == []
    assert messages(filled, limit=99_999_999, offset=0) == ["c", "b", "a"]


@pytest.mark.parametrize(
    "wrong", [{"limit": -1}, {"offset": -1}, {"order_by": "nope"}, {"log_level": "INFO"}, {"process_name": "a\0"}]
)
def test_wrong_filters_are_refused(database: Database, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        messages(database, **wrong)


def test_process_names_come_once_and_in_order_by_a_query_each(database: Database) -> None:
    def fill(session: Any) -> None:
        for name in ("b", "a", "C c", "b", "a"):
            for _ in range(20):
                logs.insert(session, process_name=name, level=LogLevel.INFO, job_id=None, message="", log_time=START)

    assert database.read(logs.process_names) == ()
    database.write(fill)
    statements: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    names = database.read(logs.process_names)
    assert sorted(names) == ["C c", "a", "b"]
    with database.connection() as connection:
        by_database = connection.scalars(sa.select(Log.process_name).distinct().order_by(Log.process_name)).all()
    assert list(names) == by_database
    assert sum("min(" in statement.lower() for statement in statements) == 4


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
@pytest.mark.parametrize(
    ("options", "index"),
    [
        ({}, "ix_Logs_time"),
        ({"process_name": "p 3"}, "ix_Logs_process"),
        ({"log_level": LogLevel.ERROR}, "ix_Logs_level"),
        ({"job_id": UUID(int=3)}, "ix_Logs_job"),
    ],
)
def test_the_first_page_reads_no_more_than_it_shows(database: Database, options: dict[str, Any], index: str) -> None:
    rows = [
        {
            "id": uuid4(),
            "log_time": START + timedelta(seconds=number),
            "log_level": LogLevel.ERROR if number % 100 == 0 else LogLevel.INFO,
            "process_name": f"p {number % 100}",
            "job_id": UUID(int=number % 500),
            "log_message": "x" * 100,
        }
        for number in range(10_000)
    ]

    def fill(session: Any) -> None:
        for start in range(0, len(rows), 1000):
            session.execute(sa.insert(Log), rows[start : start + 1000])

    database.write(fill)
    analyze = {"postgresql": "ANALYZE", "mysql": "ANALYZE TABLE `Logs`", "sqlite": "ANALYZE"}
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql(analyze[database.dialect_name]).close()
    seen: list[tuple[str, Any]] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *event: seen.append((event[2], event[3])))
    assert len(messages(database, limit=5, **options)) == 5
    statement = next(one for one in seen if one[0].startswith("SELECT"))
    prefix = {"postgresql": "EXPLAIN ", "mysql": "EXPLAIN FORMAT=JSON ", "sqlite": "EXPLAIN QUERY PLAN "}
    with database.connection() as connection:
        plan = connection.exec_driver_sql(prefix[database.dialect_name] + statement[0], statement[1]).all()
    text = " ".join(str(value) for row in plan for value in row)
    chosen = {"postgresql": f'"{index}"', "mysql": f'"key": "{index}"', "sqlite": f" {index}"}[database.dialect_name]
    assert chosen in text, text
    for word in ("Sort", "filesort", "TEMP B-TREE", "Seq Scan"):
        assert word not in text, text


def test_the_last_error_of_a_job_is_its_own_or_that_of_its_process_without_a_job(database: Database) -> None:
    job_id = uuid4()
    job = Job(id=job_id, process_name="p", scheduler_name="s", status=JobStatus.RUNNING, start_time=START)
    database.write(lambda session: session.add(job))

    def last() -> str | None:
        return database.read(lambda session: job_logs.last_error_of_job(session, job_id, now_utc=NOW, zone=COPENHAGEN))

    def log(message: str, minutes: int, level: LogLevel = LogLevel.ERROR, **values: Any) -> None:
        insert(
            database,
            message,
            level=level,
            log_time=START + timedelta(minutes=minutes),
            **{"process_name": "p"} | values,
        )

    assert last() is None
    log("before it began", -1)
    log("of another process", 1, process_name="q")
    log("of another job", 1, job_id=uuid4())
    log("no error", 1, LogLevel.INFO)
    assert last() is None
    log("first", 1)
    log("last", 2)
    assert last() == "last"
    log("its own", 1, job_id=job_id)
    assert last() == "its own"
    database.write(lambda session: session.execute(sa.update(Job).values(status=JobStatus.LOST)))
    assert last() is None, "the last one may be ours, about the end"
    assert (
        database.read(lambda session: job_logs.last_error_of_job(session, uuid4(), now_utc=NOW, zone=COPENHAGEN))
        is None
    )


# 25 October 2026: at 03:00 summer time, 01:00 UTC, the clock of Copenhagen is put back to 02:00.
FIRST_PASS = datetime(2026, 10, 25, 0, 50, tzinfo=timezone.utc)
SECOND_PASS = datetime(2026, 10, 25, 1, 10, tzinfo=timezone.utc)


def found(database: Database, *times: Any, **values: Any) -> set[str]:
    conditions = job_logs.written_between(*times, zone=COPENHAGEN, **values)
    return set(database.read(lambda session: session.scalars(sa.select(Log.log_message).where(*conditions)).all()))


def test_messages_of_what_goes_on_while_the_clock_is_put_back_are_found(database: Database) -> None:
    for hour, minute in ((1, 59), (2, 5), (2, 20), (2, 51), (3, 0)):
        insert(database, f"{hour}:{minute}", log_time=datetime(2026, 10, 25, hour, minute))
    before, after = datetime(2026, 10, 25, 2, 50), datetime(2026, 10, 25, 2, 10)
    assert found(database, before, after, NOW) == {"2:5", "2:51"}
    assert found(database, before, None, SECOND_PASS) == {"2:5", "2:20", "2:51", "3:0"}, "it goes on"
    assert found(database, before, None, FIRST_PASS) == {"2:51", "3:0"}, "the clock is not put back yet"
    assert found(database, after, before, NOW) == {"2:20"}
    assert found(database, before, datetime(2026, 10, 25, 3, 0), NOW) == {"2:5", "2:20", "2:51", "3:0"}
    assert found(database, datetime(2026, 10, 25, 1, 58), after, NOW) == {"1:59", "2:5"}
    of_second = {"until_utc": SECOND_PASS + timedelta(seconds=9)}
    assert found(database, after, datetime(2026, 10, 25, 2, 30), NOW, **of_second) == {"2:20"}
    assert found(database, before, datetime(2026, 10, 25, 3, 0), NOW, until_utc=SECOND_PASS + timedelta(hours=1)) == {
        "2:51",
        "3:0",
    }, "it began in the second of the two hours"


def test_the_last_error_is_found_while_the_clock_is_put_back(database: Database) -> None:
    job_id = uuid4()
    began = datetime(2026, 10, 25, 2, 50)
    job = Job(id=job_id, process_name="p", scheduler_name="s", status=JobStatus.RUNNING, start_time=began)
    database.write(lambda session: session.add(job))
    insert(database, "after", level=LogLevel.ERROR, process_name="p", log_time=datetime(2026, 10, 25, 2, 9))

    def last(now: datetime) -> str | None:
        return database.read(lambda session: job_logs.last_error_of_job(session, job_id, now_utc=now, zone=COPENHAGEN))

    assert last(SECOND_PASS) == "after"
    assert last(FIRST_PASS + timedelta(minutes=5)) is None
