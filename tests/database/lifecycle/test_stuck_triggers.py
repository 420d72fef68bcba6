"""Triggers that wait for the end of a run that there is none of."""

from __future__ import annotations

import pytest
import trigger_setup as make

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores import triggers


@pytest.mark.parametrize(
    ("status", "settled"),
    [(TriggerStatus.PAUSING, TriggerStatus.PAUSED), (TriggerStatus.KILLING, TriggerStatus.KILLED)],
)
def test_a_trigger_that_waits_for_nothing_is_settled(
    database: Database, status: TriggerStatus, settled: TriggerStatus
) -> None:
    trigger_id = make.scheduled(database)
    database.write(lambda session: triggers.set_status(session, trigger_id, status))
    assert make.settle_stuck(database) == 1
    assert database.read(lambda session: triggers.get(session, trigger_id).process_status) is settled
    assert make.settle_stuck(database) == 0


def test_a_trigger_whose_job_runs_is_left_to_its_end(database: Database) -> None:
    trigger_id = make.scheduled(database)
    (run,) = make.claim_all(database, Identity("here"))
    assert run.trigger_id == trigger_id
    for status in (TriggerStatus.PAUSING, TriggerStatus.KILLING):
        database.write(lambda session, status=status: triggers.set_status(session, trigger_id, status))
        assert make.settle_stuck(database) == 0
        assert database.read(lambda session: triggers.get(session, trigger_id).process_status) is status


@pytest.mark.parametrize("status", [TriggerStatus.RUNNING, TriggerStatus.IDLE, TriggerStatus.FAILED])
def test_other_triggers_are_left_alone(database: Database, status: TriggerStatus) -> None:
    trigger_id = make.scheduled(database)
    database.write(lambda session: triggers.set_status(session, trigger_id, status))
    assert make.settle_stuck(database) == 0
    assert database.read(lambda session: triggers.get(session, trigger_id).process_status) is status
