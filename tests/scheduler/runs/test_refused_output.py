"""Output that the database does not take: marked, said on the job, kept on the machine, and stored later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from bench import Bench
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import DatabaseError, TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.models import Job, JobOutput
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.scheduler.recovery.leftovers import clear_up_all
from OpenOrchestrator.scheduler.runs import following, run_record
from OpenOrchestrator.scheduler.runs.error_log import ErrorLog
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs
from OpenOrchestrator.scheduler.runs.run_record import RunRecord, Standing

pytestmark = pytest.mark.kinds("sqlite")

CHATTY = """
    import time
    for number in range(60):
        print(f"line {number} " + "x" * 3000, flush=True)
        time.sleep(0.1 if number % 10 == 0 else 0)
    """
LINES = "".join(f"line {number} {'x' * 3000}\n" for number in range(60))


@pytest.fixture
def bench(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(run_record, "pause_after", lambda _failures: 0.01)
    monkeypatch.setattr(following, "pause_after", lambda _failures: 0.01)
    made = Bench(site)
    yield made
    if made.current is not None:
        made.current.detach()


def limit_pages(database: Database, more: int | None) -> None:
    """Let a SQLite database grow by so many pages and no further; None for as far as it likes."""

    def set_limit(connection: Any, _record: object = None) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] + more if more is not None else 2**30
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    database.engine.dispose()
    for listener in list(_LIMITS):
        sa.event.remove(database.engine, "connect", listener)
        _LIMITS.remove(listener)
    sa.event.listen(database.engine, "connect", set_limit)
    _LIMITS.append(set_limit)


_LIMITS: list[Any] = []


@pytest.fixture(autouse=True)
def _no_limits_left() -> Iterator[None]:
    _LIMITS.clear()
    yield
    _LIMITS.clear()


def store_what_was_kept(bench: Bench) -> None:
    clear_up_all(bench.site.database, bench.site.workspace, bench.events, followed=tuple)


def raise_keyboard_interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def pieces(bench: Bench) -> list[JobOutput]:
    query = sa.select(JobOutput).order_by(JobOutput.sequence)
    return list(bench.site.database.read(lambda session: session.scalars(query).all()))


def test_a_full_database_loses_no_output_and_no_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a scheduler, only shorter: what does not pass is told after the patience.
    impatient = replace(bench.site.database._attempts, patience_seconds=0.2)
    monkeypatch.setattr(bench.site.database, "_attempts", impatient)
    bench.site.single("trigger", bench.site.robot("robot", CHATTY))
    run = bench.claim()
    started = bench.supervise(run)
    limit_pages(bench.site.database, 16)
    started.start(run)
    bench.await_end()
    limit_pages(bench.site.database, None)
    job = bench.site.job("trigger")
    assert (job.status, job.exit_code) == (JobStatus.DONE, 0)
    assert job.reason is not None
    assert "its output is incomplete" in job.reason
    assert "full" in job.reason
    assert "is not stored and kept on this machine" in bench.lines.text
    assert len(bench.site.output(job.id)) < len(LINES)
    assert len(find_runs(bench.site.workspace)) == 1

    store_what_was_kept(bench)
    assert bench.site.output(job.id) == LINES
    assert bench.site.job("trigger").reason is None
    assert "The rest of the output" in bench.lines.text
    assert find_runs(bench.site.workspace) == []


def test_a_piece_that_is_refused_for_itself_is_marked_and_holds_up_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = job_output.append

    def refuse_one(session: Any, job_id: Any, records: Any) -> None:
        if any("poison" in record.text for record in records):
            raise DatabaseError("value too long")
        real(session, job_id, records)

    monkeypatch.setattr(job_output, "append", refuse_one)
    code = "import time\nfor word in ('one', 'poison', 'two'):\n    print(word, flush=True)\n    time.sleep(0.3)"
    bench.site.single("trigger", bench.site.robot("robot", code))
    bench.start()
    bench.await_end()
    job = bench.site.job("trigger")
    incomplete = "its output is incomplete until the database takes the rest: value too long"
    assert (job.status, job.reason) == (JobStatus.DONE, incomplete)
    first, second, mark = pieces(bench)
    assert (first.text, second.text) == ("one\n", "two\n")
    assert mark.sequence == job_output.END_MARK
    assert mark.text.startswith("[Pieces of the output missing")
    assert "did not take them: 1. Cause: value too long" in mark.text
    assert len(find_runs(bench.site.workspace)) == 1

    store_what_was_kept(bench)  # refused again: nothing changes
    assert len(pieces(bench)) == 3
    assert bench.site.job("trigger").reason == incomplete
    assert len(find_runs(bench.site.workspace)) == 1

    monkeypatch.setattr(job_output, "append", real)
    with monkeypatch.context() as patch:  # killed after the last piece, before anything says that it was the last
        patch.setattr(job_output, "unmark_end", raise_keyboard_interrupt)
        with pytest.raises(KeyboardInterrupt):
            store_what_was_kept(bench)
    assert bench.site.job("trigger").reason == incomplete
    store_what_was_kept(bench)
    assert bench.site.output(job.id) == "one\npoison\ntwo\n"
    assert bench.site.job("trigger").reason is None
    assert [piece.text for piece in pieces(bench)] == ["one\n", "poison\n", "two\n"]
    assert "The rest of the output" in bench.lines.text
    assert find_runs(bench.site.workspace) == []


def test_an_outage_while_it_is_stored_piece_by_piece_leaves_nothing_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from OpenOrchestrator.common.errors import ConnectionFailedError

    real = job_output.append
    calls: list[int] = []

    def refuse_batches(session: Any, job_id: Any, records: Any) -> None:
        calls.append(len(records))
        if len(records) > 1:
            raise DatabaseError("too much at once")
        if len(calls) % 2:
            raise ConnectionFailedError("away")
        real(session, job_id, records)

    monkeypatch.setattr(job_output, "append", refuse_batches)
    monkeypatch.setattr(following, "PUMP_SECONDS", 3600)
    code = "import time\nfor word in 'abcd':\n    print(word, flush=True)\n    time.sleep(0.3)"
    bench.site.single("trigger", bench.site.robot("robot", code))
    bench.start()
    bench.await_end()
    job = bench.site.job("trigger")
    assert (job.status, job.reason) == (JobStatus.DONE, None)
    assert bench.site.output(job.id) == "a\nb\nc\nd\n"
    assert max(calls) > 1
    assert find_runs(bench.site.workspace) == []


def test_an_end_whose_log_the_database_refuses_is_stored_without_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runs.finish

    def refuse_the_log(*arguments: Any, **named: Any) -> bool:
        if named.get("error_log") is not None:
            raise DatabaseError("database or disk is full")
        return real(*arguments, **named)

    monkeypatch.setattr(runs, "finish", refuse_the_log)
    bench.site.single("trigger", bench.site.robot("robot", "import sys; sys.exit(3)"))
    bench.start()
    bench.await_end()
    assert bench.site.job("trigger").status is JobStatus.FAILED
    (log,) = bench.site.errors("process trigger")
    assert log.log_message == "exit code 3"


def lock_the_log(monkeypatch: pytest.MonkeyPatch, *, ends_with_log: int) -> list[str | None]:
    """Refuse so many ends with their log as a lock on table Logs does, and every log by itself; return the ends."""
    asked: list[str | None] = []
    finish = runs.finish

    def finish_locked(*arguments: Any, **named: Any) -> bool:
        asked.append(named["error_log"])
        if named["error_log"] is not None and len(asked) <= ends_with_log:
            raise TransientDatabaseError("lock time-out")
        return finish(*arguments, **named)

    def refuse(*_: Any, **__: Any) -> None:
        raise TransientDatabaseError("lock time-out")

    monkeypatch.setattr(runs, "finish", finish_locked)
    monkeypatch.setattr(ErrorLog, "store", refuse)
    return asked


def test_a_lock_on_the_log_that_passes_is_waited_out_and_the_log_stored_with_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = lock_the_log(monkeypatch, ends_with_log=8)
    bench.site.single("trigger", bench.site.robot("robot", "import sys; sys.exit(3)"))
    bench.start()
    bench.await_end()
    assert asked == ["exit code 3"] * 9
    assert bench.site.job("trigger").status is JobStatus.FAILED
    assert [log.log_message for log in bench.site.errors("process trigger")] == ["exit code 3"]
    assert find_runs(bench.site.workspace) == []


def test_a_log_that_stays_locked_does_not_hold_up_the_end_and_is_stored_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bool] = []
    with monkeypatch.context() as patch:
        lock_the_log(patch, ends_with_log=1000)
        finish = runs.finish

        def look_before(*arguments: Any, **named: Any) -> bool:
            (directory,) = find_runs(bench.site.workspace)
            kept.append(directory.kept_log() is not None)
            assert kept[-1] is (named["error_log"] is None)  # a kill right after the end loses nothing
            return finish(*arguments, **named)

        patch.setattr(runs, "finish", look_before)
        bench.site.single("trigger", bench.site.robot("robot", "import sys; sys.exit(3)"))
        bench.start()
        bench.await_end()
        assert bench.site.job("trigger").status is JobStatus.FAILED
        assert kept == [False] * 10 + [True]
        assert "is not stored, and kept on this machine" in bench.lines.text
        assert bench.site.errors("process trigger") == []
        with pytest.raises(TransientDatabaseError):
            store_what_was_kept(bench)
        assert len(find_runs(bench.site.workspace)) == 1

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "remove", lambda _self: False)  # killed after the log, before the files were gone
        store_what_was_kept(bench)
    store_what_was_kept(bench)
    assert [log.log_message for log in bench.site.errors("process trigger")] == ["exit code 3"]
    assert "The Error log of" in bench.lines.text
    assert find_runs(bench.site.workspace) == []


def test_the_log_of_a_late_end_is_kept_while_it_is_locked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "standing", lambda _self: Standing.SETTLED)
        lock_the_log(patch, ends_with_log=0)
        patch.setattr(runs, "finish", lambda *_, **__: False)
        bench.site.single("trigger", bench.site.robot("robot", "print('out')"))
        bench.start()
        bench.await_end()
        assert bench.site.errors("process trigger") == []
    change = sa.update(Job).values(status=JobStatus.LOST)
    bench.site.database.write(lambda session: session.connection().execute(change), read_back=lambda _session: None)
    store_what_was_kept(bench)
    (log,) = bench.site.errors("process trigger")
    assert "after its job had been settled without it" in log.log_message
    assert find_runs(bench.site.workspace) == []


def test_a_kept_log_that_is_refused_for_good_is_given_up_and_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        lock_the_log(patch, ends_with_log=1000)
        bench.site.single("trigger", bench.site.robot("robot", "import sys; sys.exit(3)"))
        bench.start()
        bench.await_end()

    def refuse(*_: Any, **__: Any) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(ErrorLog, "store", refuse)
    store_what_was_kept(bench)
    assert "no such table" in bench.lines.text
    assert find_runs(bench.site.workspace) == []


def test_output_that_could_not_be_read_is_said_on_the_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "read_output", refuse)
        bench.site.single("trigger", bench.site.robot("robot", "print('out')"))
        bench.start()
        bench.await_end()
        job = bench.site.job("trigger")
        assert job.status is JobStatus.DONE
        assert job.reason is not None
        assert "Input/output error" in job.reason
        store_what_was_kept(bench)
        assert len(find_runs(bench.site.workspace)) == 1
    store_what_was_kept(bench)
    wait_for("its output", lambda: bench.site.output(job.id) == "out\n")
    assert find_runs(bench.site.workspace) == []
