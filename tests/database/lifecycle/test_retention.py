"""Deleting what is too old: what goes, what stays, and who does it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database import models
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.lifecycle import retention_rows
from OpenOrchestrator.database.lifecycle.retention import Sweep, by_kind, look, what_is_too_old
from OpenOrchestrator.database.lifecycle.retention_rules import Kept, Portion
from OpenOrchestrator.database.lifecycle.sweep_turn import Turn
from OpenOrchestrator.database.logs import LogLevel
from OpenOrchestrator.database.site import RETENTION_SWEEP
from OpenOrchestrator.database.statuses import AttachmentOwner, JobStatus, QueueStatus, UniqueReferences
from OpenOrchestrator.database.stores import attachment_files, keep_days, queue_rules
from OpenOrchestrator.database.stores.keep_days import KeepDays
from OpenOrchestrator.database.stores.queue_rules import QueueRules

OLD = datetime(2025, 11, 1, 8)
YOUNG = datetime(2025, 12, 31, 8)  # the clock of the tests stands at 2026-01-01 01:00 site time
RULES = QueueRules(keep_done_days=30, keep_abandoned_days=30, unique_references=UniqueReferences.EVER)


def add(database: Database, *rows: Any) -> None:
    database.write(lambda session: session.add_all(rows))


def job(start: datetime = OLD, status: JobStatus = JobStatus.DONE, **values: Any) -> models.Job:
    ended = {} if status is JobStatus.RUNNING else {"end_time": start + timedelta(minutes=1)}
    return models.Job(
        **(
            {"id": uuid4(), "process_name": "p", "scheduler_name": "s", "status": status, "start_time": start}
            | ended
            | values
        )
    )


def element(status: QueueStatus = QueueStatus.DONE, created: datetime = OLD, **values: Any) -> models.QueueElement:
    base = {"id": uuid4(), "queue_name": "work", "status": status, "created_date": created}
    return models.QueueElement(**(base | values))


def log(when: datetime = OLD, job_id: UUID | None = None) -> models.Log:
    return models.Log(
        id=uuid4(), log_time=when, log_level=LogLevel.INFO, process_name="p", log_message="m", job_id=job_id
    )


def ids(database: Database, model: Any, column: str = "id") -> set[Any]:
    return set(database.read(lambda session: session.scalars(sa.select(getattr(model, column))).all()))


def keep(database: Database, rules: QueueRules | None = None, **days: int) -> None:
    database.write(lambda session: keep_days.write(session, KeepDays(**days)))
    if rules is not None:
        now = database.utc_now()
        assert database.write(lambda session: queue_rules.write(session, "work", rules, None, now=now))


def sweep(database: Database) -> dict[str, int]:
    wanted = what_is_too_old(database)
    expected = {portion: found for each in look(database, wanted) for portion, found in [(each.portion, each.number)]}
    counts = Sweep(database, rest=lambda _seconds: False).delete(wanted)
    assert counts == expected
    assert not any(each.number for each in look(database, wanted))
    return by_kind(counts)


def test_nothing_is_deleted_before_somebody_says_so(database: Database) -> None:
    add(database, job(), element(), log())
    assert what_is_too_old(database) == ()
    for wrong in (0, -1, 36_501, True, "7"):
        with pytest.raises(InvalidInputError):
            keep(database, jobs=wrong)  # type: ignore[arg-type]
    keep(database, jobs=1, logs=36_500)
    keep(database, jobs=3, files=2)
    assert database.read(keep_days.read) == KeepDays(jobs=3, files=2)
    add(database, models.SiteSetting(name="keep_logs_days", value="many"))
    assert database.read(keep_days.read) == KeepDays(jobs=3, files=2)


@pytest.mark.parametrize("days", [-400, 4000])
def test_a_clock_that_is_ahead_deletes_nothing(database: Database, clock: SettableClock, days: int) -> None:
    keep(database, logs=30)
    theirs = database.read(lambda session: session.connection().scalar(sa.select(DatabaseUtcNow())))
    clock.now = theirs + timedelta(days=days)
    (portion,) = what_is_too_old(database)
    earlier = min(theirs, clock.now).astimezone(database.zone).replace(tzinfo=None) - timedelta(days=30)
    assert abs(portion.before - earlier) < timedelta(minutes=5)


def test_jobs_that_ended_long_ago_go_with_what_belongs_to_them_and_those_that_are_needed_stay(
    database: Database, tmp_path: Path
) -> None:
    gone = [job(), job(status=JobStatus.SKIPPED), job(status=JobStatus.LOST)]
    first, holder, alarming, lasting = job(), job(), job(), job(end_time=YOUNG)
    stay = [first, holder, alarming, lasting, job(YOUNG), job(status=JobStatus.RUNNING), job(YOUNG, retry_of=first.id)]
    add(database, *gone, *stay)
    now = database.utc_now()
    told = [
        models.JobAlert(
            id=uuid4(), job_id=each.id, process_name="p", message="m", raised_at=now, dismissed_at=dismissed
        )
        for each, dismissed in ((gone[0], now), (alarming, None))
    ]
    results = [models.JobResult(job_id=each.id, output="x", is_json=False, changed_at=now) for each in (gone[0], first)]
    pieces = [
        models.JobOutput(job_id=each.id, sequence=number, stream="stdout", written_at=now, text="x")
        for each in (*gone, *stay)
        for number in range(1, 31)
    ]
    add(database, *told, *results, *pieces, element(QueueStatus.IN_PROGRESS, job_id=holder.id), log(job_id=gone[0].id))
    (tmp_path / "a.txt").write_bytes(b"x")
    for each in (gone[0], first):
        attachment_files.attach(database, AttachmentOwner.JOB, each.id, tmp_path / "a.txt")
    keep(database, jobs=30)
    # Of a job that stays because it is needed, the output goes.
    assert sweep(database) == {"output": 6, "jobs": 3}
    assert ids(database, models.Job) == {each.id for each in stay}
    assert ids(database, models.JobOutput, "job_id") == {each.id for each in stay[3:]}
    assert ids(database, models.JobAlert, "job_id") == {alarming.id}
    assert ids(database, models.JobResult, "job_id") == {first.id}
    assert ids(database, models.Attachment, "owner_id") == {first.id}
    assert len(ids(database, models.AttachmentPiece, "attachment_id")) == 1
    assert len(ids(database, models.Log)) == 1


def test_only_elements_that_ended_go_and_their_references_stay_taken(database: Database, tmp_path: Path) -> None:
    done, abandoned = element(reference="1"), element(QueueStatus.ABANDONED)
    stay = [
        element(QueueStatus.FAILED),
        element(QueueStatus.NEW),
        element(QueueStatus.IN_PROGRESS),
        element(end_date=YOUNG),
        element(created=YOUNG),
        element(queue_name="Work"),
    ]
    add(database, done, abandoned, *stay)
    for each in (done, stay[0]):
        attempt = {"id": uuid4(), "element_id": each.id, "attempt": 1, "end_date": OLD, "ended_as": "FAILED"}
        add(database, models.QueueAttempt(**attempt))
        (tmp_path / "a.txt").write_bytes(b"x")
        attachment_files.attach(database, AttachmentOwner.ELEMENT, each.id, tmp_path / "a.txt")
    keep(database, RULES)
    assert sweep(database) == {"elements": 2}
    assert ids(database, models.QueueElement) == {each.id for each in stay}
    assert ids(database, models.QueueAttempt, "element_id") == {stay[0].id}
    assert ids(database, models.Attachment, "owner_id") == {stay[0].id}
    assert ids(database, models.QueueReference, "element_id") == {done.id}


def test_old_logs_go_but_those_of_jobs_that_run_and_pages_of_what_stays_are_passed_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_rows, "PAGE", 3)
    running = job(status=JobStatus.RUNNING)
    stay = [log(OLD, running.id) for _ in range(7)] + [log(YOUNG)]
    add(
        database,
        running,
        *stay,
        *(log(OLD + timedelta(seconds=number % 3)) for number in range(11)),
        log(job_id=uuid4()),
    )
    keep(database, logs=30)
    assert sweep(database) == {"logs": 12}
    assert ids(database, models.Log) == {each.id for each in stay}


def test_old_files_go_but_those_of_what_is_open_and_what_belongs_to_nothing_goes_always(
    database: Database, clock: SettableClock, tmp_path: Path
) -> None:
    ended, new, gone, running = element(), element(QueueStatus.NEW), element(), job(status=JobStatus.RUNNING)
    add(database, ended, new, gone, running)
    (tmp_path / "a.txt").write_bytes(b"x" * 600_000)
    for each in (ended, new, gone):
        attachment_files.attach(database, AttachmentOwner.ELEMENT, each.id, tmp_path / "a.txt")
    attachment_files.attach(database, AttachmentOwner.JOB, running.id, tmp_path / "a.txt")
    database.write(
        lambda session: session.execute(sa.delete(models.QueueElement).where(models.QueueElement.id == gone.id))
    )
    assert Sweep(database, rest=lambda _seconds: False).clear_up() == 1
    clock.advance(timedelta(days=8))
    attachment_files.attach(database, AttachmentOwner.ELEMENT, ended.id, tmp_path / "a.txt", name="young.txt")
    keep(database, files=7)
    assert sweep(database) == {"files": 1}
    assert sorted(ids(database, models.Attachment, "name")) == ["a.txt", "young.txt"]
    assert ids(database, models.Attachment, "owner_id") == {ended.id, new.id, running.id}


def test_it_rests_between_transactions_and_ends_where_it_is_told_to(database: Database) -> None:
    add(database, *(log() for _ in range(100)))
    keep(database, logs=30)
    rests = iter([False, True])
    counts = Sweep(database, rest=lambda _seconds: next(rests), elapsed=lambda: 0.0).delete(what_is_too_old(database))
    assert by_kind(counts) == {"logs": 60}  # 20 and then 40, because the first took no time
    assert len(ids(database, models.Log)) == 40


@pytest.mark.kinds("postgresql", "mariadb")
def test_nobody_is_waited_for(database: Database) -> None:
    held = log()
    add(database, held, log())
    keep(database, logs=30)
    with database.connection(writing=True) as other:
        other.execute(sa.select(models.Log.id).where(models.Log.id == held.id).with_for_update())
        counts = Sweep(database, rest=lambda _seconds: False).delete(what_is_too_old(database))
    assert by_kind(counts) == {"logs": 1}
    assert ids(database, models.Log) == {held.id}


def test_what_was_made_new_again_meanwhile_stays(database: Database) -> None:
    again = element()
    add(database, again)
    portion = Portion(Kept.ELEMENTS, YOUNG, "work", QueueStatus.DONE)
    found = database.read(lambda session: retention_rows.deletable(session, portion, [again.id]))
    changed = sa.update(models.QueueElement).values(status=QueueStatus.NEW)
    database.write(lambda session: session.execute(changed))
    removed = database.write(lambda session: retention_rows.remove(session, portion, found, 10))
    assert (removed.handled, removed.deleted) == ((again.id,), ())
    assert ids(database, models.QueueElement) == {again.id}


def test_one_sweeps_a_day_and_another_one_goes_on_when_its_time_has_run_out(
    database: Database, clock: SettableClock
) -> None:
    first, second, third = (Turn(database, uuid4()) for _ in range(3))
    assert first.take()
    assert not second.take()
    assert first.prolong()
    first.finish(done=False)
    assert second.take()
    stored = database.read(lambda session: session.get(models.SiteSetting, RETENTION_SWEEP)).value
    late = stored[: stored.index("until")] + 'until": "2020-01-01T00:00:00+00:00"}'
    database.write(lambda session: session.merge(models.SiteSetting(name=RETENTION_SWEEP, value=late)))
    assert third.take()
    assert not second.prolong()
    second.finish(done=True)  # nothing of it any more
    assert third.prolong()
    third.finish(done=True)
    assert not first.take()
    clock.advance(timedelta(days=1))
    assert first.take()


@pytest.fixture
def filled(database: Database) -> Database:
    rows = {
        models.Log: [
            {
                "id": uuid4(),
                "log_time": YOUNG + timedelta(seconds=number),
                "log_level": LogLevel.INFO,
                "process_name": "p",
                "log_message": "m" * 200,
            }
            for number in range(3000)
        ],
        models.Job: [
            {
                "id": uuid4(),
                "process_name": "p",
                "scheduler_name": "s",
                "status": JobStatus.DONE,
                "start_time": YOUNG + timedelta(seconds=number),
            }
            for number in range(3000)
        ],
        models.QueueElement: [
            {
                "id": uuid4(),
                "queue_name": "work",
                "status": (QueueStatus.DONE, QueueStatus.FAILED, QueueStatus.ABANDONED)[number % 3],
                "created_date": YOUNG + timedelta(seconds=number),
                "data": "x" * 200,
            }
            for number in range(3000)
        ],
    }
    for model, values in rows.items():
        database.write(lambda session, model=model, values=values: session.execute(sa.insert(model), values))
    analyze = {"postgresql": "VACUUM ANALYZE", "mysql": "ANALYZE TABLE `Queues`, `Jobs`, `Logs`", "sqlite": "ANALYZE"}
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(analyze[database.dialect_name]).close()
    return database


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_pages_of_what_is_too_old_walk_an_index(filled: Database) -> None:
    before = YOUNG + timedelta(days=1)
    indexes = {Kept.JOBS: "ix_Jobs_time", Kept.LOGS: "ix_Logs_time", Kept.ELEMENTS: "ix_Queues_next"}
    for kept, index in indexes.items():
        portion = Portion(kept, before, *(("work", QueueStatus.DONE) if kept is Kept.ELEMENTS else ()))
        for after in (None, (YOUNG, uuid4())):
            plan = explained(filled, portion, after)
            assert index in plan, plan
            for word in ("Sort", "filesort", "TEMP B-TREE", "Seq Scan"):
                assert word not in plan, plan


def explained(database: Database, portion: Portion, after: Any) -> str:
    prefix = {"postgresql": "EXPLAIN ", "mysql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}[database.dialect_name]
    seen: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    database.read(lambda session: retention_rows.page(session, portion, after))
    sa.event.remove(database.engine, "before_cursor_execute", listen)
    with database.connection() as connection:
        rows = connection.exec_driver_sql(prefix + seen[-1][0], seen[-1][1]).all()
    return "\n".join(str(row) for row in rows)
