"""A scheduler that is killed inside the transaction of a claim leaves nothing claimed, on every kind of database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dies_while_claiming
import pytest
from scheduler_site import Daemon, Site

from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus


def dying_scheduler(site: Site, place: str) -> Daemon:
    """Start a scheduler that dies at a place in its first claim."""
    log = site.folder / "dying.log"
    program = [sys.executable, str(Path(dies_while_claiming.__file__)), place]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*program, "s", "--name", "dying", "--poll-interval", "0.2"],
            cwd=site.folder,
            env=site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    daemon = Daemon(process, log)
    site.daemons.append(daemon)
    return daemon


@pytest.mark.skipif(sys.platform == "win32", reason="the scheduler ends by SIGKILL")
@pytest.mark.parametrize("place", dies_while_claiming.PLACES)
def test_killed_inside_the_claim_nothing_is_claimed_and_the_next_scheduler_starts_it(site: Site, place: str) -> None:
    trigger_id = site.scheduled("trigger", site.gated_robot("robot", "gate"), cron="0 0 1 1 *")
    site.open("gate")
    dying = dying_scheduler(site, place)
    assert dying.await_end() == -9, dying.log
    assert site.jobs() == []
    assert site.status(trigger_id) is TriggerStatus.IDLE
    # Nobody has to wait for a lease: there is none. The server may need a moment to see that its client is gone.
    daemon = site.daemon(name="living").await_up()
    job = site.await_job("trigger", JobStatus.DONE)
    assert (job.attempt, job.scheduler_name) == (1, "living")
    assert job.due_at is not None
    assert [line.split()[1] for line in site.starts("robot")] == [str(job.id)]
    daemon.stop()
    assert daemon.await_end() == 0
    assert site.status(trigger_id) is TriggerStatus.IDLE
