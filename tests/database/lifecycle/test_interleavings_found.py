"""What the interleavings found, each as a plain test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trigger_setup as make
from breaking_database import BreakingDatabase

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine import driver_errors
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership, runs
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import schedulers


@pytest.fixture
def breaking(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingDatabase]:
    """The database of the test, whose commits can break."""
    monkeypatch.setattr(driver_errors, "is_disconnect", lambda error, _name: error.connection_invalidated)
    made = BreakingDatabase(database.connection_string, clock=SettableClock())
    yield made
    made.close()


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("what", ["begin", "finish", "give back", "adopt"])
def test_a_write_that_was_refused_stays_refused_when_its_commit_breaks(
    breaking: BreakingDatabase, what: str, saved: bool
) -> None:
    make.scheduled(breaking)
    here = Identity("here")
    (run,) = make.claim_all(breaking, here)
    work = {
        "begin": lambda: runs.begin_run(breaking, run),
        "finish": lambda: runs.finish(breaking, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None),
        "give back": lambda: runs.give_back(breaking, run, "why"),
        "adopt": lambda: ownership.adopt(breaking, here, run.job_id, run.fence),
    }[what]
    assert work()
    breaking.commit_breaks = saved
    assert not work(), "the same was done before, by an earlier write"
    assert breaking.commit_breaks is None


def _enroll(database: Database, identity: Identity, *, previous_is_dead: bool) -> None:
    schedulers.enroll(
        database,
        identity,
        version="1",
        slots=1,
        pid=1,
        pid_started=0.0,
        host_name="machine",
        previous_is_dead=lambda _pid, _started: previous_is_dead,
        is_silent=lambda _hold: True,
    )


def test_a_scheduler_that_hung_does_not_take_back_what_its_successor_adopted(database: Database) -> None:
    make.scheduled(database)
    hung, successor = Identity("here"), Identity("here")
    _enroll(database, hung, previous_is_dead=False)
    (run,) = make.claim_all(database, hung)
    _enroll(database, successor, previous_is_dead=True)
    fence = ownership.adopt(database, successor, run.job_id, run.fence)
    assert fence is not None
    assert ownership.adopt(database, hung, run.job_id, fence) is None
    assert ownership.extend(database, successor, [run.job_id]).ours == {run.job_id}
    schedulers.leave(database, successor)
    assert ownership.adopt(database, hung, run.job_id, fence) == fence + 1, "nobody else has the name now"
