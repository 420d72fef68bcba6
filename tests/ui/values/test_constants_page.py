"""The list of constants, used as an admin uses it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SystemClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant
from OpenOrchestrator.database.stores import constant_overrides, constants
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.values.backend.constants import ConstantsBackend
from tests.ui.conftest import App
from tests.ui.pages import act_on, cell, click, rows_of, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time


def value(user: User, marker: str, text: str) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = text  # type: ignore[attr-defined]


def stored(database: Database) -> dict[str, str]:
    return {row.name: row.value for row in database.read(lambda session: session.scalars(sa.select(Constant)).all())}


def add(database: Database, *names: str) -> None:
    changed = site_time(NOW - timedelta(minutes=12))
    rows = [Constant(name=name, value=f"value of {name}", changed_at=changed) for name in names]
    database.write(lambda session: session.add_all(rows))


async def test_shows_name_value_and_when_it_changed(user: User, site: Database) -> None:
    add(site, "ERP address")
    await user.open("/constants")
    row = (await rows_of(user, "constants"))["ERP address"]
    assert cell(row, "value")["t"] == "value of ERP address"
    assert cell(row, "changed")["t"] == "12 min ago"
    assert "Europe/Copenhagen" in cell(row, "changed")["tip"]


async def test_an_empty_list_says_what_a_constant_is(user: User) -> None:
    await user.open("/constants")
    await user.should_see("No constants yet", retries=30)


async def test_creates_one_with_its_name_trimmed(user: User, site: Database) -> None:
    await user.open("/constants")
    await click(user, "new-constant")
    await user.should_see(marker="save", retries=30)
    value(user, "name", "  Limit ")
    value(user, "value", " 250 ")
    await click(user, "save")
    await user.should_see("Limit was created", retries=50)
    lasting = {timer.interval for timer in user.find(kind=ui.timer).elements}
    assert feedback.LINK_SECONDS in lasting, "the link to it can be reached"
    assert feedback.SECONDS not in lasting
    assert stored(site) == {"Limit": " 250 "}
    await until(lambda: "Limit" in [row["name"] for row in _rows(user)])


@pytest.mark.parametrize("name", ["limit", " LIMIT ", "Limit"])
async def test_a_name_is_unique_whatever_its_case(user: User, site: Database, name: str) -> None:
    add(site, "Limit")
    await user.open("/constants")
    await click(user, "new-constant")
    await user.should_see(marker="save", retries=30)
    value(user, "name", name)
    value(user, "value", "x")
    await click(user, "save")
    await user.should_see("There is a constant with the name 'Limit' already", retries=50)
    assert stored(site) == {"Limit": "value of Limit"}


async def test_a_wrong_field_is_named_and_nothing_is_saved(user: User, site: Database) -> None:
    await user.open("/constants")
    await click(user, "new-constant")
    await user.should_see(marker="save", retries=30)
    value(user, "name", "  ")
    value(user, "value", "x" * 1001)
    await click(user, "save")
    await user.should_see("2 fields to correct: Name, Value", retries=30)
    assert stored(site) == {}


async def test_edits_a_value_and_keeps_the_name(user: User, site: Database) -> None:
    add(site, "Limit")
    await user.open("/constants")
    await act_on(user, "constants", "edit", "Limit")
    await user.should_see(marker="save", retries=30)
    (name,) = user.find(marker="name").elements
    assert not name.enabled  # type: ignore[attr-defined]
    value(user, "value", "new")
    await click(user, "save")
    await user.should_see("Limit was saved", retries=50)
    assert stored(site) == {"Limit": "new"}


async def test_an_edit_over_a_newer_version_asks(user: User, site: Database) -> None:
    add(site, "Limit")
    await user.open("/constants")
    await act_on(user, "constants", "edit", "Limit")
    await user.should_see(marker="save", retries=30)
    value(user, "value", "mine")
    site.write(lambda session: session.execute(sa.update(Constant).values(value="theirs")))
    await click(user, "save")
    await user.should_see("Overwrite the change to Limit?", retries=50)
    await user.should_see("theirs")
    await click(user, "cancel")
    await user.should_not_see("Overwrite the change to Limit?", retries=30)
    assert stored(site) == {"Limit": "theirs"}
    await click(user, "save")
    await click(user, "confirm")
    await user.should_see("Limit was saved", retries=50)
    assert stored(site) == {"Limit": "mine"}


async def test_an_edit_to_what_somebody_else_has_saved_meanwhile_asks_nothing(user: User, site: Database) -> None:
    add(site, "Limit")
    await user.open("/constants")
    await act_on(user, "constants", "edit", "Limit")
    await user.should_see(marker="save", retries=30)
    value(user, "value", "the same")
    site.write(lambda session: session.execute(sa.update(Constant).values(value="the same")))
    await click(user, "save")
    await user.should_see("Limit was saved", retries=50)
    await user.should_not_see("Overwrite the change to Limit?")
    assert stored(site) == {"Limit": "the same"}


async def test_an_edit_of_one_that_was_deleted_says_so(user: User, site: Database) -> None:
    add(site, "Limit")
    await user.open("/constants")
    await act_on(user, "constants", "edit", "Limit")
    await user.should_see(marker="save", retries=30)
    value(user, "value", "mine")
    site.write(lambda session: session.execute(sa.delete(Constant)))
    await click(user, "save")
    await user.should_see("No constant with name 'Limit' was found.", retries=50)
    assert stored(site) == {}


async def test_delete_asks_by_name(user: User, site: Database) -> None:
    add(site, "Limit", "Other")
    await user.open("/constants")
    await act_on(user, "constants", "delete", "Limit")
    await user.should_see("Delete Limit?", retries=30)
    await user.should_see("Robots that ask for Limit will fail.")
    await click(user, "confirm")
    await user.should_see("Limit was deleted", retries=50)
    assert set(stored(site)) == {"Other"}


async def test_two_admins_changing_the_same(app: App, site: Database) -> None:
    add(site, "Limit")
    one = app.user()
    await one.open("/constants")
    await act_on(one, "constants", "delete", "Limit")
    await one.should_see("Delete Limit?", retries=30)
    site.write(lambda session: session.execute(sa.update(Constant).values(value="theirs")))
    await click(one, "confirm")
    await one.should_see("Delete Limit: changed meanwhile", retries=50)
    assert stored(site) == {"Limit": "theirs"}


async def test_search_sort_and_pages_are_in_the_address(user: User, site: Database) -> None:
    add(site, *(f"Name {number:02}" for number in range(30)), "100%")
    await user.open("/constants?sort=-name&page=2")
    rows = await rows_of(user, "constants")
    assert next(iter(rows)) == "Name 04"
    assert len(rows) == 6
    await user.open("/constants?q=%25")
    assert list(await rows_of(user, "constants")) == ["100%"]
    await user.open("/constants?q=value of name 07")
    assert list(await rows_of(user, "constants")) == ["Name 07"]
    await user.open("/constants?sort=password&size=7&page=-1&q=nothing")
    await user.should_see("Nothing matches", retries=30)
    await click(user, "clear-filters")
    await until(lambda: len(_rows(user)) == 25)


def _rows(user: User) -> list[dict]:  # type: ignore[type-arg]
    return next(iter(user.find(marker="constants").elements)).rows  # type: ignore[attr-defined,no-any-return]


async def test_values_on_single_schedulers_are_listed_changed_added_and_taken_away(user: User, site: Database) -> None:
    there = {"worker-1": "a", "worker-2": "b"}
    site.write(lambda session: constants.create(session, "Limit", "v", now=site.site_now(), overrides=there))
    await user.open("/constants")
    row = (await rows_of(user, "constants"))["Limit"]
    assert cell(row, "value")["s"] == "other values on 2 schedulers"
    assert cell(row, "value")["tip"] == "worker-1, worker-2"
    await act_on(user, "constants", "edit", "Limit")
    await user.should_see(marker="save", retries=30)
    value(user, "override-value-1", "c")
    await click(user, "add-override")
    value(user, "override-name-2", " worker-3 ")
    value(user, "override-value-2", "")
    value(user, "override-name-0", "")
    await click(user, "save")
    await user.should_see("1 field to correct: Scheduler 1", retries=30)
    value(user, "override-value-0", "")
    await click(user, "save")
    await user.should_see("Limit was saved", retries=50)
    assert site.read(constant_overrides.get_all) == {"Limit": {"worker-2": "c", "worker-3": ""}}


async def test_a_change_on_a_scheduler_meanwhile_is_not_lost_without_a_question(site: Database) -> None:
    backend = ConstantsBackend(site, SystemClock())
    await backend.create("Limit", "v", {"worker-1": "a"})
    seen = await backend.get("Limit")
    assert await backend.update(seen, "v", {"worker-1": "b"})
    assert not await backend.update(seen, "v", {"worker-1": "c"})
    assert (await backend.get("Limit")).overrides == (("worker-1", "b"),)
    assert await backend.delete(await backend.get("Limit"))
    assert site.read(constant_overrides.get_all) == {}
