"""Where the app says why a trigger that is due does not start: its page, the list, and on demand."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User
from sqlalchemy.dialects.mssql import pyodbc

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.waiting_facts import explain
from OpenOrchestrator.database.models import Job, QueueElement, QueueTrigger, ScheduledTrigger, Scheduler
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggerQuery, TriggersBackend
from OpenOrchestrator.orchestrator.triggers.backend.waits import filled_query
from OpenOrchestrator.orchestrator.triggers.waiting import pieces
from tests.ui.pages import act_on, cell, click, rows_of, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time


def add_scheduler(database: Database, name: str = "worker-1", *, slots: int = 1) -> None:
    lease = Scheduler(
        machine_name=name,
        last_update=site_time(NOW),
        latest_trigger_time=None,
        slots=slots,
        instance=uuid4(),
        lease_until=datetime(2099, 1, 1, tzinfo=timezone.utc),
        heartbeat_at=NOW,
        version="4",
    )
    database.write(lambda session: session.add(lease))


def add_running(database: Database, name: str = "Letters", scheduler: str = "worker-1") -> UUID:
    job = Job(
        id=uuid4(),
        trigger_id=uuid4(),
        trigger_name=name,
        process_name="letters",
        scheduler_name=scheduler,
        status=JobStatus.RUNNING,
        start_time=site_time(NOW - timedelta(minutes=5)),
        started_at=NOW - timedelta(minutes=5),
    )
    job_id: UUID = job.id
    database.write(lambda session: session.add(job))
    return job_id


def add_due(database: Database, name: str = "Invoices", seconds: float = 600, **values: object) -> UUID:
    at = site_time(NOW - timedelta(seconds=seconds))
    given = {"is_blocking": False, **values}
    return add_trigger(database, ScheduledTrigger, trigger_name=name, cron_expr="0 6 * * *", next_run=at, **given)


def add_elements(database: Database, *ages: float, queue: str = "Orders") -> None:
    made = [
        QueueElement(queue_name=queue, created_date=site_time(NOW - timedelta(seconds=seconds)), created_by="test")
        for seconds in ages
    ]
    database.write(lambda session: session.add_all(made))


async def texts(user: User, marker: str) -> list[str]:
    await user.should_see(marker=marker, retries=30)
    return [
        "".join(str(part.text) for part in element.default_slot.children)  # type: ignore[attr-defined]
        for element in sorted(user.find(marker=marker).elements, key=lambda each: each.id)
    ]


async def test_the_page_says_since_when_it_is_due_and_what_is_in_the_way(user: User, site: Database) -> None:
    add_scheduler(site)
    job_id = add_running(site)
    trigger_id = add_due(site)
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("Due for 10 min, and does not start", retries=30)
    (words,) = await texts(user, "why")
    (said,) = explain(site, "Invoices")[0].reasons
    assert words == said.words.replace(str(job_id), str(job_id)[:8])
    links = [each.props["href"] for each in user.find(str(job_id)[:8]).elements]
    assert links == [f"/jobs/{job_id}"]


async def test_what_is_in_the_way_goes_from_the_page_when_it_has_gone(user: User, site: Database) -> None:
    trigger_id = add_due(site)
    await user.open(f"/triggers/{trigger_id}")
    assert await texts(user, "why") == ["No scheduler ever reported. Start one."]
    site.write(
        lambda session: session.execute(
            sa.update(ScheduledTrigger.__table__).values(next_run=site_time(NOW + timedelta(hours=1)))
        )
    )
    await user.should_not_see("and does not start", retries=50)


async def test_nothing_is_said_of_what_starts_at_once_or_is_not_due(user: User, site: Database) -> None:
    add_scheduler(site)
    add_due(site, "About to start", 30)
    add_due(site, "Just due", 5, scheduler_whitelist=["elsewhere"])
    add_due(site, "Not due", -600, scheduler_whitelist=["elsewhere"])
    add_due(site, "Paused", 600, scheduler_whitelist=["elsewhere"], process_status=TriggerStatus.PAUSED)
    await user.open("/triggers")
    for row in (await rows_of(user, "triggers")).values():
        assert row["name"] == "Paused" or "s" not in cell(row, "next"), row["name"]
    assert cell((await rows_of(user, "triggers"))["Paused"], "next")["s"].startswith("Was due")


async def test_the_list_says_in_short_why_what_is_due_does_not_start(
    user: User, site: Database, clock: SettableClock
) -> None:
    add_scheduler(site)
    job_id = add_running(site)
    add_due(site, "Late")
    add_due(site, "Soon late", 20)
    add_due(site, "Elsewhere", scheduler_whitelist=["RPA-VM-99"])
    add_trigger(site, QueueTrigger, trigger_name="Full", queue_name="Orders", min_batch_size=2, is_blocking=False)
    add_trigger(site, QueueTrigger, trigger_name="Short", queue_name="Orders", min_batch_size=3, is_blocking=False)
    add_elements(site, 60, 60, 5)
    add_due(site, "Asked for", -9000, run_requested_at=NOW - timedelta(seconds=30))
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    said = {name: cell(row, "next").get("s") for name, row in rows.items()}
    assert said == {
        "Late": "All slots taken",
        "Soon late": "All slots taken",
        "Elsewhere": "RPA-VM-99 unknown",
        "Full": "All slots taken",
        "Short": None,
        "Asked for": "All slots taken",
    }
    assert str(job_id) in cell(rows["Late"], "next")["tip"]
    assert cell(rows["Late"], "next")["t"] == "10 min late"
    assert (cell(rows["Full"], "next")["t"], cell(rows["Short"], "next")["t"]) == ("Elements wait", "On new elements")
    assert cell(rows["Elsewhere"], "name")["n"].endswith("10 min late · RPA-VM-99 unknown")
    clock.advance(timedelta(seconds=6))
    await until(lambda: _next(user, "Short").get("s") == "All slots taken")


async def test_a_page_of_triggers_asks_once_for_all_that_are_due_and_not_at_all_for_none(
    site: Database, clock: SettableClock
) -> None:
    backend = TriggersBackend(site, clock)
    add_due(site, "Not due", -600)

    async def asked() -> int:
        seen: list[str] = []
        note = lambda *event: seen.append(event[2])  # noqa: E731
        sa.event.listen(site.engine, "before_cursor_execute", note)
        try:
            await backend.page(TriggerQuery())
        finally:
            sa.event.remove(site.engine, "before_cursor_execute", note)
        return len(seen)

    nothing = await asked()
    first = add_due(site, "T0")
    one = await asked()
    for number in range(1, 12):
        add_due(site, f"T{number}")
    assert await asked() == one > nothing
    assert len((await backend.page(TriggerQuery())).waits) == 12
    found = await backend.row_and_wait(first)
    assert found is not None
    assert (found[1] is not None, await backend.row_and_wait(uuid4())) == (True, None)


@pytest.mark.parametrize("where", ["list", "page"])
async def test_it_is_said_on_demand_whatever_the_state(user: User, site: Database, where: str) -> None:
    trigger_id = add_due(site, process_status=TriggerStatus.FAILED)
    await user.open("/triggers" if where == "list" else f"/triggers/{trigger_id}")
    if where == "list":
        await act_on(user, "triggers", "why", "Invoices")
    else:
        await user.should_see(marker="run", retries=30)
        await user.should_not_see(marker="wait")
        await click(user, "menu-why")
    await user.should_see("Why is Invoices not running?", retries=30)
    assert await texts(user, "why") == ["Its last run failed. Enable it."]
    await click(user, "close-why")
    await user.should_not_see("Why is Invoices not running?", retries=30)


async def test_of_many_schedulers_some_are_said_and_all_on_demand(user: User, site: Database) -> None:
    for number in range(6):
        silent = Scheduler(machine_name=f"old-{number}", last_update=datetime(2026, 1, 1), latest_trigger_time=None)
        site.write(lambda session, row=silent: session.add(row))
    trigger_id = add_due(site)
    await user.open(f"/triggers/{trigger_id}")
    assert len(await texts(user, "why")) == 4
    await click(user, "all-reasons")
    await until(lambda: len(user.find(marker="why").elements) == 10)
    await user.should_see("old-5 is not heard from since 2026-01-01 00:00:00.")


@pytest.mark.parametrize(("item", "shown"), [("why", "close-why"), ("delete", "confirm"), ("pause-until", "cancel")])
async def test_a_tab_that_is_closed_over_a_dialog_leaves_no_error(
    user: User, site: Database, caplog: pytest.LogCaptureFixture, item: str, shown: str
) -> None:
    await user.open(f"/triggers/{add_due(site)}")
    await click(user, f"menu-{item}")
    await user.should_see(marker=shown, retries=30)
    (button,) = user.find(marker=shown).elements
    button.client.delete()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_jobs_are_found_in_the_words() -> None:
    one, two = UUID(int=1), UUID(int=2)
    words = f"A (job {one}), B (job {two})."
    assert pieces(words, (one, two)) == [
        ("A (job ", None),
        (str(one), one),
        ("), B (job ", None),
        (str(two), two),
        (").", None),
    ]
    assert pieces(words, ()) == [(words, None)]


def test_sql_server_gets_the_place_in_a_queue_in_its_own_words() -> None:
    query = filled_query({1: [UUID(int=1)], 5: [UUID(int=2)]})
    dialect = pyodbc.dialect(paramstyle="qmark")
    dialect._supports_offset_fetch = True
    words = " ".join(str(query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})).split())
    assert words.count("OFFSET") == words.count("FETCH FIRST") == 2
    assert "LIMIT" not in words
    assert "FORCE INDEX" not in words


def _next(user: User, name: str) -> dict[str, object]:
    (table,) = user.find(marker="triggers").elements
    row = next(row for row in table.rows if row["name"] == name)  # type: ignore[attr-defined]
    return cell(row, "next")
