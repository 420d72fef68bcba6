"""Work that nobody can take: told on the dashboard with what to do, and a requested run can be taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueElement, QueueTrigger, ScheduledTrigger, Scheduler, Trigger
from OpenOrchestrator.database.statuses import QueueStatus, TriggerStatus
from OpenOrchestrator.orchestrator.dashboard.attention import Attention, AttentionRow
from OpenOrchestrator.orchestrator.dashboard.backend.overview import DashboardBackend
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span
from OpenOrchestrator.orchestrator.dashboard.backend.untaken import Carried, UntakenTrigger, untaken
from tests.ui.pages import act_on, click, rows_of, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time

SITE_NOW = datetime(2026, 11, 23, 8, 12)
LIVE: Carried = {"VM-1": ("sap",)}
NOBODY: Carried = {}


def idle(
    *schedulers: str,
    requested_ago: int | None = None,
    queue: str | None = "q",
    waiting: int = 0,
    labels: tuple[str, ...] = (),
) -> UntakenTrigger:
    requested = SITE_NOW - timedelta(seconds=requested_ago) if requested_ago is not None else None
    return UntakenTrigger(uuid4(), "T", schedulers, requested, queue, waiting, labels)


@pytest.mark.parametrize(
    ("trigger", "live", "told"),
    [
        (idle("VM-9"), LIVE, True),
        (idle("VM-9", "VM-1"), LIVE, False),
        (idle(), LIVE, False),
        (idle(), NOBODY, False),
        (idle(waiting=3), NOBODY, True),
        (idle("VM-9", requested_ago=1, queue=None), LIVE, True),
        (idle("VM-1", requested_ago=1, queue=None), LIVE, False),
        (idle(" vm-1 ", requested_ago=1, queue=None), LIVE, False),
        (idle(requested_ago=90, queue=None), LIVE, True),
        (idle(requested_ago=1, queue=None), NOBODY, True),
        (idle(queue=None, labels=("SAP",)), LIVE, False),
        (idle(queue=None, labels=("ocr",)), LIVE, True),
        (idle(queue=None, labels=("ocr",)), NOBODY, False),  # that there is no scheduler is said of all
        (idle("VM-9", queue=None, labels=("sap",)), LIVE, False),  # it is the name that nobody has
        (idle(labels=("ocr",)), LIVE, True),
        (idle(requested_ago=1, queue=None, labels=("ocr",)), LIVE, True),
        (idle(requested_ago=1, queue=None, labels=("sap",)), LIVE, False),
    ],
)
def test_work_is_untaken_when_no_live_scheduler_may_take_it(trigger: UntakenTrigger, live: Carried, told: bool) -> None:
    assert untaken([trigger], live, SITE_NOW) == ((trigger,) if told else ())


def add_scheduler(database: Database, name: str, *, silent_for: timedelta = timedelta()) -> None:
    seen = NOW - silent_for
    scheduler = Scheduler(machine_name=name, heartbeat_at=seen, last_update=site_time(seen))
    database.write(lambda session: session.add(scheduler))


def add_elements(database: Database, queue: str, count: int, *, age: timedelta, taken: timedelta | None = None) -> None:
    """Store elements that were made so long ago; New, or done by a robot that took them so long ago."""
    elements = [
        QueueElement(
            queue_name=queue,
            status=QueueStatus.NEW if taken is None else QueueStatus.DONE,
            created_date=site_time(NOW - age),
            start_date=None if taken is None else site_time(NOW - taken),
        )
        for _ in range(count)
    ]
    database.write(lambda session: session.add_all(elements))


def requested_at(database: Database, trigger_id: UUID) -> object:
    table = Trigger.__table__
    query = sa.select(table.c.run_requested_at).where(table.c.id == trigger_id)
    return database.read(lambda session: session.execute(query).scalar_one())


async def statements_of_a_glance(database: Database) -> int:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    backend = DashboardBackend(database, database.clock)
    await backend.glance(Span.DAY)
    sa.event.listen(database.engine, "before_cursor_execute", note)
    try:
        await backend.glance(Span.DAY)
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", note)
    return len(asked)


async def test_a_glance_asks_for_all_queues_at_once(site: Database) -> None:
    add_trigger(site, QueueTrigger, trigger_name="T", queue_name="queue", min_batch_size=1)
    few = await statements_of_a_glance(site)
    for number in range(30):
        name = f"queue {number}"
        add_elements(site, name, 2, age=timedelta(minutes=5))
        add_trigger(site, QueueTrigger, trigger_name=name, queue_name=name, min_batch_size=1 + number % 3)
    assert await statements_of_a_glance(site) == few
    found = (await DashboardBackend(site, site.clock).glance(Span.DAY)).untaken
    assert {each.name for each in found} == {f"queue {number}" for number in range(30) if number % 3 < 2}
    assert {each.waiting for each in found} == {2}


async def causes(user: User) -> dict[str, AttentionRow]:
    def find() -> Attention:
        (element,) = user.find(kind=Attention, marker="attention").elements
        return element

    return {row.title: row for row in (await until(find)).rows}


async def act(user: User, title: str) -> None:
    row = (await causes(user))[title]
    user.find(kind=Attention, marker="attention").trigger("act", row.id)


async def test_a_queue_trigger_whose_only_scheduler_is_unknown_says_what_to_do(user: User, site: Database) -> None:
    add_scheduler(site, "VM-1")
    add_trigger(
        site, QueueTrigger, trigger_name="Letters", queue_name="letters", min_batch_size=1, scheduler_whitelist=["VM-9"]
    )
    add_elements(site, "letters", 3, age=timedelta(minutes=5))
    await user.open("/")
    title = "Cannot run for queue letters: no scheduler named VM-9 is heard from"
    await until(lambda: True)
    row = (await causes(user))[title]
    assert row.who == "Letters: start VM-9, or edit where it may run"
    assert (row.count, row.countHref) == ("3", "/queues/letters?status=new")


async def test_a_requested_run_that_no_scheduler_takes_can_be_cancelled(user: User, site: Database) -> None:
    add_scheduler(site, "VM-1", silent_for=timedelta(hours=2))
    add_scheduler(site, "VM-2")
    trigger = add_trigger(
        site,
        ScheduledTrigger,
        trigger_name="Payroll",
        cron_expr="0 6 * * *",
        next_run=site_time(NOW + timedelta(hours=5)),
        scheduler_whitelist=["VM-1"],
        run_requested_at=NOW - timedelta(minutes=3),
    )
    await user.open("/")
    title = "Run requested, but VM-1 is not heard from"
    row = (await causes(user))[title]
    assert row.who == "Payroll: start VM-1, or edit where it may run, or cancel the run"
    assert row.action == "Cancel run"
    await act(user, title)
    await until(lambda: requested_at(site, trigger) is None)
    await user.should_see("The run of Payroll was cancelled")
    gone = await user_sees_no(user, title)
    assert gone


async def user_sees_no(user: User, title: str) -> bool:
    (element,) = user.find(kind=Attention, marker="attention").elements
    return bool(await until(lambda: all(row.title != title for row in element.rows)))


async def test_a_requested_run_is_cancelled_from_the_list_and_from_the_page_of_its_trigger(
    user: User, site: Database
) -> None:
    ids = {
        name: add_trigger(
            site,
            ScheduledTrigger,
            trigger_name=name,
            cron_expr="0 6 * * *",
            next_run=site_time(NOW + timedelta(hours=5)),
            run_requested_at=NOW,
        )
        for name in ("A", "B")
    }
    await user.open("/triggers")
    assert (await rows_of(user, "triggers"))["A"]["c"]["next"]["x"] == ["cancel", "Cancel"]
    await act_on(user, "triggers", "cancel", "A")
    await until(lambda: requested_at(site, ids["A"]) is None)
    assert requested_at(site, ids["B"]) is not None
    await user.open(f"/triggers/{ids['B']}")
    await click(user, "cancel")
    await until(lambda: requested_at(site, ids["B"]) is None)


async def test_a_queue_whose_trigger_is_paused_is_told_and_enabled(user: User, site: Database) -> None:
    add_scheduler(site, "VM-1")
    trigger = add_trigger(
        site,
        QueueTrigger,
        trigger_name="Letters",
        queue_name="letters",
        min_batch_size=1,
        process_status=TriggerStatus.PAUSED,
    )
    add_elements(site, "letters", 2, age=timedelta(minutes=5))
    await user.open("/")
    title = "New elements wait in letters, but no trigger of it is enabled"
    await until(lambda: user.find(kind=Attention, marker="attention").elements)
    (element,) = user.find(kind=Attention, marker="attention").elements
    await until(lambda: any(row.title == title for row in element.rows))
    row = (await causes(user))[title]
    assert (row.count, row.action, row.href) == ("2", "Enable", f"/triggers/{trigger}")
    await act(user, title)
    status = sa.select(Trigger.__table__.c.process_status).where(Trigger.__table__.c.id == trigger)
    await until(lambda: site.read(lambda session: session.execute(status).scalar_one()) is TriggerStatus.IDLE)


async def test_a_queue_without_a_trigger_is_told_when_no_robot_took_from_it_for_a_day(
    user: User, site: Database
) -> None:
    add_scheduler(site, "VM-1")
    add_elements(site, "left", 1, age=timedelta(hours=30))
    add_elements(site, "served", 1, age=timedelta(hours=30))
    add_elements(site, "served", 1, age=timedelta(hours=31), taken=timedelta(hours=1))
    add_elements(site, "young", 1, age=timedelta(hours=3))
    add_elements(site, "given up", 1, age=timedelta(hours=60))
    add_elements(site, "given up", 1, age=timedelta(hours=61), taken=timedelta(hours=50))
    await user.open("/")
    await until(lambda: user.find(kind=Attention, marker="attention").elements)
    (element,) = user.find(kind=Attention, marker="attention").elements
    await until(lambda: element.rows)
    told = {row.title for row in element.rows}
    assert told == {f"New elements wait in {queue}, but no trigger runs for it" for queue in ("left", "given up")}


async def test_a_trigger_whose_labels_nobody_carries_is_told_before_it_is_due(user: User, site: Database) -> None:
    seen = {"heartbeat_at": NOW, "last_update": site_time(NOW), "version": "4.0.0", "slots": 2}
    site.write(lambda session: session.add(Scheduler(machine_name="VM-1", labels=["sap"], **seen)))
    for name, labels in (("Letters", ["sap", "ocr"]), ("Invoices", ["SAP"])):
        add_trigger(
            site,
            ScheduledTrigger,
            trigger_name=name,
            cron_expr="0 6 * * *",
            next_run=site_time(NOW + timedelta(hours=5)),
            labels=labels,
        )
    await user.open("/")
    row = (await causes(user))["Cannot run: no scheduler that is heard from carries the labels sap, ocr"]
    assert row.who == "Letters: start a scheduler with --label, or edit what it requires"
    assert len([title for title in await causes(user) if title.startswith("Cannot run")]) == 1
