"""Data access of jobs and of what their robots printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import job_output, jobs
from OpenOrchestrator.database.stores.job_output import StoredPiece
from OpenOrchestrator.database.stores.jobs import JobFilter

BEGIN = datetime(2026, 1, 1)


@pytest.fixture
def stored(database):
    """Twenty jobs, one a minute, two processes, two schedulers, two triggers."""
    first, second = uuid4(), uuid4()
    rows = [
        {
            "id": uuid4(),
            "process_name": f"process {n % 2}",
            "scheduler_name": f"scheduler {n % 3}",
            "status": JobStatus.FAILED if n % 5 == 0 else JobStatus.DONE,
            "start_time": BEGIN + timedelta(minutes=n // 2),
            "trigger_id": first if n < 10 else second,
        }
        for n in range(20)
    ]
    database.write(lambda s: s.execute(sa.insert(Job.__table__), rows))
    return rows


def _find(database, **wanted):
    paging = {name: wanted.pop(name) for name in ("limit", "offset", "before") if name in wanted}
    return database.read(lambda s: jobs.find(s, JobFilter(**wanted), **paging))


def test_jobs_come_newest_first_and_stay_readable(database, stored):
    found = _find(database)
    database.close()
    assert len(found) == 20
    times = [job.start_time for job in found]
    assert times == sorted(times, reverse=True)
    assert {job.process_name for job in found} == {"process 0", "process 1"}


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"statuses": [JobStatus.FAILED]}, range(0, 20, 5)),
        ({"statuses": [JobStatus.FAILED, JobStatus.DONE]}, range(20)),
        ({"statuses": []}, []),
        ({"process_name": "process 1"}, range(1, 20, 2)),
        ({"scheduler_name": "scheduler 2"}, range(2, 20, 3)),
        ({"from_date": BEGIN + timedelta(minutes=8)}, range(16, 20)),
        ({"to_date": BEGIN + timedelta(minutes=1)}, range(4)),
        ({"process_name": "process 0", "statuses": [JobStatus.FAILED]}, [0, 10]),
        ({"process_name": "nobody"}, []),
    ],
)
def test_jobs_are_found_by_every_filter(database, stored, wanted, numbers):
    expected = {stored[n]["id"] for n in numbers}
    assert {job.id for job in _find(database, **wanted)} == expected
    assert database.read(lambda s: jobs.count(s, JobFilter(**wanted))) == len(expected)


def test_jobs_are_found_by_their_trigger(database, stored):
    assert len(_find(database, trigger_id=stored[0]["trigger_id"])) == 10


def test_pages_by_offset_and_by_place_show_every_job_once(database, stored):
    every = [job.id for job in _find(database)]
    by_offset = [job.id for page in range(7) for job in _find(database, limit=3, offset=3 * page)]
    assert by_offset == every
    by_place, before = [], None
    while page := _find(database, limit=3, before=before):
        by_place += [job.id for job in page]
        before = (page[-1].start_time, page[-1].id)
    assert by_place == every
    assert _find(database, limit=0) == ()


@pytest.mark.kinds("sqlite")
def test_a_job_whose_status_is_none_is_left_out(database, stored):
    with database.connection(writing=True) as connection:
        connection.exec_driver_sql("UPDATE Jobs SET status = 'ODD' WHERE id = ?", (stored[3]["id"].hex,))
    assert {job.id for job in _find(database)} == {row["id"] for row in stored} - {stored[3]["id"]}


def test_a_job_started_the_old_way_is_there_and_ends(database, clock):
    job_id = database.write(lambda s: jobs.start(s, "process", "host", site_now=database.site_now()))
    job = database.read(lambda s: jobs.get(s, job_id))
    assert (job.process_name, job.scheduler_name, job.status) == ("process", "host", JobStatus.RUNNING)
    assert (job.start_time, job.end_time, job.lease_until) == (datetime(2026, 1, 1, 1), None, None)
    clock.advance(timedelta(minutes=2))
    assert database.write(lambda s: jobs.set_status(s, job_id, JobStatus.DONE, site_now=database.site_now()))
    job = database.read(lambda s: jobs.get(s, job_id))
    assert (job.status, job.end_time) == (JobStatus.DONE, datetime(2026, 1, 1, 1, 2))


def test_a_job_that_is_not_there_is_told(database):
    assert database.read(lambda s: jobs.get(s, uuid4())) is None
    assert not database.write(lambda s: jobs.set_status(s, uuid4(), JobStatus.DONE, site_now=BEGIN))


def test_a_leased_job_that_an_admin_ends_is_over_for_its_scheduler(database):
    make.single(database)
    (run,) = make.claim_all(database)
    assert database.write(lambda s: jobs.set_status(s, run.job_id, JobStatus.KILLED, site_now=BEGIN))
    assert not runs.begin_run(database, run)
    assert not runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)


# --- output


@dataclass(frozen=True)
class Piece:
    sequence: int
    text: str
    stream: str = "stdout"
    written_at: datetime = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=timezone.utc)


def _append(database, job_id, *pieces):
    database.write(lambda s: job_output.append(s, job_id, pieces))


def test_output_is_read_back_in_order_from_any_place(database):
    job_id, other = uuid4(), uuid4()
    _append(database, job_id, *(Piece(n, f"line {n} æ🙂\n") for n in range(1, 6)))
    _append(database, other, Piece(1, "other", "stderr"))
    read = database.read(lambda s: job_output.read(s, job_id, after_sequence=2, limit=2))
    assert read == tuple(StoredPiece(n, "stdout", Piece(n, "").written_at, f"line {n} æ🙂\n") for n in (3, 4))
    assert [piece.sequence for piece in database.read(lambda s: job_output.read(s, job_id))] == [1, 2, 3, 4, 5]
    assert [piece.sequence for piece in database.read(lambda s: job_output.read_last(s, job_id, limit=2))] == [4, 5]
    assert database.read(lambda s: job_output.read(s, other))[0].stream == "stderr"
    assert database.read(lambda s: job_output.last_sequence(s, job_id)) == 5
    assert database.read(lambda s: job_output.last_sequence(s, uuid4())) == 0


def test_output_that_is_stored_again_is_there_once_as_it_was(database):
    job_id = uuid4()
    _append(database, job_id, Piece(1, "one"), Piece(2, "two"))
    _append(database, job_id, Piece(2, "TWO"), Piece(3, "three"))
    _append(database, job_id)
    texts = [piece.text for piece in database.read(lambda s: job_output.read(s, job_id))]
    assert texts == ["one", "two", "three"]


@pytest.mark.parametrize("text", ["", "nul \0 here", "half \ud800 here", "x" * 200_000, "\x1b[31m"])
def test_any_output_can_be_stored(database, text):
    job_id = uuid4()
    _append(database, job_id, Piece(1, text))
    (piece,) = database.read(lambda s: job_output.read(s, job_id))
    assert piece.text == text.replace("\0", "\N{REPLACEMENT CHARACTER}").replace("\ud800", "\N{REPLACEMENT CHARACTER}")


def test_the_mark_at_the_end_stands_behind_all_output_and_can_be_taken_back(database):
    job_id, other = uuid4(), uuid4()
    now = database.utc_now()
    for each in (job_id, other):
        _append(database, each, Piece(1, "one"), Piece(3, "three"))
        for text in ("missing", "said again"):
            database.write(lambda s, each=each, text=text: job_output.mark_end(s, each, text, written_at=now))
    _append(database, job_id, Piece(2, "two"))
    read = database.read(lambda s: job_output.read(s, job_id))
    assert [piece.sequence for piece in read] == [1, 2, 3, job_output.END_MARK]
    assert (read[-1].text, read[-1].stream) == ("missing", "stderr")
    assert database.read(lambda s: job_output.last_sequence(s, job_id)) == job_output.END_MARK
    assert database.read(lambda s: job_output.stored_sequences(s, job_id)) == {1, 2, 3}
    for _ in range(2):
        database.write(lambda s: job_output.unmark_end(s, job_id))
    assert [piece.sequence for piece in database.read(lambda s: job_output.read(s, job_id))] == [1, 2, 3]
    assert database.read(lambda s: job_output.last_sequence(s, other)) == job_output.END_MARK


def test_a_reason_is_changed_only_from_what_it_was(database, stored):
    job_id, other = stored[0]["id"], stored[1]["id"]
    for reason in ("first", "second"):
        database.write(lambda s, reason=reason: s.execute(sa.update(Job).values(reason=reason)))
        assert database.write(lambda s: jobs.change_reason(s, job_id, "first", None)) is (reason == "first")
        assert database.read(lambda s: jobs.get(s, job_id)).reason == (None if reason == "first" else "second")
        assert database.read(lambda s: jobs.get(s, other)).reason == reason
