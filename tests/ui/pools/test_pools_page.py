"""Pools in the app: made, changed, deleted; who holds and who needs them; and what triggers are told to need."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Pool, Trigger
from OpenOrchestrator.database.stores import pools
from OpenOrchestrator.orchestrator.pools.backend import PoolHolder, PoolRow, PoolsBackend
from OpenOrchestrator.orchestrator.pools.words import held_words, holder_words, old_words, problem_of, user_words
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChange, BulkChangesBackend
from OpenOrchestrator.orchestrator.triggers.backend.csv_export import triggers as export
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.bulk_dialog import effect
from OpenOrchestrator.orchestrator.triggers.page_side import setting_pairs
from OpenOrchestrator.orchestrator.triggers.pool_fields import check_amount
from tests.ui.pages import act_on, click, rows_of, until

AT = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
SAP = '{"SAP account": 1}'


def store(database: Database, name: str = "SAP account", size: int = 1) -> None:
    database.write(lambda s: pools.insert(s, name, size, now=AT))


def sizes(database: Database) -> dict[str, int]:
    return {one.name: one.size for one in database.read(lambda s: pools.read_all(s.connection()))}


def value_of(user: User, marker: str, value: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = value  # type: ignore[attr-defined]


def texts(user: User, marker: str) -> list[str]:
    with user:
        (parent,) = user.find(marker=marker).elements
        return [each.text for each in parent.descendants() if isinstance(each, ui.label | ui.link)]


# --- words


def test_a_pool_in_words() -> None:
    holder = PoolHolder(UUID(int=1), "Invoices", "worker-1", datetime(2026, 11, 1, 11, 55), 2)
    row = PoolRow("OCR", 3, UUID(int=2), (holder,), (("A", 1), ("B", 2)), AT)
    assert held_words(row) == "2 of 3"
    assert holder_words(holder, AT, timezone.utc) == "2 by Invoices on worker-1, 5 min ago"
    assert user_words(row.users) == ["A", "B (2)"]
    assert problem_of(row) == ""
    assert problem_of(replace(row, size=1)) == "B cannot run: it needs more than there is."
    assert problem_of(replace(row, edition=None)).startswith("There is no such pool")
    assert old_words([]) == ""
    assert old_words(["old-1"]).startswith("old-1 is of a version before 4.0")


def test_what_is_needed_of_a_pool_is_checked_but_what_was_stored_stays_possible() -> None:
    assert [check_amount(3, 0)(text) for text in ("0", "3", "", " 2 ")] == [None] * 4
    assert "There is only 3" in str(check_amount(3, 0)("4"))
    assert check_amount(3, 4)("4") is None
    assert check_amount(0, 0)("1") is None
    assert "no such pool" in str(check_amount(None, 1)("2"))
    assert check_amount(None, 1)("1") is None
    assert "whole number" in str(check_amount(3, 0)("x"))


# --- backend


async def test_changes_are_guarded_and_what_is_needed_stays(database: Database, clock: SettableClock) -> None:
    backend = PoolsBackend(database, clock)
    await backend.create(" SAP account ", 1)
    with pytest.raises(AlreadyExistsError):
        await backend.create("sap account", 1)
    make.single(database, "A", pools=SAP)
    (run,) = make.claim_all(database)
    (row,) = await backend.rows()
    assert (row.name, row.size, row.held, row.users) == ("SAP account", 1, 1, (("A", 1),))
    (holder,) = row.holders
    assert (holder.job_id, holder.trigger, holder.scheduler, holder.amount) == (run.job_id, "A", "here", 1)
    assert await backend.update(row, 3)
    assert not await backend.update(row, 5)
    assert sizes(database) == {"SAP account": 3}
    with pytest.raises(InvalidInputError, match="needed by 'A'"):
        await backend.delete("SAP account")
    database.write(lambda s: s.execute(sa.delete(Pool)))
    (gone,) = await backend.rows()
    assert (gone.edition, gone.users) == (None, (("A", 1),))
    with pytest.raises(NotFoundError):
        await backend.get("SAP account")


async def test_the_settings_of_a_trigger_hold_what_it_needs(database: Database, clock: SettableClock) -> None:
    store(database)
    store(database, "OCR", 3)
    trigger_id = make.scheduled(database, "A", pools=SAP)
    backend = TriggerSettingsBackend(database, clock)
    stored = await backend.get(trigger_id)
    assert stored.settings.pools == (("SAP account", 1),)
    assert await backend.update(stored, replace(stored.settings, pools=(("OCR", 2), ("SAP account", 1))))
    assert make.trigger(database, trigger_id).pools == '{"OCR": 2, "SAP account": 1}'
    assert not await backend.update(stored, replace(stored.settings, pools=()))
    again = await backend.get(trigger_id)
    with pytest.raises(InvalidInputError, match="There is no pool 'gone'"):
        await backend.update(again, replace(again.settings, pools=(("gone", 1),)))
    assert make.trigger(database, trigger_id).pools == '{"OCR": 2, "SAP account": 1}'
    assert ("Needs", "2 of OCR, SAP account", False) in setting_pairs(again.settings)
    head, line = b"".join(export(database, [trigger_id])).decode("utf-8-sig").splitlines()
    assert "Pools" in head
    assert "OCR: 2, SAP account: 1" in line
    assert await backend.update(again, replace(again.settings, pools=()))
    assert make.trigger(database, trigger_id).pools is None


async def test_many_triggers_are_given_the_same_needs(database: Database, clock: SettableClock) -> None:
    store(database)
    first, second = make.single(database, "A"), make.single(database, "B", pools=SAP)
    backend = BulkChangesBackend(database, clock)
    assert await backend.change(first, BulkChange(pools=(("SAP account", 1),)))
    assert await backend.change(second, BulkChange(pools=()))
    assert (make.trigger(database, first).pools, make.trigger(database, second).pools) == (SAP, None)
    with pytest.raises(InvalidInputError, match="There is no pool 'gone'"):
        await backend.change(second, BulkChange(pools=(("gone", 1),)))
    assert bool(BulkChange(pools=()))
    assert effect(BulkChange(pools=())) == "From now on they need no pool."
    assert effect(BulkChange(pools=(("OCR", 2),))) == "From now on they need 2 of OCR."


# --- pages


async def test_a_pool_is_made_changed_and_deleted(user: User, site: Database) -> None:
    await user.open("/pools")
    await user.should_see("No pools yet", retries=50)
    await click(user, "new-pool")
    await user.should_see(marker="size", retries=50)
    value_of(user, "name", "SAP account")
    await click(user, "save")
    await until(lambda: sizes(site) == {"SAP account": 1})
    make.single(site, "A", pools=SAP)
    make.claim_all(site)
    await user.open("/pools?form=edit-SAP account")
    await user.should_see(marker="holders", retries=50)
    assert texts(user, "holders")[0].startswith("A on here, ")
    assert texts(user, "users") == ["A"]
    value_of(user, "size", "4")
    await click(user, "save")
    await until(lambda: sizes(site) == {"SAP account": 4})
    await user.open("/pools")
    assert (await rows_of(user, "pools"))["SAP account"]["c"]["held"]["t"] == "1 of 4"
    site.write(lambda s: s.execute(sa.update(Trigger.__table__).values(pools=None)))
    await user.open("/pools")
    await act_on(user, "pools", "delete", "SAP account")
    await user.should_see("Delete SAP account?", retries=50)
    await click(user, "confirm")
    await until(lambda: sizes(site) == {})


async def test_the_form_of_a_trigger_asks_what_it_needs(user: User, site: Database) -> None:
    store(site)
    store(site, "OCR", 3)
    trigger_id = make.scheduled(site, "A")
    await user.open(f"/triggers?form=edit-{trigger_id}")
    await user.should_see(marker="pool-1", retries=50)
    value_of(user, "pool-0", "2")
    value_of(user, "pool-1", "1")
    await click(user, "save")
    await until(lambda: make.trigger(site, trigger_id).pools == '{"OCR": 2, "SAP account": 1}')
