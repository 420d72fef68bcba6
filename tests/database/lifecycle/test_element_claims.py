"""Handing out elements exactly once, and refusing late writes of earlier holders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cutting_proxy import CuttingProxy
from sqlalchemy.dialects.mssql import pyodbc as mssql_pyodbc
from sqlalchemy.engine import make_url

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, NotFoundError, OwnershipLostError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.lifecycle.element_claims import claim_next, peek_next
from OpenOrchestrator.database.lifecycle.element_statements import claim_statements
from OpenOrchestrator.database.lifecycle.element_status import StatusWrite, write_status
from OpenOrchestrator.database.lifecycle.held_tokens import HeldTokens, Hold
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus
from OpenOrchestrator.database.stores import queue_counts, queue_elements
from OpenOrchestrator.database.stores.queue_names import name_hash

CHECKOUT = Path(__file__).resolve().parents[3]
SITE_NOW = datetime(2026, 1, 1, 1)  # what the clock of the tests shows at the site


def fill(database: Database, queue_name: str, references: list[str | None], **changes: Any) -> list[UUID]:
    rows = queue_elements.new_rows(
        database.dialect_name, queue_name=queue_name, references=references, data=references, created_by="test"
    )
    rows = [{**row, **changes} for row in rows]
    database.write(lambda session: queue_elements.insert_rows(session, rows, created_date=SITE_NOW))
    return [row["id"] for row in rows]


def stored(database: Database, element_id: UUID) -> QueueElement:
    return database.read(lambda session: queue_elements.get(session, element_id))


def add_job(database: Database, status: JobStatus, **values: Any) -> UUID:
    job = Job(id=uuid4(), process_name="other", scheduler_name="machine", status=status, start_time=SITE_NOW, **values)
    database.write(lambda session: session.add(job))
    return job.id


def write(
    database: Database,
    element_id: UUID,
    status: QueueStatus,
    *,
    message: str | None = None,
    job_id: UUID | None = None,
    token: UUID | None = None,
    since: datetime | None = None,
) -> UUID | None:
    """Write it as the holder of a token, and return the token it is held by afterwards."""
    after = write_status(
        database,
        StatusWrite(element_id=element_id, status=status, message=message, job_id=job_id, token=token, since=since),
    )
    return None if after is None else after.token


@pytest.mark.parametrize("by_job", [False, True])
@pytest.mark.parametrize("by_reference", [False, True])
@pytest.mark.parametrize("status", [status for status in QueueStatus if status is not QueueStatus.NEW])
def test_nothing_but_what_is_new_is_handed_out(
    database: Database, status: QueueStatus, by_reference: bool, by_job: bool
) -> None:
    (element_id,) = fill(database, "work", ["a"], status=status)
    job_id = add_job(database, JobStatus.RUNNING) if by_job else None
    assert claim_next(database, "work", reference="a" if by_reference else None, job_id=job_id) is None
    assert stored(database, element_id).status is status


def test_the_oldest_new_element_is_handed_out(database: Database) -> None:
    ids = fill(database, "work", ["a", "b", "c"])
    fill(database, "other", ["x"])
    database.write(
        lambda session: queue_elements.update(session, ids[2], {"created_date": SITE_NOW - timedelta(days=1)})
    )
    assert [element.reference for element in iter(lambda: claim_next(database, "work"), None)] == ["c", "a", "b"]
    assert claim_next(database, "work") is None


def test_equally_old_elements_are_handed_out_in_order_of_their_ids(database: Database) -> None:
    ids = fill(database, "work", ["a"] * 5)
    for element_id in ids:
        database.write(lambda session, one=element_id: queue_elements.update(session, one, {"created_date": SITE_NOW}))
    with database.connection() as connection:
        by_database = list(
            connection.scalars(sa.select(QueueElement.id).order_by(QueueElement.created_date, QueueElement.id))
        )
    assert [element.id for element in iter(lambda: claim_next(database, "work"), None)] == by_database


def test_a_handed_out_element_is_as_stored_and_stays_readable(database: Database, clock: SettableClock) -> None:
    (element_id,) = fill(database, "work", ["æ ü 😀"])
    job_id = add_job(database, JobStatus.RUNNING)
    clock.advance(timedelta(minutes=5))
    element = claim_next(database, "work", job_id=job_id)
    assert element is not None
    assert element.status is QueueStatus.IN_PROGRESS
    assert element.start_date == SITE_NOW + timedelta(minutes=5)
    assert element.claim_token is not None
    in_database = stored(database, element_id)
    for column in QueueElement.__table__.columns:
        assert getattr(element, column.name) == getattr(in_database, column.name), column.name
    assert sa.inspect(element).detached
    database.write(lambda session: session.merge(element))


def test_a_handed_out_element_can_be_saved_by_a_session_of_the_robot(database: Database) -> None:
    fill(database, "work", ["a"])
    element = claim_next(database, "work")
    assert element is not None

    def change(session: Any) -> None:
        session.add(element)
        element.data = "changed"

    database.write(change)
    assert stored(database, element.id).data == "changed"


def test_only_elements_with_the_reference_are_handed_out(database: Database) -> None:
    fill(database, "work", ["a", "b", "", None])
    assert claim_next(database, "work", reference="c") is None
    chosen = claim_next(database, "work", reference="b")
    assert chosen is not None
    assert chosen.reference == "b"
    empty = claim_next(database, "work", reference="")
    assert empty is not None
    assert empty.reference == ""
    assert claim_next(database, "work", reference="") is None


def test_looking_takes_nothing(database: Database) -> None:
    ids = fill(database, "work", ["a", "b"])
    for _ in range(2):
        seen = peek_next(database, "work")
        assert seen is not None
        assert (seen.id, seen.status) == (ids[0], QueueStatus.NEW)
    assert peek_next(database, "work", reference="b").id == ids[1]
    assert peek_next(database, "none") is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0b", "\ud800", None])
def test_what_cannot_be_a_queue_is_refused(database: Database, name: Any) -> None:
    with pytest.raises(InvalidInputError, match="queue name"):
        claim_next(database, name)


WORKER = """
import sys
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.engine.database import Database
database = Database(sys.argv[1])
claim_next(database, "warm")
print("ready", flush=True)
sys.stdin.readline()
while (element := claim_next(database, "work")) is not None:
    print(element.id)
