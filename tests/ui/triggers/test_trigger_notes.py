"""Running a trigger once, pausing it with a reason and an end, and skipping its next run, as an admin does it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import ScheduledTrigger, Trigger
from OpenOrchestrator.database.statuses import TriggerStatus
from tests.ui.pages import act_on, cell, click, rows_of, select, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time

AT_TEN = site_time(NOW).replace(hour=10, minute=0)


def new_trigger(database: Database, name: str = "Invoices", **values: Any) -> UUID:
    given = {"cron_expr": "0 * * * *", "next_run": AT_TEN, "process_args": "own"} | values
    return add_trigger(database, ScheduledTrigger, trigger_name=name, **given)


def stored(database: Database, name: str = "Invoices") -> Any:
    query = sa.select(Trigger).where(Trigger.trigger_name == name)
    return database.read(lambda session: session.scalars(query).one())


def enter(user: User, marker: str, value: str) -> None:
    (element,) = user.find(kind=ui.input, marker=marker).elements
    element.set_value(value)


# --- run once


async def test_a_trigger_runs_once_with_other_arguments_and_the_run_can_be_cancelled(
    user: User, site: Database
) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "menu-once")
    await user.should_see("Run Invoices once?", retries=30)
    (arguments,) = user.find(kind=ui.textarea, marker="run-arguments").elements
    assert arguments.value == "own"
    arguments.set_value("other")
    enter(user, "your-name", "Anna")
    await click(user, "confirm-run")
    await user.should_see("A run of Invoices was requested", retries=30)
    trigger = stored(site)
    assert (trigger.run_args, trigger.run_requested_by, trigger.process_args) == ("other", "Anna", "own")
    await user.should_see("A run with arguments of its own was asked for by Anna just now", retries=30)
    await click(user, "cancel")
    await user.should_see("The run of Invoices was cancelled", retries=30)
    assert stored(site).run_requested_at is None


async def test_a_paused_trigger_runs_once_and_stays_paused(user: User, site: Database) -> None:
    new_trigger(site, process_status=TriggerStatus.PAUSED)
    await user.open("/triggers")
    await act_on(user, "triggers", "once", "Invoices")
    await user.should_see("Its trigger is paused, and stays so", retries=30)
    await click(user, "confirm-run")
    await user.should_see("A run of Invoices was requested", retries=30)
    assert (stored(site).process_status, stored(site).run_args) == (TriggerStatus.PAUSED, "own")
    await until(lambda: cell_of(user, "next")["t"] == "Run requested")


def cell_of(user: User, column: str) -> dict[str, Any]:
    (element,) = user.find(marker="triggers").elements
    return cell(element.rows[0], column)  # type: ignore[attr-defined]


async def test_the_name_is_asked_for_once(user: User, site: Database) -> None:
    new_trigger(site)
    new_trigger(site, "Other")
    await user.open("/triggers")
    await act_on(user, "triggers", "once", "Invoices")
    await user.should_see(marker="your-name", retries=30)
    enter(user, "your-name", "Anna")
    await click(user, "confirm-run")
    await user.should_see("A run of Invoices was requested", retries=30)
    await act_on(user, "triggers", "pause", "Other")
    await user.should_see("As Anna.", retries=30)
    await click(user, "confirm-pause")
    await user.should_see("Other was paused", retries=30)
    assert stored(site, "Other").paused_by == "Anna"


# --- pause with a reason and an end


async def test_a_trigger_is_paused_with_a_reason_and_an_end(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "menu-pause-until")
    await user.should_see("Pause Invoices?", retries=30)
    await user.should_see("What a schedule misses meanwhile is one run at the end, unless its trigger says otherwise.")
    await click(user, "suggest monday 06:00")
    enter(user, "pause-reason-field", "SAP is closed")
    enter(user, "your-name", "Anna")
    await click(user, "confirm-pause")
    await user.should_see("Invoices was paused", retries=30)
    trigger = stored(site)
    assert trigger.process_status is TriggerStatus.PAUSED
    assert (trigger.paused_by, trigger.pause_reason, trigger.paused_at) == ("Anna", "SAP is closed", NOW)
    assert trigger.paused_until == datetime(2026, 11, 30, 5, tzinfo=NOW.tzinfo)
    await user.should_see("Paused by Anna just now, until Mon 30 Nov 06:00", retries=30)
    await user.should_see("SAP is closed")
    await click(user, "change-pause")
    await user.should_see("Change the pause of Invoices?", retries=30)
    enter(user, "until-date", "")
    enter(user, "until-time", "")
    enter(user, "pause-reason-field", "SAP is still closed")
    await click(user, "confirm-pause")
    await user.should_see("The pause of Invoices was changed", retries=30)
    assert (stored(site).paused_until, stored(site).pause_reason) == (None, "SAP is still closed")
    await click(user, "enable")
    await user.should_see("Invoices was enabled", retries=30)
    assert (stored(site).process_status, stored(site).pause_reason) == (TriggerStatus.IDLE, None)


async def test_an_end_in_the_past_is_refused(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "menu-pause-until")
    await user.should_see(marker="until-date", retries=30)
    enter(user, "until-date", "2026-11-22")
    await click(user, "confirm-pause")
    await user.should_see("This has passed already.", retries=30)
    assert stored(site).process_status is TriggerStatus.IDLE


async def test_an_ordinary_pause_says_who_and_since_when(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "pause")
    await user.should_see("Paused just now", retries=30)
    assert (stored(site).paused_at, stored(site).paused_by, stored(site).paused_until) == (NOW, None, None)


async def test_several_are_paused_for_the_same_reason(user: User, site: Database) -> None:
    for name in ("A", "B"):
        new_trigger(site, name)
    await user.open("/triggers")
    await select(user, "triggers", "A", "B")
    await click(user, "bulk-pause-until…")
    await user.should_see("A and B will not start before the pause ends", retries=30)
    enter(user, "pause-reason-field", "Holidays")
    await click(user, "confirm-pause")
    await user.should_see("2 triggers were paused", retries=30)
    assert {stored(site, name).pause_reason for name in ("A", "B")} == {"Holidays"}


async def test_what_an_older_program_left_is_not_shown(user: User, site: Database) -> None:
    """It set the status alone; a scheduler of 4.0 empties the note, and until then nothing shows it."""
    await user.open(f"/triggers/{new_trigger(site, paused_at=NOW, pause_reason='old', paused_by='Anna')}")
    await user.should_see("Next runs", retries=30)
    await user.should_not_see("old")
    await user.should_not_see("Paused by")


# --- skip the next run


async def test_the_next_run_is_skipped_and_runs_after_all(user: User, site: Database) -> None:
    trigger_id = new_trigger(site)
    await user.open(f"/triggers/{trigger_id}")
    await click(user, "menu-skip")
    await user.should_see("Skip the run on Mon 23 Nov 2026, 10:00?", retries=30)
    await user.should_see("Invoices does not run on Mon 23 Nov 2026, 10:00. It runs next on Mon 23 Nov 2026, 11:00.")
    await click(user, "confirm")
    await user.should_see("Invoices skips its run on Mon 23 Nov 2026, 10:00", retries=30)
    assert stored(site).next_run == AT_TEN.replace(hour=11)
    await user.should_see("The run of 10:00 is skipped, asked for just now", retries=30)
    await user.should_see("skipped")
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    assert cell(rows["Invoices"], "next")["s"] == "Skips 10:00"
    assert rows["Invoices"]["a"]["skip"] == "Its next run is skipped already"
    await user.open(f"/triggers/{trigger_id}")
    await click(user, "unskip")
    await user.should_see("Invoices runs on Mon 23 Nov 2026, 10:00 after all", retries=30)
    assert stored(site).next_run == AT_TEN


async def test_a_next_run_that_has_changed_meanwhile_is_not_skipped(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "menu-skip")
    await user.should_see(marker="confirm", retries=30)
    moved = AT_TEN + timedelta(hours=3)
    site.write(lambda session: session.execute(sa.update(ScheduledTrigger.__table__).values(next_run=moved)))
    await click(user, "confirm")
    await user.should_see("Skip the run of Invoices: changed meanwhile", retries=30)
    assert stored(site).next_run == moved


# --- save and run now


async def test_a_new_trigger_is_saved_and_run(user: User, site: Database) -> None:
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="save-and-run", retries=30)
    for marker, value in (("name", "New"), ("process", "p"), ("path", "robot.py"), ("cron", "0 6 * * *")):
        enter(user, marker, value)
    await click(user, "save-and-run")
    await user.should_see("A run of New was requested", retries=30)
    assert (stored(site, "New").run_requested_at, stored(site, "New").run_args) == (NOW, None)


async def test_a_trigger_that_is_not_idle_is_saved_alone(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site, process_status=TriggerStatus.PAUSED)}")
    await click(user, "edit")
    await user.should_see(marker="save", retries=30)
    await user.should_not_see(marker="save-and-run")
