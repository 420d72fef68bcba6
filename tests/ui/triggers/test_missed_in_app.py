"""What becomes of runs that were missed, in the app: set in forms, exported, asked about, and seen as jobs."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import trigger_setup as make
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.missed_runs import LIKE_BEFORE, MissedPolicy, MissedRuns
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.models import QueueTrigger, ScheduledTrigger
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.dashboard.backend.timeline import TimelineBackend
from OpenOrchestrator.orchestrator.jobs.backend.history import TriggerHistoryBackend
from OpenOrchestrator.orchestrator.triggers.backend import csv_export
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChange, BulkChangesBackend
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings, TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.bulk_dialog import effect
from OpenOrchestrator.orchestrator.triggers.missed_fields import check_within, in_words
from tests.ui.pages import cell, click, rows_of, select, until
from tests.ui.sample import NOW, add_jobs, add_trigger
from tests.ui.sample import site as site_time

SCHEDULED = TriggerSettings(name="S", process="p", type=TriggerType.SCHEDULED, path="/r", cron="0 8 * * *")
EACH = MissedPolicy(MissedRuns.EACH, 7200, 5)
SKIP = MissedPolicy(MissedRuns.SKIP)
HERE = Identity("RPA-VM-01")


def enter(user: User, marker: str, value: Any) -> None:
    (element,) = user.find(marker=marker).elements
    element.set_value(value)  # type: ignore[attr-defined]


def add(database: Database, name: str, **values: Any) -> UUID:
    at = site_time(NOW) - timedelta(hours=3)
    given = {"cron_expr": "0 * * * *", "next_run": at, **values}
    return add_trigger(database, ScheduledTrigger, trigger_name=name, is_blocking=False, **given)


def skip(database: Database) -> None:
    found = trigger_claims.due_triggers(database, scheduler_name=HERE.name)
    assert trigger_claims.skip_missed(database, HERE, found.missed)


def stored(database: Database, trigger_id: UUID) -> tuple[Any, Any, Any]:
    found = make.trigger(database, trigger_id)
    return found.missed, found.missed_within_seconds, found.missed_most


# --- backends


async def test_a_rule_is_kept_and_changes_no_next_run(database: Database, clock: SettableClock) -> None:
    backend = TriggerSettingsBackend(database, clock)
    created = await backend.create(replace(SCHEDULED, missed=EACH))
    seen = await backend.get(created)
    assert seen.settings.missed == EACH
    due_at = make.trigger(database, created).due_at
    clock.advance(timedelta(days=3))
    assert await backend.update(seen, replace(SCHEDULED, missed=SKIP))
    assert make.trigger(database, created).due_at == due_at
    assert (await backend.get(created)).settings.missed == MissedPolicy(MissedRuns.SKIP)
    assert not await backend.update(seen, replace(SCHEDULED, missed=EACH))  # somebody changed it since


async def test_a_row_of_an_older_program_can_be_changed(database: Database, clock: SettableClock) -> None:
    made = make.scheduled(database)
    backend = TriggerSettingsBackend(database, clock)
    seen = await backend.get(made)
    assert seen.settings.missed == LIKE_BEFORE
    assert await backend.update(seen, replace(seen.settings, missed=EACH))
    assert stored(database, made) == ("EACH", 7200, 5)


async def test_several_get_a_rule_and_those_without_a_schedule_stay(database: Database, clock: SettableClock) -> None:
    backend = BulkChangesBackend(database, clock)
    scheduled, queue = make.scheduled(database), make.queue(database)
    for each in (scheduled, queue):
        assert await backend.change(each, BulkChange(missed=EACH, priority=4))
        assert make.trigger(database, each).priority == 4
    assert stored(database, scheduled) == ("EACH", 7200, 5)


async def test_the_export_says_the_rule(database: Database, clock: SettableClock) -> None:
    ids = [
        make.scheduled(database, "plain"),
        make.scheduled(database, "each", missed="EACH", missed_within_seconds=600),
        make.scheduled(database, "skip", missed="SKIP", missed_within_seconds=600),
        make.queue(database),
    ]
    text = b"".join(csv_export.triggers(database, ids)).decode().removeprefix("\ufeff")
    found = [
        (row["Missed runs"], row["Missed within seconds"], row["Missed at most"])
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=";")
    ]
    assert found == [("once", "", ""), ("each", "600", "10"), ("skip", "", ""), ("", "", "")]


async def test_what_was_skipped_is_no_run(database: Database, clock: SettableClock) -> None:
    made = make.scheduled(database, missed="SKIP", cron_expr="0 * * * *")
    add_jobs(database, made, "scheduled", "df", last=clock.now)
    clock.advance(timedelta(minutes=7))
    found = trigger_claims.due_triggers(database, scheduler_name="here")
    assert trigger_claims.skip_missed(database, Identity("here"), found.missed)
    history = await TriggerHistoryBackend(database, clock).history(made, jobs=9, runs=9, logs=9)
    assert [row.status for row in history.rows] == [JobStatus.SKIPPED, JobStatus.FAILED, JobStatus.DONE]
    assert [run.status for run in history.lengths] == [JobStatus.DONE, JobStatus.FAILED]
    timeline = await TimelineBackend(database, clock).timeline()
    assert [lane.scheduler for lane in timeline.lanes] == ["RPA-VM-01"]


# --- words


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (LIKE_BEFORE, "One run for all"),
        (MissedPolicy(MissedRuns.ONCE, 3600), "One run for all, within 1 h"),
        (EACH, "Each in order, 5 at most, within 2 h"),
        (MissedPolicy(MissedRuns.SKIP, 3600), "Skipped"),
    ],
)
def test_words(policy: MissedPolicy, words: str) -> None:
    assert in_words(policy) == words


@pytest.mark.parametrize(("value", "right"), [("", True), ("5", True), ("60", True), ("4", False), ("x", False)])
def test_how_late_a_run_may_be_is_checked(value: str, right: bool) -> None:
    assert (check_within(value) is None) is right


def test_what_a_change_of_several_does() -> None:
    assert effect(BulkChange(missed=SKIP)) == "From now on they treat missed runs of a schedule so: skipped."


# --- pages


async def test_the_form_sets_what_becomes_of_missed_runs(user: User, site: Database) -> None:
    made = add(site, "Hourly", next_run=site_time(NOW) + timedelta(hours=1))
    await user.open(f"/triggers/{made}")
    await user.should_see("One run for all", retries=30)
    await click(user, "edit")
    await user.should_see(marker="missed", retries=30)
    await user.should_not_see(marker="missed-most")
    enter(user, "missed", MissedRuns.EACH)
    await user.should_see(marker="missed-most")
    enter(user, "missed-within", "3")
    enter(user, "missed-most", "7")
    await click(user, "save")
    await user.should_see("Must be a number from 5 to", retries=30)
    enter(user, "missed-within", "90")
    await click(user, "save")
    await until(lambda: stored(site, made) == ("EACH", 5400, 7))
    await user.should_see("Each in order, 7 at most, within 1 h 30 m", retries=30)


async def test_a_queue_trigger_is_not_asked_about_missed_runs(user: User, site: Database) -> None:
    made = add_trigger(site, QueueTrigger, trigger_name="Letters", queue_name="letters", min_batch_size=3)
    await user.open(f"/triggers/{made}")
    await click(user, "edit")
    await user.should_see(marker="batch", retries=30)
    await user.should_not_see(marker="missed")
    await user.should_not_see(marker="missed-within")


async def test_several_are_given_a_rule_in_the_dialog(user: User, site: Database) -> None:
    made = [add(site, name, next_run=site_time(NOW) + timedelta(hours=1)) for name in ("One", "Two")]
    await user.open("/triggers")
    await select(user, "triggers", "One", "Two")
    await click(user, "bulk-change…")
    await user.should_see(marker="confirm-change", retries=30)
    (button,) = user.find(kind=ui.button, marker="confirm-change").elements
    assert not button.enabled
    enter(user, "set-missed", True)
    assert button.enabled
    enter(user, "bulk-missed", MissedRuns.SKIP)
    await user.should_see("From now on they treat missed runs of a schedule so: skipped.")
    await click(user, "confirm-change")
    await user.should_see("2 triggers were changed", retries=30)
    assert [stored(site, each) for each in made] == [("SKIP", None, 10)] * 2


@pytest.mark.parametrize(
    ("missed", "words"),
    [
        ("ONCE", "Enable and run now"),
        ("EACH", "each missed run is run, in order, 10 at most."),
    ],
)
async def test_enabling_asks_by_the_rule(user: User, site: Database, missed: str, words: str) -> None:
    made = add(site, "Hourly", missed=missed, process_status=TriggerStatus.PAUSED)
    await user.open(f"/triggers/{made}")
    await click(user, "enable")
    await user.should_see(words, retries=30)


async def test_what_skips_all_that_it_missed_is_enabled_without_a_question(user: User, site: Database) -> None:
    at = site_time(NOW) - timedelta(minutes=32)
    made = add(site, "Hourly", missed="SKIP", process_status=TriggerStatus.PAUSED, next_run=at)
    await user.open(f"/triggers/{made}")
    await click(user, "enable")
    await user.should_see("Hourly was enabled", retries=30)
    assert make.status(site, made) is TriggerStatus.IDLE


async def test_a_skipped_run_is_seen_for_what_it_is(user: User, site: Database) -> None:
    made = add(site, "Hourly", missed="SKIP", next_run=site_time(NOW) - timedelta(minutes=12))
    skip(site)
    (job,) = make.jobs(site)
    await user.open("/jobs")
    row = (await rows_of(user, "jobs"))["Hourly"]
    assert cell(row, "status")["p"]["w"] == "Skipped"
    assert not cell(row, "duration")["t"]
    assert "was missed and is skipped" in cell(row, "reason")["t"]
    await user.open(f"/jobs/{job.id}")
    await user.should_see("was missed and is skipped", retries=30)
    await user.should_see("Was due")
    await user.should_not_see(marker="run-again")
    await user.should_not_see(marker="kill")
    await user.open(f"/triggers/{made}")
    await user.should_see("Never run", retries=30)


async def test_why_says_how_many_wait(user: User, site: Database) -> None:
    made = add(site, "Hourly", missed="EACH", missed_most=2)
    await user.open(f"/triggers/{made}")
    await click(user, "menu-why")
    await user.should_see("2 missed runs are waiting", retries=30)


def test_what_a_list_shows_says_whether_all_is_skipped(site: Database) -> None:
    row = ListedTrigger(
        id=UUID(int=1),
        name="a",
        process="p",
        type=TriggerType.SCHEDULED,
        status=TriggerStatus.IDLE,
        priority=0,
        is_blocking=False,
        schedulers=(),
        next_run=datetime(2026, 11, 23, 6),
        last_run=None,
        cron="0 6 * * *",
        queue=None,
        min_batch_size=None,
        run_requested=False,
        late=False,
        stuck=False,
    )
    zone = site.zone
    assert not row.skips_missed(zone, NOW)
    assert replace(row, missed=SKIP).skips_missed(zone, NOW)
    assert not replace(row, missed=SKIP, next_run=datetime(2026, 11, 24, 6)).skips_missed(zone, NOW)
    assert not replace(row, missed=SKIP, cron="bad").skips_missed(zone, NOW)


async def test_the_form_says_how_a_robot_is_stopped_whose_time_is_up(user: User, site: Database) -> None:
    made = add(site, "Hourly", next_run=site_time(NOW) + timedelta(hours=1), timeout_seconds=600)
    await user.open(f"/triggers/{made}")
    await user.should_see("Terminated, killed after 5 s", retries=30)
    await click(user, "edit")
    await user.should_see(marker="stop-soft", retries=30)
    enter(user, "stop-soft", "a minute")
    await click(user, "save")
    await user.should_see("1 field to correct", retries=30)
    enter(user, "stop-soft", "60")
    enter(user, "stop-terminate", "10")
    await click(user, "save")
    await user.should_see("Asked for 1 min, terminated, killed after 10 s", retries=30)
    found = make.trigger(site, made)
    assert (found.stop_soft_seconds, found.stop_terminate_seconds) == (60, 10)
