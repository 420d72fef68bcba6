"""What triggers require of machines, in the app: form, list, page, and several triggers at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.labels import NEEDS_LABELS
from OpenOrchestrator.database.models import ScheduledTrigger, Scheduler
from OpenOrchestrator.database.statuses import Desktop
from OpenOrchestrator.database.stores import triggers
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChange, BulkChangesBackend
from OpenOrchestrator.orchestrator.triggers.backend.places import PlacesBackend
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.bulk_dialog import effect
from OpenOrchestrator.orchestrator.triggers.checks import doubt_schedulers, entered
from tests.ui.pages import cell, click, rows_of, select
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time


def add_scheduler(database: Database, name: str, *labels: str, is_old: bool = False) -> None:
    known: dict[str, Any] = {} if is_old else {"labels": list(labels), "slots": 2, "version": "4.0.0"}
    live = {"instance": uuid4(), "lease_until": datetime(2100, 1, 1, tzinfo=timezone.utc), "heartbeat_at": NOW}
    database.write(
        lambda session: session.add(Scheduler(machine_name=name, last_update=site_time(NOW), **live, **known))
    )


def add(database: Database, name: str, **values: Any) -> UUID:
    due = site_time(NOW + timedelta(hours=5))
    return add_trigger(database, ScheduledTrigger, trigger_name=name, cron_expr="0 6 * * *", next_run=due, **values)


def whitelist(database: Database, trigger_id: UUID) -> str:
    table = triggers.TRIGGERS
    column = sa.type_coerce(table.c.scheduler_whitelist, sa.Unicode())
    return database.read(lambda s: str(s.connection().scalar(sa.select(column).where(table.c.id == trigger_id))))


def enter(user: User, marker: str, value: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = value  # type: ignore[attr-defined]


async def test_what_is_saved_keeps_older_schedulers_away_and_is_guarded(
    database: Database, clock: SettableClock
) -> None:
    backend = TriggerSettingsBackend(database, clock)
    trigger_id = make.scheduled(database)
    stored = await backend.get(trigger_id)
    assert (stored.settings.labels, stored.settings.desktop) == ((), Desktop.BACKGROUND)
    wanted = replace(stored.settings, labels=("sap",), desktop=Desktop.SCREEN)
    assert await backend.update(stored, wanted)
    assert NEEDS_LABELS in whitelist(database, trigger_id)
    stored = await backend.get(trigger_id)
    assert stored.settings == wanted

    # An older app makes it blocking, and another one not blocking again.
    for is_blocking, desktop in ((True, Desktop.EXCLUSIVE), (False, Desktop.SCREEN)):
        assert database.write(lambda s: triggers.update(s, trigger_id, {"is_blocking": is_blocking}))  # noqa: B023
        assert not await backend.update(stored, replace(wanted, priority=7)), "somebody else changed it"
        stored = await backend.get(trigger_id)
        assert stored.settings.desktop is desktop
        assert await backend.update(stored, replace(stored.settings, desktop=desktop))
        stored = await backend.get(trigger_id)
        if desktop is Desktop.EXCLUSIVE:
            database.write(lambda s: triggers.update(s, trigger_id, {"desktop": "SCREEN"}))
    assert await backend.update(stored, replace(stored.settings, labels=()))
    assert whitelist(database, trigger_id) == "[]"


async def test_the_same_settings_are_saved_again_without_a_conflict(database: Database, clock: SettableClock) -> None:
    backend = TriggerSettingsBackend(database, clock)
    for values in ({"labels": ["sap"]}, {"desktop": "SCREEN"}, {"is_blocking": True, "desktop": "SCREEN"}, {}):
        trigger_id = make.scheduled(database, **values)
        stored = await backend.get(trigger_id)
        assert await backend.update(stored, stored.settings)


async def test_labels_and_desktop_of_several(database: Database, clock: SettableClock) -> None:
    backend = BulkChangesBackend(database, clock)
    trigger_id = make.single(database, priority=3)
    assert await backend.change(trigger_id, BulkChange(labels=(" sap ", "SAP", "ocr"), desktop=Desktop.SCREEN))
    stored = make.trigger(database, trigger_id)
    assert (stored.labels, stored.desktop, stored.is_blocking, stored.priority) == (["sap", "ocr"], "SCREEN", False, 3)
    assert NEEDS_LABELS in whitelist(database, trigger_id)
    assert await backend.change(trigger_id, BulkChange(schedulers=("a",), desktop=Desktop.EXCLUSIVE))
    assert whitelist(database, trigger_id) == '["a"]'
    assert make.trigger(database, trigger_id).is_blocking
    assert await backend.change(trigger_id, BulkChange(schedulers=()))
    assert NEEDS_LABELS in whitelist(database, trigger_id)
    assert await backend.change(trigger_id, BulkChange(labels=()))
    assert whitelist(database, trigger_id) == "[]"
    with pytest.raises(InvalidInputError, match="cannot be"):
        await backend.change(trigger_id, BulkChange(labels=("a,b",)))


def test_the_effect_on_several_is_said() -> None:
    assert effect(BulkChange(labels=("sap", "ocr"))) == "From now on they require the labels sap and ocr."
    assert effect(BulkChange(labels=())) == "From now on they require no labels."
    assert effect(BulkChange(desktop=Desktop.SCREEN)) == "From now on they need the screen."


async def test_labels_to_choose_from_are_those_in_use(database: Database, clock: SettableClock) -> None:
    make.single(database, labels=["SAP", "ocr"])
    add_scheduler(database, "VM-1", "sap", "Windows")
    add_scheduler(database, "VM-2", is_old=True)
    places = PlacesBackend(database, clock)
    assert [label.casefold() for label in await places.labels()] == ["ocr", "sap", "windows"]
    assert await places.live() == {"VM-1": ("sap", "Windows"), "VM-2": None}


async def test_the_form_says_what_nobody_carries_and_saves_it_all_the_same(user: User, site: Database) -> None:
    add_scheduler(site, "VM-1", "sap")
    await user.open("/triggers?form=new")
    await user.should_see(marker="labels", retries=30)
    enter(user, "name", "Letters")
    enter(user, "process", "letters")
    enter(user, "path", "/robots/letters.py")
    enter(user, "labels", ["SAP"])
    await user.should_not_see("no scheduler that is heard from")
    enter(user, "labels", ["SAP", "ocr"])
    await user.should_see("VM-1 lacks ocr")
    enter(user, "labels", ["a,b"])
    await user.should_not_see("VM-1 lacks")
    await click(user, "save")
    await user.should_see("cannot be: a label is a text")
    enter(user, "labels", ["SAP", "ocr"])
    enter(user, "cron", "0 6 * * *")
    await click(user, "save")
    await user.should_see("Letters was created", retries=50)
    await user.should_see("It requires the labels SAP, ocr, and no scheduler that is heard from carries all of them.")


async def test_list_and_page_show_what_is_required_and_that_nobody_carries_it(user: User, site: Database) -> None:
    add_scheduler(site, "VM-1", "sap")
    add(site, "Met", labels=["SAP"], is_blocking=False, desktop="SCREEN")
    unmet = add(site, "Unmet", labels=["ocr"], scheduler_whitelist=["VM-1"], is_blocking=False)
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    met, not_met = cell(rows["Met"], "where"), cell(rows["Unmet"], "where")
    assert (met["t"], met["s"], "f" in met) == ("SAP", "Screen", False)
    assert "one such robot at a time on a machine" in met["tip"]
    assert (not_met["t"], not_met["f"]) == ("VM-1, ocr", "timeout")
    assert "VM-1 lacks ocr" in not_met["tip"]
    await user.open(f"/triggers/{unmet}")
    await user.should_see("It requires the label ocr, and no scheduler that is heard from carries it.", retries=30)
    await user.should_see("Background")


async def test_several_triggers_get_labels_and_a_desktop(user: User, site: Database) -> None:
    add_scheduler(site, "VM-1", "sap")
    one, two = add(site, "One"), add(site, "Two")
    await user.open("/triggers")
    await select(user, "triggers", "One", "Two")
    await click(user, "bulk-change…")
    await user.should_see(marker="confirm-change", retries=30)
    enter(user, "set-labels", True)
    enter(user, "bulk-labels", ["ocr"])
    await user.should_see("VM-1 lacks ocr")
    enter(user, "set-desktop", True)
    enter(user, "bulk-desktop", Desktop.SCREEN)
    await user.should_see("From now on they require the label ocr and need the screen.")
    await click(user, "confirm-change")
    await user.should_see("2 triggers were changed", retries=30)
    for each in (one, two):
        stored = make.trigger(site, each)
        assert (stored.labels, stored.is_blocking, stored.desktop) == (["ocr"], False, "SCREEN")


async def test_the_list_of_schedulers_shows_and_finds_labels(user: User, site: Database) -> None:
    add_scheduler(site, "VM-1", "sap", "windows")
    add_scheduler(site, "VM-2")
    await user.open("/schedulers?q=sap")
    rows = await rows_of(user, "schedulers")
    assert set(rows) == {"VM-1"}
    assert cell(rows["VM-1"], "name")["g"] == ["sap", "windows"]


async def test_the_form_stores_names_as_all_other_ways_do(database: Database, clock: SettableClock) -> None:
    backend = TriggerSettingsBackend(database, clock)
    trigger_id = make.scheduled(database)
    stored = await backend.get(trigger_id)
    wanted = replace(stored.settings, name=" Bank ", labels=(" sap ", "SAP", "ocr"), schedulers=(" a ", "a"))
    assert await backend.update(stored, wanted)
    saved = (await backend.get(trigger_id)).settings
    assert (saved.name, saved.labels, saved.schedulers) == ("Bank", ("sap", "ocr"), ("a",))
    created = (await backend.get(await backend.create(wanted))).settings
    assert (created.name, created.labels, created.schedulers) == ("Bank", ("sap", "ocr"), ("a",))
    for wrong in ({"labels": ("a,b",)}, {"labels": (" ",)}, {"schedulers": ("",)}, {"timeout_seconds": 0}):
        with pytest.raises(InvalidInputError):
            await backend.create(replace(wanted, **wrong))


def test_blanks_alone_are_no_name() -> None:
    assert entered([" sap ", "  ", "sap", "ocr"]) == ("sap", "ocr")
    assert entered(None) == ()
    assert doubt_schedulers(["  "], []) == ""
