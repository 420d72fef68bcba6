"""The list of schedulers, used as an admin uses it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.database.stores import cordons
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.schedulers.backend.schedulers import SchedulersBackend
from tests.ui.pages import act_on, cell, click, rows_of, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time


def names(database: Database) -> set[str]:
    return set(database.read(lambda session: session.scalars(sa.select(Scheduler.machine_name)).all()))


async def test_shows_who_is_heard_from_and_what_runs(user: User, sample: Database) -> None:
    await user.open("/schedulers")
    rows = await rows_of(user, "schedulers")
    assert next(iter(rows)) == "RPA-VM-07"
    silent, busy, idle = rows["RPA-VM-07"], rows["RPA-VM-02"], rows["RPA-VM-01"]
    assert cell(silent, "state")["p"]["w"] == "Not heard from"
    assert cell(silent, "seen")["t"] == "9 h 12 m ago"
    assert cell(silent, "seen")["f"] == "failed"
    assert "Europe/Copenhagen" in cell(silent, "seen")["tip"]
    assert cell(busy, "state")["p"]["w"] == "Heard from"
    assert cell(busy, "running")["t"] == "Bankafstemning"
    assert cell(busy, "running")["h"] == "/jobs?scheduler=RPA-VM-02&status=starting%2Crunning"
    assert cell(busy, "slots")["t"] == "1 of 32"
    assert cell(busy, "name") == {
        "t": "RPA-VM-02",
        "s": "rpa-vm-02.kommune.example",
        "n": "Heartbeat just now",
        "h": "/jobs?scheduler=RPA-VM-02",
    }
    assert cell(busy, "last")["t"] == "Lønkontrol"
    assert cell(busy, "version")["t"] == "4.0.0"
    assert cell(idle, "running")["t"] == "Nothing"
    await user.should_see("8")


async def test_those_that_are_not_heard_from_and_one_by_name_are_filtered(user: User, sample: Database) -> None:
    await user.open("/schedulers?segment=silent")
    assert set(await rows_of(user, "schedulers")) == {"RPA-VM-07"}
    await user.open("/schedulers?name=RPA-VM-02")
    assert set(await rows_of(user, "schedulers")) == {"RPA-VM-02"}
    await user.should_see("name=RPA-VM-02")


async def test_a_scheduler_of_an_earlier_version_is_shown_too(user: User, site: Database) -> None:
    old = Scheduler(machine_name="Old", last_update=site_time(NOW - timedelta(seconds=20)))
    site.write(lambda session: session.add(old))
    await user.open("/schedulers")
    row = (await rows_of(user, "schedulers"))["Old"]
    assert cell(row, "state")["p"]["w"] == "Heard from"
    assert cell(row, "version")["t"] == "before 4.0"
    assert cell(row, "slots")["t"] == "0"
    assert cell(row, "last")["t"] == "None yet"


async def test_search_is_in_the_address_and_names_itself(user: User, sample: Database) -> None:
    await user.open("/schedulers?q=vm-03")
    assert set(await rows_of(user, "schedulers")) == {"RPA-VM-03"}
    await user.should_see("1 of 8")
    await user.open("/schedulers?q=nobody")
    await user.should_see("Nothing matches", retries=30)
    await click(user, "clear-filters")
    await until(lambda: user.find(marker="schedulers").elements)


async def test_an_empty_list_says_how_to_start_one(user: User) -> None:
    await user.open("/schedulers")
    await user.should_see("No schedulers yet", retries=30)
    await user.should_see("python -m OpenOrchestrator scheduler")


async def test_one_that_is_not_heard_from_can_be_removed_and_no_other(user: User, sample: Database) -> None:
    await user.open("/schedulers")
    rows = await rows_of(user, "schedulers")
    assert rows["RPA-VM-01"]["a"]["forget"] == "It is heard from"
    user.find(marker="schedulers").trigger("action", {"action": "forget", "id": "RPA-VM-01"})
    await user.should_not_see("Remove RPA-VM-01 from the list?", retries=3)
    await act_on(user, "schedulers", "forget", "RPA-VM-07")
    await user.should_see("Remove RPA-VM-07 from the list?", retries=30)
    await click(user, "confirm")
    await user.should_see("RPA-VM-07 was removed from the list", retries=50)
    assert "RPA-VM-07" not in names(sample)
    assert len(names(sample)) == 7


async def test_one_that_came_back_meanwhile_is_not_removed(user: User, sample: Database) -> None:
    await user.open("/schedulers")
    await act_on(user, "schedulers", "forget", "RPA-VM-07")
    await user.should_see("Remove RPA-VM-07 from the list?", retries=30)
    back = sa.update(Scheduler).where(Scheduler.machine_name == "RPA-VM-07")
    sample.write(lambda session: session.execute(back.values(heartbeat_at=NOW, last_update=site_time(NOW))))
    await click(user, "confirm")
    await user.should_see("Remove RPA-VM-07: changed meanwhile", retries=50)
    assert "RPA-VM-07" in names(sample)


async def test_one_whose_lease_lives_on_the_databases_clock_is_not_removed(
    sample: Database, clock: SettableClock
) -> None:
    backend = SchedulersBackend(sample, clock)
    row = next(each for each in await backend.rows() if each.silent)
    lease = sa.update(Scheduler).where(Scheduler.machine_name == row.name)
    far = NOW + timedelta(days=36500)
    sample.write(lambda session: session.execute(lease.values(lease_until=far, instance=uuid4())))
    assert await backend.forget(row) is False
    sample.write(lambda session: session.execute(lease.values(lease_until=NOW - timedelta(days=3650))))
    assert await backend.forget(row) is True
    assert await backend.forget(row) is False


async def test_a_heartbeat_that_stops_turns_red(user: User, sample: Database, clock: SettableClock) -> None:
    def states() -> set[str]:
        (table,) = user.find(marker="schedulers").elements
        return {cell(row, "state")["p"]["w"] for row in table.rows}  # type: ignore[attr-defined]

    await user.open("/schedulers")
    await rows_of(user, "schedulers")
    assert states() == {"Heard from", "Not heard from"}
    clock.advance(timedelta(minutes=3))
    await until(lambda: states() == {"Not heard from"})


def alive(database: Database, name: str) -> None:
    """Let the lease of a scheduler of the sample live on the database's clock, which is not the test's."""
    lease = {"lease_until": DatabaseUtcNow(300), "instance": uuid4()}
    update = sa.update(Scheduler).where(Scheduler.machine_name == name).values(**lease)
    database.write(lambda session: session.execute(update))


def stored(database: Database, name: str) -> Scheduler:
    return database.read(lambda session: session.get_one(Scheduler, name))


async def test_a_scheduler_is_cordoned_by_name_and_uncordoned(user: User, sample: Database) -> None:
    await user.open("/schedulers")
    await act_on(user, "schedulers", "cordon", "RPA-VM-02")
    await user.should_see("Cordon RPA-VM-02?", retries=30)
    await user.should_see("1 job running there now.")
    user.find(marker="your-name").type("Åse")
    await click(user, "confirm-by-name")
    await user.should_see("RPA-VM-02 starts nothing new", retries=50)
    assert stored(sample, "RPA-VM-02").cordoned_by == "Åse"

    rows = await until(lambda: _row_in_state(user, "RPA-VM-02", "Cordoned"))
    assert rows["a"]["cordon"] == "It is cordoned"
    assert rows["a"]["uncordon"] == ""
    assert cell(rows, "state")["tip"].startswith("Cordoned by Åse since ")
    await user.open("/schedulers?segment=held")
    assert set(await rows_of(user, "schedulers")) == {"RPA-VM-02"}
    await act_on(user, "schedulers", "uncordon", "RPA-VM-02")
    await user.should_see("Uncordon RPA-VM-02?", retries=30)
    await click(user, "confirm-by-name")
    await user.should_see("RPA-VM-02 starts robots again", retries=50)
    assert stored(sample, "RPA-VM-02").cordoned_at is None


async def test_a_scheduler_is_drained_and_that_is_said(user: User, sample: Database) -> None:
    alive(sample, "RPA-VM-01")
    await user.open("/schedulers")
    await act_on(user, "schedulers", "drain", "RPA-VM-01")
    await user.should_see("Drain RPA-VM-01?", retries=30)
    await user.should_see("When it is started again, it is still cordoned: uncordon it then.")
    await click(user, "cancel")
    await user.should_not_see("Drain RPA-VM-01?", retries=30)
    assert stored(sample, "RPA-VM-01").drain_at is None
    await act_on(user, "schedulers", "drain", "RPA-VM-01")
    await click(user, "confirm-by-name")
    await user.should_see("RPA-VM-01 ends when its robots have", retries=50)
    assert stored(sample, "RPA-VM-01").drain_at is not None
    row = await until(lambda: _row_in_state(user, "RPA-VM-01", "Draining"))
    assert row["a"]["drain"] == "It is being drained"
    await act_on(user, "schedulers", "uncordon", "RPA-VM-01")
    await user.should_see("It is being drained: that is called off.", retries=30)
    await click(user, "confirm-by-name")
    await user.should_see("RPA-VM-01 starts robots again", retries=50)
    assert stored(sample, "RPA-VM-01").drain_at is None


async def test_what_cannot_be_asked_is_said_and_not_done(user: User, sample: Database) -> None:
    old = Scheduler(machine_name="Old", last_update=site_time(NOW - timedelta(seconds=20)))
    sample.write(lambda session: session.add(old))
    await user.open("/schedulers")
    rows = await rows_of(user, "schedulers")
    for action in ("cordon", "drain"):
        assert "before 4.0, which obeys neither cordon nor drain" in rows["Old"]["a"][action]
    assert rows["RPA-VM-07"]["a"]["drain"] == "It is not heard from, so there is nothing to end. Cordon it instead"
    assert rows["RPA-VM-07"]["a"]["cordon"] == ""
    assert rows["RPA-VM-01"]["a"]["uncordon"] == "It is not cordoned"
    user.find(marker="schedulers").trigger("action", {"action": "cordon", "id": "Old"})
    await user.should_not_see("Cordon Old?", retries=3)


async def test_one_that_somebody_else_cordoned_meanwhile_stays_theirs(user: User, sample: Database) -> None:
    await user.open("/schedulers")
    await act_on(user, "schedulers", "cordon", "RPA-VM-02")
    await user.should_see("Cordon RPA-VM-02?", retries=30)
    sample.write(lambda session: cordons.cordon(session, "RPA-VM-02", by="Bo"))
    await click(user, "confirm-by-name")
    await user.should_see("Cordon RPA-VM-02: changed meanwhile", retries=50)
    assert stored(sample, "RPA-VM-02").cordoned_by == "Bo"


def _row_in_state(user: User, name: str, word: str) -> dict[str, Any] | None:
    (shown,) = user.find(kind=DataTable, marker="schedulers").elements
    row = next(each for each in shown.rows if each["name"] == name)
    return row if cell(row, "state")["p"]["w"] == word else None
