"""Scheduler, priority and tags of several triggers at once: the backend on every database, and the dialog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueTrigger, Trigger
from OpenOrchestrator.database.statuses import RobotEnvironment
from OpenOrchestrator.database.stores import notes, triggers
from OpenOrchestrator.database.stores.notes import Annotated, Owner, StoredAnnotation
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import (
    BulkChange,
    BulkChangesBackend,
    TimeLimit,
)
from OpenOrchestrator.orchestrator.triggers.bulk_dialog import effect
from tests.ui.pages import click, select, until
from tests.ui.sample import add_trigger

TRIGGER = AnnotatedKind.TRIGGER


def note(database: Database, trigger_id: UUID, *tags: str, text: str = "") -> None:
    def work(session: Any) -> None:
        seen = notes.read(session, TRIGGER, str(trigger_id))
        values = Annotated(text, Owner("Anna"), tags)
        assert notes.save(session, TRIGGER, str(trigger_id), values, seen=seen, now=database.utc_now())

    database.write(work)


def noted(database: Database, trigger_id: UUID) -> Annotated:
    return database.read(lambda session: notes.read(session, TRIGGER, str(trigger_id))).values


def settings(database: Database, trigger_id: UUID) -> tuple[list[str], int]:
    stored = make.trigger(database, trigger_id)
    return list(stored.scheduler_whitelist or ()), stored.priority


async def test_what_is_named_is_changed_and_all_else_stays(database: Database, clock: SettableClock) -> None:
    backend = BulkChangesBackend(database, clock)
    trigger_id = make.single(database, "One", priority=3, scheduler_whitelist=["a"])
    other = make.single(database, "Other", priority=3, scheduler_whitelist=["a"])
    note(database, trigger_id, "old", "stays", text="Words")
    before = make.trigger(database, trigger_id).next_run

    assert await backend.change(trigger_id, BulkChange(priority=7))
    assert settings(database, trigger_id) == (["a"], 7)
    assert await backend.change(trigger_id, BulkChange(schedulers=(" b ", "c", "b")))
    assert settings(database, trigger_id) == (["b", "c"], 7)
    assert await backend.change(trigger_id, BulkChange(add_tags=("New",), drop_tags=("old", "unknown")))
    assert noted(database, trigger_id) == Annotated("Words", Owner("Anna"), ("new", "stays"))
    assert await backend.change(trigger_id, BulkChange(schedulers=(), priority=0, drop_tags=("new",)))
    assert settings(database, trigger_id) == ([], 0)
    assert await backend.change(trigger_id, BulkChange(environment=RobotEnvironment.MANAGED))
    assert make.trigger(database, trigger_id).environment == "MANAGED"
    assert make.trigger(database, other).environment is None
    assert await backend.change(trigger_id, BulkChange(limit=TimeLimit(604_799, 30, 0)))
    stored = make.trigger(database, trigger_id)
    assert (stored.timeout_seconds, stored.stop_soft_seconds, stored.stop_terminate_seconds) == (604_799, 30, 0)
    assert make.trigger(database, other).timeout_seconds is None
    assert await backend.change(trigger_id, BulkChange(limit=TimeLimit()))
    assert make.trigger(database, trigger_id).timeout_seconds is None
    for wrong in (TimeLimit(0), TimeLimit(60, -1), TimeLimit(60, 0, 86_401)):
        with pytest.raises(InvalidInputError):
            await backend.change(trigger_id, BulkChange(limit=wrong))
    assert noted(database, trigger_id).tags == ("stays",)
    assert make.trigger(database, trigger_id).next_run == before
    assert settings(database, other) == (["a"], 3)
    assert not noted(database, other)


async def test_one_that_is_gone_is_told_and_gets_no_tags(database: Database, clock: SettableClock) -> None:
    backend = BulkChangesBackend(database, clock)
    gone = make.single(database, "Gone")
    database.write(lambda session: triggers.delete(session, gone))
    for change in (BulkChange(priority=1), BulkChange(add_tags=("x",)), BulkChange(schedulers=("a",))):
        assert not await backend.change(gone, change)
    assert not noted(database, gone)
    assert not await backend.change(uuid4(), BulkChange(priority=1))


async def test_what_cannot_be_stored_changes_nothing_of_that_trigger(database: Database, clock: SettableClock) -> None:
    backend = BulkChangesBackend(database, clock)
    trigger_id = make.single(database, "Full", priority=3)
    note(database, trigger_id, *(f"t{number}" for number in range(notes.MOST_TAGS)))
    with pytest.raises(InvalidInputError, match="21 tags"):
        await backend.change(trigger_id, BulkChange(priority=9, add_tags=("one-more",)))
    with pytest.raises(InvalidInputError):
        await backend.change(trigger_id, BulkChange(priority=2**31, add_tags=("x",)))
    assert settings(database, trigger_id)[1] == 3
    assert len(noted(database, trigger_id).tags) == notes.MOST_TAGS


async def test_notes_that_somebody_saves_that_moment_are_kept(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = BulkChangesBackend(site, clock)
    trigger_id = make.single(site, "One", priority=3)
    note(site, trigger_id, "old")
    current = notes.read
    stale = [site.read(lambda session: current(session, TRIGGER, str(trigger_id)))]
    note(site, trigger_id, "theirs", text="Theirs")

    def read(*arguments: Any) -> StoredAnnotation:
        return stale.pop() if stale else current(*arguments)

    monkeypatch.setattr(notes, "read", read)
    assert await backend.change(trigger_id, BulkChange(priority=5, add_tags=("mine",)))
    assert stale == []
    assert noted(site, trigger_id) == Annotated("Theirs", Owner("Anna"), ("mine", "theirs"))
    assert settings(site, trigger_id)[1] == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (BulkChange(), ""),
        (BulkChange(priority=0), "From now on they have the priority 0."),
        (BulkChange(limit=TimeLimit()), "From now on they run without a time limit."),
        (BulkChange(limit=TimeLimit(1800)), "From now on they are terminated when they run longer than 30 min."),
        (
            BulkChange(limit=TimeLimit(7200, 9, 1)),
            "From now on they are asked to stop when they run longer than 2 h, terminated 9 s later, killed 1 s later.",
        ),
        (BulkChange(schedulers=()), "From now on they run on any scheduler."),
        (
            BulkChange(schedulers=("a", "b"), priority=5, add_tags=("x", "y"), drop_tags=("z",)),
            "From now on they run on a and b, have the priority 5, get the tags x and y and lose the tag z.",
        ),
    ],
)
def test_what_a_change_does_in_words(change: BulkChange, words: str) -> None:
    assert effect(change) == words
    assert bool(change) == bool(words)


def add(database: Database, *names: str) -> list[UUID]:
    values = {"queue_name": "q", "min_batch_size": 1}
    return [add_trigger(database, QueueTrigger, trigger_name=name, **values) for name in names]


def enter(user: User, marker: str, value: Any) -> None:
    (element,) = user.find(marker=marker).elements
    element.set_value(value)  # type: ignore[attr-defined]


async def open_dialog(user: User, names: Sequence[str]) -> ui.button:
    await user.open("/triggers")
    await select(user, "triggers", *names)
    await click(user, "bulk-change…")
    await user.should_see(marker="confirm-change", retries=30)
    (button,) = user.find(kind=ui.button, marker="confirm-change").elements
    return button


async def test_several_are_changed_after_a_question_by_name_and_count(user: User, site: Database) -> None:
    one, two, three = add(site, "One", "Two", "Three")
    note(site, one, "old")
    button = await open_dialog(user, ("One", "Two"))
    await user.should_see("Change 2 triggers?")
    await user.should_see("One and Two.")
    assert not button.enabled
    enter(user, "set-schedulers", True)
    enter(user, "bulk-schedulers", ["RPA-VM-01"])
    await user.should_see("No scheduler named RPA-VM-01 ever reported.")
    enter(user, "set-priority", True)
    enter(user, "bulk-priority", "high")
    assert not button.enabled
    enter(user, "bulk-priority", "5")
    enter(user, "bulk-add-tags", ["Finance"])
    enter(user, "bulk-drop-tags", ["old"])
    assert button.enabled
    await user.should_see("they run on RPA-VM-01, have the priority 5, get the tag Finance and lose the tag old.")
    await click(user, "confirm-change")
    await user.should_see("2 triggers were changed", retries=30)
    for each in (one, two):
        assert settings(site, each) == (["RPA-VM-01"], 5)
        assert noted(site, each).tags == ("finance",)
    assert settings(site, three) == ([], 0)
    (bulk,) = user.find(marker="triggers").elements
    await until(lambda: not bulk.selected)  # type: ignore[attr-defined]


async def test_what_is_not_switched_on_stays(user: User, site: Database) -> None:
    (one,) = add(site, "One")
    site.write(lambda session: triggers.update(session, one, {"priority": 8, "scheduler_whitelist": ["a"]}))
    await open_dialog(user, ("One",))
    await user.should_see("Change One?")
    await user.should_not_see(marker="bulk-drop-tags")
    enter(user, "set-priority", True)
    enter(user, "bulk-priority", "4")
    enter(user, "set-priority", False)
    enter(user, "bulk-add-tags", ["x"])
    await click(user, "confirm-change")
    await user.should_see("One was changed", retries=30)
    assert settings(site, one) == (["a"], 8)


async def test_environment_and_time_limit_of_several_are_changed(user: User, site: Database) -> None:
    ids = add(site, "One", "Two")
    await open_dialog(user, ("One", "Two"))
    enter(user, "set-environment", True)
    await user.should_see("From now on they run in a managed environment.")
    enter(user, "set-limit", True)
    enter(user, "bulk-stop-soft", "60")
    enter(user, "bulk-limit", "nan")
    (button,) = user.find(kind=ui.button, marker="confirm-change").elements
    assert not button.enabled
    enter(user, "bulk-limit", "10079.98333")
    await click(user, "confirm-change")
    await user.should_see("2 triggers were changed", retries=30)
    for stored in (make.trigger(site, each) for each in ids):
        assert (stored.environment, stored.timeout_seconds, stored.stop_soft_seconds) == ("MANAGED", 604_799, 60)
    assert (
        effect(BulkChange(environment=RobotEnvironment.OWN)) == "From now on they run in the environment of their own."
    )


async def test_those_that_were_left_out_are_named_with_the_reason(user: User, site: Database) -> None:
    one, full, gone = add(site, "One", "Full", "Gone")
    note(site, full, *(f"t{number}" for number in range(notes.MOST_TAGS)))
    await open_dialog(user, ("One", "Full", "Gone"))
    enter(user, "bulk-add-tags", ["x"])
    site.write(lambda session: triggers.delete(session, gone))
    await click(user, "confirm-change")
    await user.should_see("1 trigger was changed", retries=30)
    await user.should_see("Change Gone: changed meanwhile")
    await user.should_see("Somebody deleted what is named here")
    await user.should_see("Could not change Full")
    await user.should_see("There are 21 tags, but 20 is the most.")
    assert noted(site, one).tags == ("x",)


async def test_cancel_changes_nothing_and_keeps_the_selection(user: User, site: Database) -> None:
    (one,) = add(site, "One")
    await open_dialog(user, ("One",))
    enter(user, "bulk-add-tags", ["x"])
    await click(user, "cancel")
    await user.should_not_see("Change One?", retries=30)
    (table,) = user.find(marker="triggers").elements
    assert table.selected == [str(one)]  # type: ignore[attr-defined]
    assert not noted(site, one)
    query = sa.select(Trigger.__table__.c.priority)
    assert site.read(lambda session: session.scalar(query)) == 0