"""


def test_processes_at_the_same_time_get_every_element_once(database: Database) -> None:
    ids = fill(database, "work", [str(number) for number in range(400)])
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, database.connection_string],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == "ready"
    claimed: list[UUID] = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0
        claimed += [UUID(line) for line in output.split()]
    assert len(claimed) == len(set(claimed)) == 400
    assert set(claimed) == set(ids)


@pytest.mark.kinds("postgresql", "mariadb")
def test_what_somebody_else_is_about_to_take_is_passed_over(database: Database) -> None:
    ids = fill(database, "work", ["a", "b"])
    with database.connection(writing=True) as connection:
        connection.execute(sa.select(QueueElement.id).where(QueueElement.id == ids[0]).with_for_update())
        assert claim_next(database, "work").id == ids[1]
        assert claim_next(database, "work") is None
    assert claim_next(database, "work").id == ids[0]


@pytest.fixture
def proxy(database: Database) -> Iterator[CuttingProxy]:
    url = make_url(database.connection_string)
    proxy = CuttingProxy(str(url.host), int(url.port or 0))
    yield proxy
    proxy.close()


@pytest.fixture
def through_proxy(database: Database, proxy: CuttingProxy, clock: SettableClock) -> Iterator[Database]:
    url = make_url(database.connection_string).set(host="127.0.0.1", port=proxy.port)
    behind = Database(url.render_as_string(hide_password=False), clock=clock)
    assert claim_next(behind, "none") is None
    yield behind
    behind.close()


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize("arrived", [True, False])
def test_a_claim_whose_connection_breaks_takes_one_element(
    database: Database, through_proxy: Database, proxy: CuttingProxy, arrived: bool
) -> None:
    ids = fill(database, "work", ["a", "b"])
    saving = {"postgresql": b"SKIP LOCKED", "mysql": b"COMMIT"}[database.dialect_name]
    proxy.cut_after(saving, forward=arrived)
    element = claim_next(through_proxy, "work")
    assert proxy.cuts == 1
    assert element is not None
    assert element.id == ids[0]
    in_database = stored(database, ids[0])
    assert (in_database.status, in_database.claim_token) == (QueueStatus.IN_PROGRESS, element.claim_token)
    assert stored(database, ids[1]).status is QueueStatus.NEW


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize("arrived", [True, False])
def test_a_status_write_whose_connection_breaks_is_made_once(
    database: Database, through_proxy: Database, proxy: CuttingProxy, arrived: bool
) -> None:
    (element_id,) = fill(database, "work", ["a"])
    element = claim_next(through_proxy, "work")
    assert element is not None
    saving = {"postgresql": b"UPDATE", "mysql": b"COMMIT"}[database.dialect_name]
    proxy.cut_after(saving, forward=arrived)
    write(through_proxy, element_id, QueueStatus.DONE, message="done", token=element.claim_token)
    assert proxy.cuts == 1
    assert (stored(database, element_id).status, stored(database, element_id).message) == (QueueStatus.DONE, "done")


def in_progress(database: Database) -> list[tuple[UUID, UUID | None]]:
    wanted = sa.select(QueueElement.id, QueueElement.claim_token).where(QueueElement.status == QueueStatus.IN_PROGRESS)
    return database.read(lambda session: [(row.id, row.claim_token) for row in session.execute(wanted)])


@pytest.mark.kinds("postgresql")  # elsewhere it is the commit that comes late, when the rows are locked already
@pytest.mark.parametrize("finished", [True, False])
def test_a_claim_that_arrives_after_it_was_repeated_takes_nothing(
    database: Database, through_proxy: Database, proxy: CuttingProxy, finished: bool
) -> None:
    ids = fill(database, "work", ["a", "b"])
    proxy.cut_and_hold(b"SKIP LOCKED")
    element = claim_next(through_proxy, "work")
    assert element is not None
    assert element.id == ids[0]
    if finished:
        write(through_proxy, element.id, QueueStatus.DONE, token=element.claim_token)

    proxy.deliver()

    assert in_progress(database) == ([] if finished else [(ids[0], element.claim_token)])
    assert stored(database, ids[1]).status is QueueStatus.NEW


@pytest.mark.kinds("mariadb")
def test_a_claim_that_is_saved_while_it_is_repeated_is_the_one_that_counts(
    database: Database, through_proxy: Database, proxy: CuttingProxy
) -> None:
    ids = fill(database, "work", ["a", "b"])
    proxy.cut_and_hold(b"COMMIT", deliver_after=lambda data: b"UPDATE" in data and b"SET status" in data)
    element = claim_next(through_proxy, "work")
    assert proxy.cuts == 1
    assert element is not None
    assert element.id == ids[0]
    assert in_progress(database) == [(ids[0], element.claim_token)]


@pytest.mark.kinds("mariadb")
def test_a_queue_is_not_empty_while_a_claim_of_ones_own_may_still_be_saved(
    database: Database, through_proxy: Database, proxy: CuttingProxy
) -> None:
    ids = fill(database, "work", ["a"])
    proxy.cut_and_hold(b"COMMIT", deliver_after=lambda data: data.endswith(b"FOR UPDATE"))
    element = claim_next(through_proxy, "work")
    assert proxy.cuts == 1
    assert element is not None
    assert in_progress(database) == [(ids[0], element.claim_token)]


def test_no_two_elements_have_the_same_token(database: Database) -> None:
    fill(database, "work", ["a", "b", "c"])
    element = claim_next(database, "work")
    assert element is not None
    claim_next(database, "work")
    same = sa.update(QueueElement).where(QueueElement.reference == "b").values(claim_token=element.claim_token)
    with pytest.raises(DatabaseError):
        database.write(lambda session: session.execute(same))


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize(
    ("late", "then"),
    [(QueueStatus.IN_PROGRESS, QueueStatus.DONE), (QueueStatus.DONE, QueueStatus.FAILED)],
)
def test_a_status_write_that_arrives_after_it_was_repeated_changes_nothing(
    database: Database, through_proxy: Database, proxy: CuttingProxy, late: QueueStatus, then: QueueStatus
) -> None:
    (element_id,) = fill(database, "work", ["a"])
    element = claim_next(through_proxy, "work")
    assert element is not None
    proxy.cut_and_hold(b"UPDATE")
    write(through_proxy, element_id, late, message="first", token=element.claim_token)
    assert proxy.cuts == 1
    write(through_proxy, element_id, then, message="then", token=element.claim_token)

    proxy.deliver()

    assert (stored(database, element_id).status, stored(database, element_id).message) == (then, "then")


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_connection_closed_by_the_server_is_replaced(database: Database) -> None:
    fill(database, "work", ["a", "b"])
    assert claim_next(database, "work").reference == "a"
    url = make_url(database.connection_string)
    other = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        if database.dialect_name == "postgresql":
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        else:
            query = "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> connection_id()"
            for number in connection.exec_driver_sql(query, (url.database,)).scalars().all():
                connection.exec_driver_sql(f"KILL {number}")
    assert claim_next(database, "work").reference == "b"


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_robot_uses_one_connection_for_claims_and_all_the_rest(database: Database) -> None:
    fill(database, "work", ["a", "b"])
    robot = Database(database.connection_string)
    opened: list[int] = []
    sa.event.listen(robot.engine, "connect", lambda *_: opened.append(1))
    for _ in range(2):
        element = claim_next(robot, "work")
        assert element is not None
        write(robot, element.id, QueueStatus.DONE, token=element.claim_token)
        robot.read(queue_counts.count_by_status)
    robot.close()
    assert len(opened) == 1


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.LOST, JobStatus.KILLED])
def test_a_robot_whose_job_has_ended_gets_nothing(database: Database, status: JobStatus) -> None:
    (element_id,) = fill(database, "work", ["a"])
    job_id = add_job(database, status, reason="its lease ran out")
    with pytest.raises(OwnershipLostError, match=f"ended as {status.value}: its lease ran out"):
        claim_next(database, "work", job_id=job_id)
    assert stored(database, element_id).status is QueueStatus.NEW


@pytest.mark.parametrize("status", [JobStatus.STARTING, JobStatus.RUNNING, None])
def test_a_robot_with_a_live_or_an_unknown_job_gets_elements(database: Database, status: JobStatus | None) -> None:
    fill(database, "work", ["a"])
    job_id = uuid4() if status is None else add_job(database, status)
    element = claim_next(database, "work", job_id=job_id)
    assert element is not None
    assert element.job_id == job_id
    assert claim_next(database, "work", job_id=job_id) is None


@pytest.mark.parametrize("status", [QueueStatus.DONE, QueueStatus.FAILED, QueueStatus.ABANDONED])
def test_an_end_sets_the_end_date(database: Database, clock: SettableClock, status: QueueStatus) -> None:
    fill(database, "work", ["a"])
    element = claim_next(database, "work")
    assert element is not None
    clock.advance(timedelta(hours=1))
    assert write(database, element.id, status, message="why", token=element.claim_token) is None
    after = stored(database, element.id)
    assert (after.status, after.message) == (status, "why")
    assert (after.start_date, after.end_date) == (SITE_NOW, SITE_NOW + timedelta(hours=1))


def test_no_message_leaves_the_message(database: Database) -> None:
    (element_id,) = fill(database, "work", ["a"])
    write(database, element_id, QueueStatus.FAILED, message="first")
    write(database, element_id, QueueStatus.DONE)
    assert stored(database, element_id).message == "first"
    write(database, element_id, QueueStatus.DONE, message="")
    assert stored(database, element_id).message == ""


def test_an_element_put_back_belongs_to_nobody(database: Database) -> None:
    fill(database, "work", ["a"])
    job_id = add_job(database, JobStatus.RUNNING)
    element = claim_next(database, "work", job_id=job_id)
    assert element is not None
    assert write(database, element.id, QueueStatus.NEW, job_id=job_id, token=element.claim_token) is None
    after = stored(database, element.id)
    assert (after.status, after.job_id, after.claim_token) == (QueueStatus.NEW, None, None)
    assert claim_next(database, "work").id == element.id


def test_a_late_write_after_it_was_handed_out_anew_is_refused(database: Database) -> None:
    fill(database, "work", ["a"])
    late = claim_next(database, "work")
    assert late is not None
    database.write(lambda session: queue_elements.set_status(session, late.id, QueueStatus.NEW, now=SITE_NOW))
    job_id = add_job(database, JobStatus.RUNNING)
    successor = claim_next(database, "work", job_id=job_id)
    assert successor is not None
    with pytest.raises(OwnershipLostError, match=f"handed out anew at 2026-01-01 01:00:00 to job {job_id}"):
        write(database, late.id, QueueStatus.FAILED, message="late", token=late.claim_token)
    after = stored(database, late.id)
    assert (after.status, after.message, after.claim_token) == (QueueStatus.IN_PROGRESS, None, successor.claim_token)
    write(database, late.id, QueueStatus.DONE, job_id=job_id, token=successor.claim_token)
    assert stored(database, late.id).status is QueueStatus.DONE


def test_a_late_write_after_it_was_put_back_is_refused(database: Database) -> None:
    fill(database, "work", ["a"])
    late = claim_next(database, "work")
    assert late is not None
    database.write(lambda session: queue_elements.set_status(session, late.id, QueueStatus.NEW, now=SITE_NOW))
    with pytest.raises(OwnershipLostError, match="put back meanwhile, and is New now"):
        write(database, late.id, QueueStatus.DONE, token=late.claim_token)
    assert stored(database, late.id).status is QueueStatus.NEW


@pytest.mark.parametrize("status", [QueueStatus.NEW, QueueStatus.ABANDONED])
def test_a_late_write_is_refused_when_a_tool_without_tokens_took_the_element_away(
    database: Database, status: QueueStatus
) -> None:
    fill(database, "work", ["a"])
    late = claim_next(database, "work")
    assert late is not None
    database.write(lambda session: session.execute(sa.update(QueueElement).values(status=status)))
    assert stored(database, late.id).claim_token == late.claim_token
    words = {QueueStatus.NEW: "put back meanwhile, and is New now", QueueStatus.ABANDONED: "taken away meanwhile"}
    with pytest.raises(OwnershipLostError, match=words[status]):
        write(database, late.id, QueueStatus.DONE, token=late.claim_token)
    assert stored(database, late.id).status is status


def as_older_robots_take_it(database: Database, status: QueueStatus, **values: Any) -> None:
    """Put the element back by its status alone, as a tool does, and take it as libraries before 4.0 do."""
    started = SITE_NOW + timedelta(minutes=5)
    for changes in ({"status": QueueStatus.NEW}, {"status": status, "start_date": started, **values}):
        database.write(lambda session, changes=changes: session.execute(sa.update(QueueElement).values(changes)))


@pytest.mark.parametrize("now", [QueueStatus.IN_PROGRESS, QueueStatus.DONE])
@pytest.mark.parametrize("wanted", [QueueStatus.DONE, QueueStatus.IN_PROGRESS, QueueStatus.NEW])
def test_a_late_write_is_refused_when_an_older_robot_has_the_element(
    database: Database, now: QueueStatus, wanted: QueueStatus
) -> None:
    fill(database, "work", ["a"])
    job_id = add_job(database, JobStatus.RUNNING)
    late = claim_next(database, "work", job_id=job_id)
    assert late is not None
    as_older_robots_take_it(database, now)
    before = stored(database, late.id)
    assert before.claim_token == late.claim_token
    with pytest.raises(OwnershipLostError, match=r"handed out anew at .* to a robot with an older library"):
        write(database, late.id, wanted, job_id=job_id, token=late.claim_token, since=late.start_date)
    after = stored(database, late.id)
    assert (after.status, after.start_date, after.end_date) == (now, before.start_date, before.end_date)


def test_a_date_that_the_table_keeps_in_whole_seconds_is_the_same(database: Database) -> None:
    fill(database, "work", ["a"])
    element = claim_next(database, "work")
    assert element is not None
    rounded = SITE_NOW + timedelta(microseconds=600_000)
    database.write(lambda session: session.execute(sa.update(QueueElement).values(start_date=rounded)))
    assert element.start_date == SITE_NOW
    write(database, element.id, QueueStatus.DONE, token=element.claim_token, since=element.start_date)
    assert stored(database, element.id).status is QueueStatus.DONE


def test_who_holds_an_element_holds_it_on_whatever_is_said_of_its_progress(database: Database) -> None:
    fill(database, "work", ["a"])
    element = claim_next(database, "work")
    assert element is not None
    later = SITE_NOW + timedelta(minutes=5)
    # By db_util beside the connection, and by another connection that has a copy of what is held.
    in_progress = QueueStatus.IN_PROGRESS
    database.write(
        lambda session: queue_elements.set_status(session, element.id, in_progress, message="half", now=later)
    )
    assert stored(database, element.id).start_date == SITE_NOW
    at_later = Database(database.connection_string, clock=SettableClock(database.utc_now() + timedelta(minutes=5)))
    write(at_later, element.id, in_progress, token=element.claim_token, since=element.start_date)
    at_later.close()
    write(database, element.id, QueueStatus.DONE, token=element.claim_token, since=element.start_date)
    assert stored(database, element.id).status is QueueStatus.DONE


@pytest.mark.parametrize("status", [QueueStatus.DONE, QueueStatus.FAILED])
def test_the_holder_of_an_element_may_correct_its_end(database: Database, status: QueueStatus) -> None:
    fill(database, "work", ["a"])
    element = claim_next(database, "work")
    assert element is not None
    write(database, element.id, status, token=element.claim_token)
    write(database, element.id, QueueStatus.FAILED, message="after all", token=element.claim_token)
    assert stored(database, element.id).status is QueueStatus.FAILED


def test_whoever_gives_an_element_up_does_not_hold_it_any_more(database: Database) -> None:
    fill(database, "work", ["a"])
    job_id = add_job(database, JobStatus.RUNNING)
    element = claim_next(database, "work", job_id=job_id)
    assert element is not None
    write(database, element.id, QueueStatus.ABANDONED, job_id=job_id, token=element.claim_token)
    after = stored(database, element.id)
    assert (after.status, after.job_id, after.claim_token) == (QueueStatus.ABANDONED, job_id, None)
    write(database, element.id, QueueStatus.FAILED, job_id=job_id)  # as it could at any time
    assert stored(database, element.id).status is QueueStatus.FAILED


def test_what_another_live_job_works_on_is_not_written(database: Database) -> None:
    (element_id,) = fill(database, "work", ["a"])
    holder = add_job(database, JobStatus.RUNNING)
    claim_next(database, "work", job_id=holder)
    for job_id in (None, add_job(database, JobStatus.RUNNING)):
        with pytest.raises(OwnershipLostError, match=rf"job {holder} \(other on machine\) has been working"):
            write(database, element_id, QueueStatus.DONE, job_id=job_id)
    assert stored(database, element_id).status is QueueStatus.IN_PROGRESS
    write(database, element_id, QueueStatus.DONE, job_id=holder)  # by another connection of the same robot
    assert stored(database, element_id).status is QueueStatus.DONE


@pytest.mark.parametrize("holder", [JobStatus.LOST, None])
def test_what_a_dead_job_or_nobody_known_works_on_may_be_written(database: Database, holder: JobStatus | None) -> None:
    (element_id,) = fill(database, "work", ["a"])
    job_id = None if holder is None else add_job(database, JobStatus.RUNNING)
    claim_next(database, "work", job_id=job_id)
    if holder is not None:
        database.write(lambda session: session.execute(sa.update(Job).values(status=holder)))
    write(database, element_id, QueueStatus.FAILED, job_id=add_job(database, JobStatus.RUNNING))
    assert stored(database, element_id).status is QueueStatus.FAILED


def test_a_robot_whose_job_has_ended_writes_nothing(database: Database) -> None:
    fill(database, "work", ["a"])
    job_id = add_job(database, JobStatus.RUNNING)
    element = claim_next(database, "work", job_id=job_id)
    assert element is not None
    database.write(lambda session: session.execute(sa.update(Job).values(status=JobStatus.LOST, reason="gone")))
    with pytest.raises(OwnershipLostError, match=f"{job_id}, has ended as Lost: gone"):
        write(database, element.id, QueueStatus.DONE, job_id=job_id, token=element.claim_token)
    assert stored(database, element.id).status is QueueStatus.IN_PROGRESS


def test_who_sets_in_progress_holds_it(database: Database) -> None:
    (element_id,) = fill(database, "work", ["a"])
    job_id = add_job(database, JobStatus.RUNNING)
    first = write(database, element_id, QueueStatus.IN_PROGRESS)
    second = write(database, element_id, QueueStatus.IN_PROGRESS, job_id=job_id)
    after = stored(database, element_id)
    assert (after.claim_token, after.job_id, after.start_date) == (second, job_id, SITE_NOW)
    with pytest.raises(OwnershipLostError, match="handed out anew"):
        write(database, element_id, QueueStatus.DONE, token=first)
    assert write(database, element_id, QueueStatus.IN_PROGRESS, job_id=job_id, token=second) == second


def test_an_element_that_is_not_there_is_told(database: Database) -> None:
    with pytest.raises(NotFoundError, match="No queue element with the given id"):
        write(database, uuid4(), QueueStatus.DONE)
    with pytest.raises(NotFoundError, match="No queue element with the given id"):
        write(database, uuid4(), QueueStatus.DONE, token=uuid4())


@pytest.mark.parametrize("status", ["DONE", "Done", None, 1, JobStatus.DONE])
def test_a_status_that_is_none_is_refused(database: Database, status: Any) -> None:
    (element_id,) = fill(database, "work", ["a"])
    with pytest.raises(InvalidInputError, match=r"QueueStatus\.DONE"):
        write(database, element_id, status)
    with database.connection() as connection:
        assert connection.scalar(sa.text(f"SELECT status FROM {quoted(database, 'Queues')}")) == "NEW"


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("write_id", [lambda one: one.hex.upper(), str, lambda one: str(one).upper()])
def test_an_element_whose_id_somebody_wrote_in_another_way_is_handed_out_and_found_from_then_on(
    database: Database, write_id: Callable[[UUID], str]
) -> None:
    odd, _ = fill(database, "queue", ["odd", "ordinary"])
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql('UPDATE "Queues" SET id = ? WHERE id = ?', (write_id(odd), odd.hex))
    claimed = [claim_next(database, "queue"), claim_next(database, "queue")]
    assert [element and element.reference for element in claimed] == ["odd", "ordinary"]
    assert claim_next(database, "queue") is None
    token = vars(claimed[0])["claim_token"]
    write(database, odd, QueueStatus.DONE, token=token)
    assert stored(database, odd).status is QueueStatus.DONE


@pytest.mark.kinds("sqlite")
def test_an_element_whose_id_is_none_is_told_to_whoever_wants_it(database: Database) -> None:
    (odd,) = fill(database, "queue", ["odd"])
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql('UPDATE "Queues" SET id = ? WHERE id = ?', ("ORDER-1", odd.hex))
    with pytest.raises(DatabaseError, match="next New element of the queue 'queue' cannot be handed out"):
        claim_next(database, "queue")
    fill(database, "another", ["one"])
    assert claim_next(database, "another") is not None


def test_tokens_are_remembered_for_the_latest_unfinished_elements() -> None:
    held = HeldTokens(most=2)
    ids, token = [uuid4() for _ in range(3)], Hold(uuid4(), SITE_NOW)
    for element_id in ids:
        held.remember(element_id, token)
    assert [held.find(element_id) for element_id in ids] == [None, token, token]
    held.remember(ids[1], None)
    assert held.find(ids[1]) is None
    assert len(held) == 1


def quoted(database: Database, table: str) -> str:
    return database.engine.dialect.identifier_preparer.quote(table)


@pytest.fixture
def grown(database: Database) -> Database:
    """A database with a long history: most elements done, a few new ones, in several queues."""
    for queue in ("work", "busy", "other"):
        references: list[str | None] = [f"r{number % 50}" for number in range(4000)]
        fill(database, queue, references, status=QueueStatus.DONE)
        fill(database, queue, [f"r{number % 50}" for number in range(200)])
    jobs = [
        {"id": uuid4(), "process_name": "p", "scheduler_name": "s", "status": JobStatus.DONE, "start_time": SITE_NOW}
        for _ in range(1000)
    ]
    database.write(lambda session: session.execute(sa.insert(Job), jobs))
    now = database.utc_now()
    settings = [
        {"name_hash": name_hash(f"q{number}"), "queue_name": f"q{number}", "edition": uuid4(), "changed_at": now}
        for number in range(1000)
    ]
    database.write(lambda session: session.execute(sa.insert(QueueSetting), settings))
    with database.connection(writing=True) as connection:
        analyze = {
            "postgresql": "ANALYZE",
            "mysql": "ANALYZE TABLE `Queues`, `Jobs`, `Queue_Settings`",
            "sqlite": "ANALYZE",
        }
        connection.exec_driver_sql(analyze[database.dialect_name]).close()
    return database


def explain(database: Database, sql: str, arguments: Any) -> str:
    """Return the plan of a statement as text."""
    prefix = {
        "postgresql": "EXPLAIN (FORMAT JSON, COSTS OFF) ",
        "mysql": "EXPLAIN FORMAT=JSON ",
        "sqlite": "EXPLAIN QUERY PLAN ",
    }[database.dialect_name]
    with database.connection() as connection:
        rows = connection.exec_driver_sql(prefix + sql, arguments).all()
    return " ".join(str(value) for row in rows for value in row)


def uses(database: Database, plan: str, index: str) -> bool:
    chosen = {"postgresql": f"'Index Name': '{index}'", "mysql": f'"key": "{index}"', "sqlite": f" {index} "}
    return chosen[database.dialect_name] in plan


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
@pytest.mark.parametrize("by_job", [False, True])
@pytest.mark.parametrize(("reference", "index"), [(None, "ix_Queues_order"), ("r7", "ix_Queues_reference_order")])
def test_a_claim_reads_only_what_it_hands_out(grown: Database, reference: str | None, index: str, by_job: bool) -> None:
    statements = claim_statements(grown.engine.dialect, by_reference=reference is not None, by_job=by_job)
    values = {
        "queue_name": "work",
        "queue_hash": name_hash("work"),
        "reference": reference,
        "now": SITE_NOW,
        "job_id": add_job(grown, JobStatus.RUNNING),
        "token": uuid4(),
    }
    plan = explain(grown, statements.claim.sql, statements.claim.arguments(values))
    assert uses(grown, plan, index), plan
    for word in ("Seq Scan", "SCAN Queues", "TEMP B-TREE", "filesort", "SCAN Queue_Settings", "Sort", "Bitmap"):
        assert word not in plan, plan
    element = claim_next(grown, "work")
    assert element is not None  # MariaDB reads a unique index before it explains
    values["token"] = element.claim_token
    held = explain(grown, statements.held.sql, statements.held.arguments(values))
    assert uses(grown, held, "ix_Queues_token"), held


def test_sql_server_locks_the_job_before_it_takes_an_element() -> None:
    dialect = mssql_pyodbc.dialect(paramstyle="qmark")
    holder = claim_statements(dialect, by_reference=False, by_job=True).holder
    assert holder is not None
    assert holder.sql == "SELECT status FROM [Jobs] WITH (REPEATABLEREAD, ROWLOCK) WHERE id = ?"
    assert claim_statements(dialect, by_reference=False, by_job=False).holder is None


@pytest.mark.parametrize("by_reference", [False, True])
def test_sql_server_takes_one_row_past_the_locked_ones_and_returns_it(by_reference: bool) -> None:
    dialect = mssql_pyodbc.dialect(paramstyle="qmark")
    statements = claim_statements(dialect, by_reference=by_reference, by_job=True)
    sql = " ".join(statements.claim.sql.split())
    assert statements.take is None
    assert sql.startswith("WITH candidate AS (SELECT TOP (1) id, queue_name, status, ")
    assert "FROM [Queues] WITH (READPAST, UPDLOCK, ROWLOCK) WHERE queue_name = ? AND CAST(" in sql
    assert "AND status = 'NEW'" in sql
    assert ("AND reference = ?" in sql) is by_reference
    assert "ORDER BY hand_out_order, created_date, id)" in sql
    assert "UPDATE candidate SET status = 'IN_PROGRESS', start_date = ?, job_id = ?, claim_token = ?" in sql
    assert "OUTPUT inserted.id, inserted.queue_name, inserted.data" in sql
    assert "WITH (UPDLOCK, ROWLOCK)" in statements.wait_and_claim.sql
    values = {
        "queue_name": "q",
        "queue_hash": name_hash("q"),
        "reference": "r",
        "job_id": uuid4(),
        "now": SITE_NOW,
        "token": uuid4(),
    }
    assert len(statements.claim.arguments(values)) == sql.count("?")
