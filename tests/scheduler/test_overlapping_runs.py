"""Several jobs of one trigger on real schedulers: two that share them, one that is killed, and what a robot is told."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make
from scheduler_site import Site, wait_for

from OpenOrchestrator.database.models import Job, QueueElement
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import jobs, triggers

pytestmark = [
    pytest.mark.kinds("sqlite", "postgresql", "mariadb"),
    pytest.mark.skipif(sys.platform == "win32", reason="a scheduler is ended by SIGKILL"),
]

ASKS = """
    import os, sys, time
    from pathlib import Path
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    connection = OrchestratorConnection.create_connection_from_args()
    job = sys.argv[-1]
    with open("asks.started", "a") as file:
        file.write(f"{os.getpid()} {job}\\n")
    deadline = time.monotonic() + 120
    while not os.path.exists(f"gate {job}") and time.monotonic() < deadline:
        if connection.is_trigger_pausing():
            Path(f"told {job}").touch()
        time.sleep(0.1)
    sys.exit(1 if os.path.exists(f"fails {job}") else 0)
"""


def active(site: Site) -> list[Job]:
    return [job for job in site.jobs("trigger") if job.status in ACTIVE_JOB_STATUSES]


def await_running(site: Site, count: int) -> list[Job]:
    """Wait until so many jobs run, each with a robot, and return them; there are never more."""

    def look() -> list[Job] | None:
        found = active(site)
        assert len(found) <= count, site.state()
        all_run = len(found) == count and all(job.status is JobStatus.RUNNING for job in found)
        started = {line.split()[1] for line in site.starts("asks")}
        return found if all_run and {str(job.id) for job in found} <= started else None

    return wait_for(f"{count} jobs", look, seconds=90, context=site.state)


def end(site: Site, job: Job, *, fails: bool = False) -> None:
    if fails:
        site.open(f"fails {job.id}")
    site.open(f"gate {job.id}")

    def has_ended() -> bool:
        return job.id not in {one.id for one in active(site)}

    wait_for("the end of a job", has_ended, seconds=60, context=site.state)


def told(site: Site) -> set[str]:
    return {path.name.removeprefix("told ") for path in Path(site.folder).glob("told *")}


def ends(site: Site) -> list[str]:
    return sorted(job.status.name for job in site.jobs("trigger"))


def stop_more(site: Site) -> None:
    """Leave nothing in the queue, so that nothing follows what runs."""
    done = sa.update(QueueElement).values(status=QueueStatus.DONE)
    site.database.write(lambda session: session.execute(done))


@pytest.fixture
def trigger_of_three(site: Site) -> UUID:
    """A trigger with up to three jobs, for which there is always enough to do."""
    site.elements("Q", 50)
    return site.queue("trigger", site.robot("asks", ASKS, ours=True), "Q", max_jobs=3)


def test_a_scheduler_that_is_killed_takes_its_two_of_three_jobs_over_again(site: Site, trigger_of_three: UUID) -> None:
    first = site.daemon("--max-jobs", "2", name="first").await_up()
    await_running(site, 2)
    second = site.daemon("--max-jobs", "2", name="second").await_up()
    three = await_running(site, 3)
    assert sorted(job.scheduler_name for job in three) == ["first", "first", "second"]
    first.kill()
    again = site.daemon("--max-jobs", "2", name="first").await_up()
    stop_more(site)
    own = [job for job in three if job.scheduler_name == "first"]
    end(site, own[0])
    assert site.status(trigger_of_three) is TriggerStatus.RUNNING
    (other,) = (job for job in three if job.scheduler_name == "second")
    end(site, other)
    assert site.status(trigger_of_three) is TriggerStatus.RUNNING
    end(site, own[1])
    assert site.status(trigger_of_three) is TriggerStatus.IDLE
    assert make.trigger(site.database, trigger_of_three).status_after is None
    assert ends(site) == ["DONE"] * 3
    assert len(site.starts("asks")) == 3
    for daemon in (second, again):
        daemon.stop()
        assert daemon.await_end() == 0


def test_one_that_fails_among_others_tells_them_nothing_and_a_pause_tells_all(
    site: Site, trigger_of_three: UUID
) -> None:
    site.daemon("--max-jobs", "2", name="first").await_up()
    site.daemon("--max-jobs", "2", name="second").await_up()
    three = await_running(site, 3)
    end(site, three[0], fails=True)
    assert site.database.write(lambda session: jobs.request_kill(session, three[1].id, now=site.database.utc_now()))
    wait_for("the kill", lambda: len(active(site)) == 1, seconds=60, context=site.state)
    assert told(site) == set()
    assert site.status(trigger_of_three) is TriggerStatus.RUNNING
    assert site.database.write(lambda session: triggers.enable(session, trigger_of_three)), "it goes on"
    more = await_running(site, 3)
    assert site.database.write(lambda session: triggers.request_pause(session, trigger_of_three))
    wait_for("word to all", lambda: told(site) == {str(job.id) for job in more}, seconds=60, context=site.state)
    for job in more:
        assert site.status(trigger_of_three) is TriggerStatus.PAUSING
        end(site, job)
    assert site.status(trigger_of_three) is TriggerStatus.PAUSED
    assert make.trigger(site.database, trigger_of_three).status_after is None
    assert ends(site) == ["DONE"] * 3 + ["FAILED", "KILLED"]
