"""A scheduler with real robots: runs that fail are tried again, also if schedulers die at the worst moments."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from scheduler_site import Daemon, Site, wait_for

from OpenOrchestrator.database.models import Job, Trigger
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, StartedBy, TriggerStatus
from OpenOrchestrator.scheduler import failpoints

pytestmark = pytest.mark.kinds("sqlite")

YEARLY = "0 0 1 1 *"
FAILS_TWICE = """
    import sys
    with open("attempts", "a") as file:
        file.write("x")
    sys.exit(0 if len(open("attempts").read()) > 2 else 7)
"""
FAILS = """
    import sys
    with open("attempts", "a") as file:
        file.write("x")
    sys.exit(7)
"""


def attempts(site: Site) -> int:
    path = site.folder / "attempts"
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


def await_ended(site: Site, count: int) -> Sequence[Job]:
    def ended() -> Sequence[Job]:
        jobs = site.jobs()
        assert len(jobs) <= count, site.state()
        return jobs if len(jobs) == count and all(job.status not in ACTIVE_JOB_STATUSES for job in jobs) else ()

    return wait_for(f"{count} jobs", ended, context=site.state)


def trigger_of(site: Site) -> Trigger:
    return site.database.read(lambda session: session.scalars(sa.select(Trigger)).one())


@pytest.mark.parametrize("kind", ["scheduled", "single", "queue"])
def test_a_robot_that_fails_twice_is_tried_until_it_works(site: Site, kind: str) -> None:
    path = site.robot("robot", FAILS_TWICE)
    rules = {"retry_times": 2, "retry_pause_seconds": 1}
    if kind == "queue":
        site.elements("Q", 1)
        made = site.queue("robot", path, "Q", **rules)
    elif kind == "single":
        made = site.single("robot", path, **rules)
    else:
        made = site.scheduled("robot", path, cron=YEARLY, **rules)
    daemon = site.daemon()
    first, second, third = await_ended(site, 3)
    daemon.stop()
    daemon.await_end()
    assert [job.status for job in (first, second, third)] == [JobStatus.FAILED, JobStatus.FAILED, JobStatus.DONE]
    assert (first.retry_of, second.retry_of, third.retry_of) == (None, first.id, first.id)
    assert (second.retry_number, third.retry_number) == (1, 2)
    assert third.started_by == StartedBy.RETRY.name
    for before, after in ((first, second), (second, third)):
        assert before.end_time is not None
        assert (after.start_time - before.end_time).total_seconds() > 0.9
    assert site.status(made) is (TriggerStatus.DONE if kind == "single" else TriggerStatus.IDLE)
    assert trigger_of(site).failed_runs == 0
    assert_told(daemon, first, (first, second))


def assert_told(daemon: Daemon, first: Job, failed: Sequence[Job]) -> None:
    """Assert that the log says of each failed run which retry it leads to, and of each claim which retry it is."""
    for number, job in enumerate(failed, start=1):
        assert re.search(rf"exit code 7 \(job {job.id}\)\. Retry {number} is due at \d{{4}}-", daemon.log), daemon.log
        assert f'Claimed "robot" for retry {number} of job {first.id}, ' in daemon.log
    assert daemon.log.count("Retry") == daemon.log.count("for retry") == len(failed)


def test_a_robot_that_keeps_failing_stops_its_trigger_after_its_last_retry(site: Site) -> None:
    made = site.scheduled("robot", site.robot("robot", FAILS), cron=YEARLY, retry_times=1)
    daemon = site.daemon()
    await_ended(site, 2)
    wait_for("the trigger", lambda: site.status(made) is TriggerStatus.FAILED, context=site.state)
    daemon.stop()
    daemon.await_end()
    assert attempts(site) == 2
    assert trigger_of(site).failed_runs == 1
    first, _last = site.jobs()
    assert_told(daemon, first, (first,))


@pytest.mark.skipif(sys.platform == "win32", reason="failpoints end the process by SIGKILL")
@pytest.mark.parametrize("place", [failpoints.BEFORE_FINISH, failpoints.AFTER_FINISH])
def test_a_scheduler_that_dies_around_the_end_of_a_run_neither_loses_nor_doubles_its_retry(
    site: Site, place: str
) -> None:
    site.scheduled("robot", site.robot("robot", FAILS_TWICE), cron=YEARLY, retry_times=2)
    assert site.daemon(**{failpoints.VARIABLE: place}).await_end() == -signal.SIGKILL
    assert attempts(site) == 1
    daemon = site.daemon()
    jobs = await_ended(site, 3)
    daemon.stop()
    daemon.await_end()
    assert [job.status for job in jobs] == [JobStatus.FAILED, JobStatus.FAILED, JobStatus.DONE]
    assert [job.retry_number for job in jobs] == [None, 1, 2]
    assert attempts(site) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="failpoints end the process by SIGKILL")
def test_a_scheduler_that_dies_after_it_claimed_a_retry_leaves_it_to_the_next(site: Site) -> None:
    site.scheduled("robot", site.robot("robot", FAILS), cron=YEARLY, retry_times=1)
    assert site.once().process.returncode == 1
    assert attempts(site) == 1
    assert site.daemon(**{failpoints.VARIABLE: failpoints.AFTER_CLAIM}).await_end() == -signal.SIGKILL
    daemon = site.daemon()
    first, lost, second = await_ended(site, 3)
    daemon.stop()
    daemon.await_end()
    assert [job.status for job in (first, lost, second)] == [JobStatus.FAILED, JobStatus.KILLED, JobStatus.FAILED]
    assert (lost.retry_number, second.retry_number) == (1, 1)
    assert attempts(site) == 2
