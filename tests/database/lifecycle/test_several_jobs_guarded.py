"""What of several jobs of one trigger waits, is taken back, or must not be: the guards, each on its own."""

from __future__ import annotations

from uuid import UUID

import trigger_setup as make
from test_several_jobs import RETRYING, THERE, _let_retries_be_due, end, start, statuses

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs, trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import triggers


def claim_retry(database: Database, *, begin: bool) -> ClaimedRun:
    _let_retries_be_due(database)
    (retry,) = make.claim_all(database, THERE)
    assert not begin or runs.begin_run(database, retry)
    return retry


def waiting(database: Database, trigger_id: UUID) -> tuple[object, object]:
    """Return which retry a trigger waits for, and of which job."""
    trigger = make.trigger(database, trigger_id)
    return trigger.retry_number, trigger.retry_of


def test_a_mark_that_was_left_by_hand_is_gone_with_the_next_claim(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    assert database.write(lambda s: triggers.update(s, trigger_id, {"status_after": TriggerStatus.FAILED.name}))
    begun = start(database, clock, 1)
    assert statuses(database, trigger_id, begun) == ["Idle"]


def test_what_runs_and_is_not_to_be_held_cannot_be_enabled(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    start(database, clock, 2)
    assert not database.write(lambda s: triggers.enable(s, trigger_id))


def test_what_is_being_killed_cannot_be_enabled_though_a_failure_holds_it(
    database: Database, clock: SettableClock
) -> None:
    trigger_id = make.scheduled(database, max_jobs=3)
    first, second = start(database, clock, 2)
    end(database, first, JobStatus.FAILED)
    assert database.write(lambda s: triggers.request_kill(s, trigger_id))
    assert not database.write(lambda s: triggers.enable(s, trigger_id))
    end(database, second, JobStatus.KILLED)
    assert make.status(database, trigger_id) is TriggerStatus.KILLED


def test_what_fails_while_its_trigger_is_being_killed_is_not_retried(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3, **RETRYING)
    begun = start(database, clock, 2)
    assert database.write(lambda s: triggers.request_kill(s, trigger_id))
    assert statuses(database, trigger_id, begun, JobStatus.FAILED, JobStatus.FAILED) == ["Killing", "Killed"]
    assert waiting(database, trigger_id) == (None, None)


def test_a_retry_that_is_given_back_beside_others_waits_again(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3, **RETRYING)
    first, second = start(database, clock, 2)
    end(database, first, JobStatus.FAILED)
    retry = claim_retry(database, begin=False)
    assert runs.give_back(database, retry, "why")
    assert make.status(database, trigger_id) is TriggerStatus.RUNNING
    assert waiting(database, trigger_id) == (1, first.job_id)
    assert statuses(database, trigger_id, [second]) == ["Idle"]


def test_the_later_retry_stays_when_it_is_given_back(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3, **RETRYING)
    first, second = start(database, clock, 2)
    end(database, first, JobStatus.FAILED)
    end(database, claim_retry(database, begin=True), JobStatus.FAILED)
    later = claim_retry(database, begin=False)
    end(database, second, JobStatus.FAILED)
    assert waiting(database, trigger_id) == (1, second.job_id)
    assert runs.give_back(database, later, "why")
    assert waiting(database, trigger_id) == (2, first.job_id)


def test_the_later_retry_stays_when_an_earlier_one_is_given_back(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3, **RETRYING)
    first, second = start(database, clock, 2)
    end(database, first, JobStatus.FAILED)
    once_more = claim_retry(database, begin=True)
    end(database, second, JobStatus.FAILED)
    earlier = claim_retry(database, begin=False)
    end(database, once_more, JobStatus.FAILED)
    assert waiting(database, trigger_id) == (2, first.job_id)
    assert runs.give_back(database, earlier, "why")
    assert waiting(database, trigger_id) == (2, first.job_id)


def test_of_two_that_fail_alike_the_first_waits_for_its_retry(database: Database, clock: SettableClock) -> None:
    trigger_id = make.scheduled(database, max_jobs=3, **RETRYING)
    first, second = start(database, clock, 2)
    assert statuses(database, trigger_id, [first, second], JobStatus.FAILED, JobStatus.FAILED) == ["Running", "Idle"]
    assert waiting(database, trigger_id) == (1, first.job_id)


def test_what_was_to_run_beside_a_job_that_has_ended_is_left_for_the_next_look(
    database: Database, clock: SettableClock
) -> None:
    make.scheduled(database, max_jobs=3)
    (run,) = start(database, clock, 1)
    seen = trigger_claims.due_triggers(database, scheduler_name="there").due
    end(database, run)
    assert [trigger.beside for trigger in seen] == [True]
    assert trigger_claims.claim(database, THERE, seen) == ()
    assert len(make.claim_all(database, THERE)) == 1
