"""The backend of triggers on every kind of database: its queries and guarded changes are written for all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, Trigger
from OpenOrchestrator.database.statuses import (
    Desktop,
    JobStatus,
    RobotEnvironment,
    SecretPassing,
    TriggerStatus,
    TriggerType,
    WhenLost,
)
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.live.registry import badges_of
from OpenOrchestrator.orchestrator.shell.backend import CountsBackend
from OpenOrchestrator.orchestrator.shell.page_list import all_pages
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings, TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.backend.triggers import (
    SEGMENTS,
    SORTS,
    PauseWish,
    TriggerQuery,
    TriggersBackend,
)
from OpenOrchestrator.orchestrator.triggers.next_run import next_cell, next_words
from OpenOrchestrator.orchestrator.triggers.reasons import reasons

SCHEDULED = TriggerSettings(
    name="Æble 100%_",
    process="finance/fruit",
    type=TriggerType.SCHEDULED,
    path="https://git.example/robot.git",
    arguments='{"a": 1}',
    is_git=True,
    branch="main",
    priority=3,
    schedulers=("vm-1", "vm-2"),
    timeout_seconds=60,
    cron="0 6 * * 1-5",
)
SINGLE = TriggerSettings(
    name="Once", process="p", type=TriggerType.SINGLE, path="/r", next_run=datetime(2026, 11, 24, 9, 30, 15)
)
QUEUE = TriggerSettings(
    name="Queue",
    process="p",
    type=TriggerType.QUEUE,
    path="/r",
    queue="inbox",
    min_batch_size=5,
    desktop=Desktop.BACKGROUND,
)


class Backends:
    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.database = database
        self.triggers = TriggersBackend(database, clock)
        self.settings = TriggerSettingsBackend(database, clock)
        self.names = NamesBackend(database, clock)
        self.counts = CountsBackend(database, clock, badges_of(all_pages()))

    def set_status(self, trigger_id: UUID, status: TriggerStatus) -> None:
        table = Trigger.__table__
        self.database.write(
            lambda session: session.execute(
                sa.update(table).where(table.c.id == trigger_id).values(process_status=status)
            )
        )

    def add_job(self, trigger_id: UUID, status: JobStatus, minutes: int) -> None:
        start = self.database.site_now() - timedelta(minutes=minutes)
        job = Job(
            id=uuid4(), trigger_id=trigger_id, process_name="p", scheduler_name="vm-1", status=status, start_time=start
        )
        self.database.write(lambda session: session.add(job))


@pytest.fixture
def backends(database: Database, clock: SettableClock) -> Backends:
    return Backends(database, clock)


RETRYING = replace(
    QUEUE,
    retry_times=3,
    retry_pause=300,
    retry_growth=1.1,
    retry_most=3600,
    retry_after=(JobStatus.TIMED_OUT,),
    when_lost=WhenLost.RETRY,
    pause_after_failures=0,
)


async def test_settings_come_back_as_they_were_stored(backends: Backends) -> None:
    for settings in (SCHEDULED, SINGLE, QUEUE):
        stored = await backends.settings.get(await backends.settings.create(settings))
        assert stored.settings == settings
        assert stored.status is TriggerStatus.IDLE
    with pytest.raises(NotFoundError):
        await backends.settings.get(uuid4())


async def test_an_update_changes_everything_once_and_loses_to_a_newer_one(backends: Backends) -> None:
    changes = (
        (SCHEDULED, replace(SCHEDULED, name="B", cron="0 7 * * *", schedulers=(), branch=None, timeout_seconds=None)),
        (SCHEDULED, replace(SCHEDULED, keep_files=True)),
        (replace(SCHEDULED, keep_files=True), SCHEDULED),
        (SCHEDULED, replace(SCHEDULED, environment=RobotEnvironment.MANAGED, entry="robot_framework")),
        (replace(SCHEDULED, environment=RobotEnvironment.MANAGED, entry="jobs/night.py"), SCHEDULED),
        (SINGLE, replace(SINGLE, next_run=datetime(2026, 12, 1, 8, 0), passing=SecretPassing.ARGUMENTS, arguments="x")),
        (QUEUE, replace(QUEUE, queue="other", min_batch_size=1, is_git=True, branch="dev", priority=-4)),
        (QUEUE, RETRYING),
        (RETRYING, replace(RETRYING, retry_growth=1.7, retry_after=(JobStatus.FAILED, JobStatus.TIMED_OUT))),
        (RETRYING, QUEUE),
    )
    for before, after in changes:
        stored = await backends.settings.get(await backends.settings.create(before))
        assert await backends.settings.update(stored, after)
        assert (await backends.settings.get(stored.id)).settings == after
        assert not await backends.settings.update(stored, before)
        assert (await backends.settings.get(stored.id)).settings == after


async def test_an_update_loses_when_only_the_kind_s_own_part_changed(backends: Backends) -> None:
    stored = await backends.settings.get(await backends.settings.create(QUEUE))
    assert await backends.settings.update(stored, replace(QUEUE, min_batch_size=9))
    assert not await backends.settings.update(stored, replace(QUEUE, name="Other"))
    assert (await backends.settings.get(stored.id)).settings == replace(QUEUE, min_batch_size=9)


async def test_an_update_loses_when_only_what_all_kinds_share_changed(backends: Backends) -> None:
    for settings in (SCHEDULED, SINGLE, QUEUE):
        stored = await backends.settings.get(await backends.settings.create(settings))
        newer = replace(settings, arguments="newer")
        assert await backends.settings.update(stored, newer)
        assert not await backends.settings.update(stored, replace(settings, name="Other"))
        assert (await backends.settings.get(stored.id)).settings == newer


async def test_nothing_is_stored_of_what_cannot_be(backends: Backends) -> None:
    wrong = (replace(SCHEDULED, cron="0 25 * * *"), replace(SINGLE, next_run=None), replace(QUEUE, min_batch_size=0))
    for settings in wrong:
        with pytest.raises(InvalidInputError):
            await backends.settings.create(settings)
    stored = await backends.settings.get(await backends.settings.create(SINGLE))
    with pytest.raises(InvalidInputError):
        await backends.settings.update(stored, QUEUE)
    assert (await backends.triggers.page(TriggerQuery())).everything == 1


async def test_each_trigger_of_a_long_list_has_its_own_runs(backends: Backends) -> None:
    for number in range(53):
        trigger = await backends.settings.create(replace(QUEUE, name=f"Trigger {number}"))
        backends.add_job(trigger, JobStatus.DONE, number + 1)
    rows = (await backends.triggers.page(TriggerQuery(size=100))).rows
    newest = max(run.started for row in rows for run in row.runs)
    assert len(rows) == 53
    for row in rows:
        (run,) = row.runs
        assert newest - run.started == timedelta(minutes=int(row.name.split()[1]))


async def test_lists_with_every_sort_and_segment(backends: Backends) -> None:
    scheduled, single, queue = [await backends.settings.create(each) for each in (SCHEDULED, SINGLE, QUEUE)]
    backends.set_status(single, TriggerStatus.FAILED)
    backends.set_status(queue, TriggerStatus.PAUSING)
    for minutes in range(20):
        backends.add_job(scheduled, JobStatus.DONE if minutes % 2 else JobStatus.FAILED, minutes + 1)
    for sort in SORTS:
        for descending in (False, True):
            page = await backends.triggers.page(TriggerQuery(sort=sort, descending=descending))
            assert {row.id for row in page.rows} == {scheduled, single, queue}
    row = next(row for row in page.rows if row.id == scheduled)
    assert [run.status for run in row.runs] == [JobStatus.DONE, JobStatus.FAILED] * 7
    assert row.schedulers == ("vm-1", "vm-2")
    found = {
        segment: {row.id for row in (await backends.triggers.page(TriggerQuery(segment=segment))).rows}
        for segment in SEGMENTS
    }
    assert found == {"attention": {single, queue}, "running": {queue}, "paused": {queue}}
    backends.add_job(queue, JobStatus.RUNNING, 0)
    assert (await backends.triggers.page(TriggerQuery())).attention == 1
    assert await backends.counts.counts() == {"triggers": 1, "jobs": 1, "queues": 0, "schedulers": 0}


async def test_search_takes_signs_as_they_are(backends: Backends) -> None:
    first = await backends.settings.create(SCHEDULED)
    await backends.settings.create(QUEUE)
    cases: list[tuple[str, set[UUID]]] = [
        (text, {first}) for text in ("æble", "ÆBLE", "Æb", "FRUIT", "100%_", "%", "_")
    ]
    cases += [(text, set()) for text in ("\\", "'", "%b", "æ_le", "[a-z]")]
    for text, expected in cases:
        page = await backends.triggers.page(TriggerQuery(text=text))
        assert {row.id for row in page.rows} == expected, text
        assert {each.id for each in await backends.names.find_triggers(text)} == expected, text


async def test_schedulers_of_a_whitelist_filter(backends: Backends) -> None:
    listed, anywhere = await backends.settings.create(SCHEDULED), await backends.settings.create(QUEUE)
    for query, expected in (
        (TriggerQuery(schedulers=("vm-1",)), {listed, anywhere}),
        (TriggerQuery(schedulers=("vm-9",)), {anywhere}),
        (TriggerQuery(schedulers=("vm-1",), not_schedulers=True), set()),
        (TriggerQuery(schedulers=("vm-9",), not_schedulers=True), {listed}),
    ):
        assert set(await backends.triggers.ids(query)) == expected


async def test_actions_are_guarded(backends: Backends) -> None:
    trigger = await backends.settings.create(SCHEDULED)
    triggers = backends.triggers
    assert not await triggers.kill(trigger)
    assert await triggers.run_now(trigger)
    assert (await triggers.rows([trigger]))[0].run_requested
    assert await triggers.pause(trigger, PauseWish())
    assert not await triggers.run_now(trigger)
    assert await triggers.enable(trigger)
    backends.set_status(trigger, TriggerStatus.RUNNING)
    assert await triggers.kill(trigger)
    assert not await triggers.kill(trigger)
    assert await triggers.delete(trigger)
    assert not await triggers.delete(trigger)
    assert not await triggers.enable(uuid4())


async def test_names_to_choose_from(backends: Backends) -> None:
    for settings in (SCHEDULED, SINGLE, QUEUE):
        await backends.settings.create(settings)
    assert await backends.names.processes() == ("finance/fruit", "p")
    assert await backends.names.schedulers() == ("vm-1", "vm-2")
    assert await backends.names.queues() == ("inbox",)
    assert await backends.names.find_queues("BOX") == ("inbox",)


@pytest.mark.kinds("sqlite")
async def test_a_trigger_whose_id_is_written_so_that_it_is_not_found_says_so(backends: Backends) -> None:
    trigger_id = await backends.settings.create(SINGLE)
    with backends.database.connection(writing=True) as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table in ("Single_Triggers", "Triggers"):
            connection.exec_driver_sql(f'UPDATE "{table}" SET id = ? WHERE id = ?', (str(trigger_id), trigger_id.hex))
    (row,) = (await backends.triggers.page(TriggerQuery())).rows
    assert (row.status, row.odd_id) == (TriggerStatus.FAILED, str(trigger_id))
    assert all(str(trigger_id) in reason for reason in reasons(row).values())
    cell = next_cell(row, backends.database.utc_now(), backends.database.zone)
    assert "Will not run" in str(cell)
    assert str(trigger_id) in str(cell)


async def test_a_queue_trigger_whose_run_took_nothing_says_until_when_it_rests(
    backends: Backends, clock: SettableClock
) -> None:
    database = backends.database
    trigger_id = await backends.settings.create(replace(QUEUE, min_batch_size=1))

    async def next_run() -> tuple[str, str | None]:
        (row,) = (await backends.triggers.page(TriggerQuery())).rows
        assert (row,) == await backends.triggers.rows([trigger_id])
        now, zone = database.utc_now(), database.zone
        words, tip, _tone = next_words(row, now, zone)
        assert str(next_cell(row, now, zone)["t"]) in (words.partition(",")[0], "On new elements")
        return words, tip

    waiting = ("When New elements wait", None)
    make.add_elements(database, "inbox", 1)
    clock.advance(timedelta(seconds=1))
    assert await next_run() == waiting
    job = Job(id=uuid4(), trigger_id=trigger_id, process_name="p", scheduler_name="vm-1", status=JobStatus.DONE)
    job.start_time, job.end_time = database.site_now(), database.site_now() + timedelta(seconds=1)
    database.write(lambda session: session.add(job))
    clock.advance(timedelta(seconds=1))
    words, tip = await next_run()
    assert words == "At 08:12:04, or on a new element"
    assert tip is not None
    assert "took nothing" in tip
    make.add_elements(database, "inbox", 1)
    assert await next_run() == waiting


async def test_what_is_due_and_does_not_start_says_why(backends: Backends, clock: SettableClock) -> None:
    database = backends.database
    now = database.site_now()
    due = await backends.settings.create(replace(SINGLE, next_run=now, schedulers=("nowhere",)))
    full = await backends.settings.create(replace(QUEUE, min_batch_size=2))
    alike = await backends.settings.create(replace(QUEUE, name="Alike", min_batch_size=1, queue="INBOX"))
    short = await backends.settings.create(replace(QUEUE, name="Short", min_batch_size=4))
    make.add_elements(database, "inbox", 3)
    assert (await backends.triggers.page(TriggerQuery())).waits == {}
    clock.advance(timedelta(seconds=11))
    waits = (await backends.triggers.page(TriggerQuery())).waits
    assert {key: wait.short for key, wait in waits.items()} == {
        due: "nowhere unknown",
        full: "No scheduler",
    }
    assert abs((database.utc_now() - waits[full].since).total_seconds() - 11) <= 1
    assert alike not in waits
    assert short not in waits
    reasons_of = await backends.triggers.why(due)
    assert [reason.words for reason in reasons_of] == ["It may run on nowhere, which never reported."]
    with pytest.raises(NotFoundError, match="deleted"):
        await backends.triggers.why(uuid4())
