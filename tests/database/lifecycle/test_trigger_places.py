"""Where triggers run: labels, and the screen of a machine that one robot at a time may use."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.labels import NEEDS_LABELS
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import due_times, runs, screens, trigger_claims
from OpenOrchestrator.database.lifecycle.trigger_claims import ClaimedRun
from OpenOrchestrator.database.lifecycle.waiting import Cause, in_short
from OpenOrchestrator.database.lifecycle.waiting_facts import explain
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import run_requests, schedulers, trigger_input, triggers

PLAIN = Identity("plain", machine="M1")
SAP = Identity("sap", machine="M1", labels=("SAP ", "windows"))
ELSEWHERE = Identity("elsewhere", machine="M2")


def due(database: Database, identity: Identity) -> list[str]:
    found = trigger_claims.due_triggers(
        database, scheduler_name=identity.name, labels=identity.labels, machine=identity.machine
    )
    return [trigger.name for trigger in found.due]


def everything_due(database: Database) -> Any:
    return trigger_claims.due_triggers(database, scheduler_name=None).due


def claim(database: Database, identity: Identity) -> list[str]:
    """Claim all that is due, whether the scheduler should have chosen it or not."""
    return [run.trigger_name for run in trigger_claims.claim(database, identity, everything_due(database))]


def end(database: Database, run: ClaimedRun) -> None:
    assert runs.begin_run(database, run)
    assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)


def stored_whitelist(database: Database, trigger_id: UUID) -> list[str]:
    """What schedulers of earlier versions read."""
    table = triggers.TRIGGERS
    column = sa.type_coerce(table.c.scheduler_whitelist, sa.Unicode())
    query = sa.select(column).where(table.c.id == trigger_id)
    found: list[str] = json.loads(database.read(lambda s: s.connection().scalar(query)) or "[]")
    return found


def change(database: Database, trigger_id: UUID, **values: Any) -> None:
    assert database.write(lambda s: triggers.update(s, trigger_id, values))


# --- labels


def test_a_trigger_runs_only_where_all_its_labels_are(database: Database) -> None:
    make.single(database, "both", labels=["sap", "Windows"])
    make.single(database, "one more", labels=["sap", "ocr"])
    make.single(database, "none")
    assert due(database, PLAIN) == ["none"]
    assert due(database, SAP) == ["both", "none"]


def test_whitelist_and_labels_both_have_to_hold(database: Database) -> None:
    make.single(database, "named", labels=["sap"], scheduler_whitelist=["plain"])
    assert due(database, PLAIN) == []
    assert due(database, SAP) == []


def test_a_claim_looks_at_the_labels_as_they_are_then(database: Database) -> None:
    trigger_id = make.single(database)
    found = trigger_claims.due_triggers(database, scheduler_name="plain").due
    change(database, trigger_id, labels=["sap"])
    assert trigger_claims.claim(database, PLAIN, found) == ()
    assert make.status(database, trigger_id) is TriggerStatus.IDLE
    assert len(trigger_claims.claim(database, SAP, found)) == 1


def test_a_run_once_on_a_chosen_scheduler_needs_no_labels(database: Database) -> None:
    trigger_id = make.scheduled(database, labels=["sap"])
    wish = run_requests.RunOnce(arguments="x", scheduler_name="plain")
    assert database.write(lambda s: run_requests.request_once(s, trigger_id, wish, now=database.utc_now()))
    assert claim(database, SAP) == []
    assert claim(database, PLAIN) == ["scheduled"]


def test_a_run_by_hand_says_which_labels_are_missing(database: Database) -> None:
    make.single(database, labels=["sap", "ocr"])
    with pytest.raises(InvalidInputError, match=r"requires the labels 'sap', 'ocr', which this machine does not carry"):
        trigger_claims.claim_by_name(database, PLAIN, "single")
    with pytest.raises(InvalidInputError, match=r"requires the label 'ocr'"):
        trigger_claims.claim_by_name(database, SAP, "single")


def test_schedulers_that_know_no_labels_see_a_whitelist_that_names_nobody(database: Database) -> None:
    trigger_id = make.single(database, labels=["sap"])
    assert stored_whitelist(database, trigger_id) == [NEEDS_LABELS]
    assert make.trigger(database, trigger_id).scheduler_whitelist == []
    change(database, trigger_id, scheduler_whitelist=["worker-1"])
    assert stored_whitelist(database, trigger_id) == ["worker-1"]
    change(database, trigger_id, scheduler_whitelist=[])  # as a robot does that stores what it has read
    assert stored_whitelist(database, trigger_id) == [NEEDS_LABELS]
    change(database, trigger_id, labels=[])
    assert stored_whitelist(database, trigger_id) == []


def test_a_mark_beside_a_name_is_not_read(database: Database) -> None:
    """An older app adds names beside what it finds."""
    trigger_id = make.single(database, labels=["sap"], scheduler_whitelist=[NEEDS_LABELS, "sap"])
    assert make.trigger(database, trigger_id).scheduler_whitelist == ["sap"]
    assert due(database, SAP) == ["single"]


@pytest.mark.parametrize("labels", [["a,b"], "sap", 1])
def test_what_cannot_be_labels_is_refused(database: Database, labels: Any) -> None:
    with pytest.raises(InvalidInputError):
        trigger_input.checked({"labels": labels}, dialect_name=database.dialect_name, zone=database.zone)


def test_a_scheduler_says_its_labels_when_it_starts_and_with_each_report(database: Database) -> None:
    def stored() -> list[str]:
        (row,) = database.read(schedulers.find_all)
        return row.labels

    make.enroll(database, SAP)
    assert stored() == ["SAP ", "windows"]
    again = Identity(SAP.name, SAP.instance, labels=("ocr",))
    schedulers.heartbeat(database, again, running_jobs=0)
    assert stored() == ["ocr"]


def test_why_says_that_nobody_carries_the_labels_and_who_lacks_what(database: Database) -> None:
    make.single(database, "due", labels=["sap", "ocr"])
    make.scheduled(database, "later", labels=["sap"], next_run=database.site_now().replace(year=2030))
    make.enroll(database, PLAIN)
    (found,) = explain(database, "due")
    (reason,) = found.reasons
    assert reason.cause is Cause.NO_LABELS
    assert "plain lacks sap, ocr" in reason.words
    assert in_short(found.reasons) == "Nobody carries sap, ocr"
    (found,) = explain(database, "later")
    assert [reason.cause for reason in found.reasons] == [Cause.NOT_DUE, Cause.NO_LABELS]
    make.enroll(database, SAP)
    (found,) = explain(database, "later")
    assert [reason.cause for reason in found.reasons] == [Cause.NOT_DUE]


# --- the screen


def screen_triggers(database: Database, *names: str) -> None:
    for name in names:
        make.scheduled(database, name, desktop="SCREEN")


def test_one_robot_at_a_time_has_the_screen_of_a_machine_whichever_scheduler_starts_it(database: Database) -> None:
    screen_triggers(database, "first", "second", "third")
    make.single(database, "beside")
    found = everything_due(database)
    won = trigger_claims.claim(database, PLAIN, found)
    assert sorted(run.needs_screen for run in won) == [False, True]
    (run,) = (run for run in won if run.needs_screen)
    assert claim(database, SAP) == []  # on the same machine
    (there,) = trigger_claims.claim(database, ELSEWHERE, everything_due(database))
    assert there.needs_screen
    assert claim(database, SAP) == []
    end(database, run)
    assert len(claim(database, SAP)) == 1


def test_names_of_machines_are_compared_without_case(database: Database) -> None:
    screen_triggers(database, "first", "second")
    assert len(claim(database, PLAIN)) == 1
    assert claim(database, Identity("other", machine=" m1")) == []


def test_a_screen_is_free_again_when_its_job_is_lost(database: Database) -> None:
    screen_triggers(database, "first", "second")
    (run,) = trigger_claims.claim(database, PLAIN, everything_due(database))
    make.expire(database, run.job_id)
    assert claim(database, SAP) == [], "as long as nobody has settled it, its robot may run"
    assert make.reap(database)
    assert len(claim(database, SAP)) == 1


def test_a_poll_says_that_the_screen_of_its_machine_is_taken(database: Database) -> None:
    def is_taken(machine: str) -> bool:
        return trigger_claims.due_triggers(database, scheduler_name="x", machine=machine).screen_taken

    screen_triggers(database, "first", "second")
    assert not is_taken("M1")
    assert len(claim(database, PLAIN)) == 1
    assert is_taken("M1")
    assert not is_taken("M2")


def test_blocking_counts_before_the_screen_whoever_wrote_it(database: Database) -> None:
    trigger_id = make.single(database, desktop="SCREEN", is_blocking=True)
    (one,) = everything_due(database)
    assert (one.is_blocking, one.needs_screen) == (True, False)
    change(database, trigger_id, is_blocking=False)  # as an older app does
    (one,) = everything_due(database)
    assert (one.is_blocking, one.needs_screen) == (False, True)


def test_why_names_the_job_that_has_the_screen(database: Database) -> None:
    screen_triggers(database, "first", "second")
    make.enroll(database, SAP)
    at_machine = Identity("sap", SAP.instance, machine="machine")
    (run,) = trigger_claims.claim(database, at_machine, everything_due(database)[:1])
    (found,) = explain(database, "second")
    (reason,) = found.reasons
    assert (reason.cause, reason.jobs) == (Cause.SCREEN_TAKEN, (run.job_id,))
    assert "taken by first since" in reason.words


def test_a_run_by_hand_does_not_take_the_screen_from_another(database: Database) -> None:
    screen_triggers(database, "first", "second")
    (run,) = trigger_claims.claim(database, PLAIN, everything_due(database)[:1])
    with pytest.raises(InvalidInputError, match=r"'first' has since .* \(job "):
        trigger_claims.claim_by_name(database, SAP, "second")
    end(database, run)
    assert trigger_claims.claim_by_name(database, SAP, "second").needs_screen


def test_what_the_screen_was_reserved_for_and_did_not_run_leaves_it_to_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen_triggers(database, "first", "second")
    found = everything_due(database)
    take = due_times.take
    refused: list[str] = []

    def refuse_one(connection: Any, schedules: Any, row: Any, *more: Any, **named: Any) -> Any:
        if not refused:
            refused.append(row.name)
            return None
        return take(connection, schedules, row, *more, **named)

    monkeypatch.setattr(due_times, "take", refuse_one)
    (run,) = trigger_claims.claim(database, PLAIN, found)
    assert run.trigger_name not in refused
    holder = database.read(screens.holders)["m1"]
    assert (holder.job_id, holder.name) == (run.job_id, run.trigger_name)
