"""That nothing is claimed while the site is paused or the scheduler is cordoned or drained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import trigger_setup as make

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, trigger_claims
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import cordons, run_requests, site_pause
from OpenOrchestrator.database.stores.due_triggers import DueTrigger

HERE, THERE = Identity("here"), Identity("there")


def pause(database: Database) -> None:
    database.write(lambda session: site_pause.pause(session, reason="SAP is closed", by="Ann"))


def resume(database: Database) -> None:
    assert database.write(site_pause.resume)


def cordon(database: Database) -> None:
    assert database.write(lambda session: cordons.cordon(session, "here"))


def drain(database: Database) -> None:
    assert database.write(lambda session: cordons.drain(session, "here")).ends


def uncordon(database: Database) -> None:
    assert database.write(lambda session: cordons.uncordon(session, "here"))


def found(database: Database) -> tuple[DueTrigger, ...]:
    return trigger_claims.due_triggers(database, scheduler_name="here").due


@pytest.mark.parametrize(("hold", "release"), [(pause, resume), (cordon, uncordon), (drain, uncordon)])
def test_what_was_found_due_before_is_not_claimed_after_it_and_is_still_there_at_the_end(
    database: Database, hold: Callable[[Database], None], release: Callable[[Database], None]
) -> None:
    make.enroll(database, HERE)
    ids = [make.single(database), make.scheduled(database), make.queue(database, elements=1)]
    due = found(database)
    assert len(due) == 3
    next_run = make.trigger(database, ids[1]).next_run
    hold(database)

    assert trigger_claims.claim(database, HERE, due) == ()

    assert [make.status(database, each) for each in ids] == [TriggerStatus.IDLE] * 3
    assert make.trigger(database, ids[1]).next_run == next_run
    assert make.jobs(database) == []
    release(database)
    assert len(trigger_claims.claim(database, HERE, due)) == 3


def test_a_cordon_is_of_one_scheduler_and_others_go_on(database: Database) -> None:
    make.enroll(database, HERE)
    make.enroll(database, THERE)
    make.single(database)
    cordon(database)
    assert make.claim_all(database, HERE) == ()
    assert len(make.claim_all(database, THERE)) == 1


def test_a_pause_of_the_site_is_for_schedulers_without_a_row_too(database: Database) -> None:
    make.single(database)
    pause(database)
    assert make.claim_all(database, Identity("here (run 17)")) == ()
    resume(database)
    assert len(make.claim_all(database, Identity("here (run 17)"))) == 1


def test_a_run_by_hand_is_refused_with_the_reason_while_the_site_is_paused(database: Database) -> None:
    trigger_id = make.single(database, "Invoices")
    pause(database)
    with pytest.raises(
        InvalidInputError, match=r"the site is paused by Ann since .* \(SAP is closed\).*command resume"
    ):
        trigger_claims.claim_by_name(database, HERE, "Invoices")
    assert make.status(database, trigger_id) is TriggerStatus.IDLE
    resume(database)
    assert trigger_claims.claim_by_name(database, HERE, "Invoices").trigger_id == trigger_id


def test_a_run_that_was_asked_for_waits_until_the_site_is_resumed(database: Database) -> None:
    make.single(database, "Later", next_run=database.site_now() + timedelta(days=1))
    trigger_id = make.single(database, "Once", next_run=database.site_now() + timedelta(days=1))
    once = run_requests.RunOnce(arguments="other")
    assert database.write(lambda s: run_requests.request_once(s, trigger_id, once, now=database.utc_now()))
    pause(database)
    assert make.claim_all(database, HERE) == ()
    resume(database)
    (run,) = make.claim_all(database, HERE)
    assert (run.trigger_id, run.process_args) == (trigger_id, "other")


def test_robots_that_run_go_on_and_end_as_ever(database: Database) -> None:
    make.enroll(database, HERE)
    make.single(database)
    (run,) = make.claim_all(database, HERE)
    pause(database)
    drain(database)
    assert runs.begin_run(database, run)
    runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason="")
    assert make.status(database, run.trigger_id) is TriggerStatus.DONE
