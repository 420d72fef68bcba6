"""Counts of messages over time, and the filter by scheduler."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, Log
from OpenOrchestrator.database.statuses import JobStatus, LogLevel
from OpenOrchestrator.orchestrator.backend.periods import Period
from OpenOrchestrator.orchestrator.logs.backend import histogram as counting
from OpenOrchestrator.orchestrator.logs.backend import logs as backend_logs
from OpenOrchestrator.orchestrator.logs.backend.histogram import HistogramBackend, edges_of
from OpenOrchestrator.orchestrator.logs.backend.logs import LogQuery, LogsBackend
from OpenOrchestrator.orchestrator.logs.histogram import HistogramBars, width_text
from tests.ui.pages import until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

SITE_NOW = datetime(2026, 11, 23, 8, 12)
MINUTE = timedelta(minutes=1)


def add(database: Database, *ago: timedelta, **values: Any) -> None:
    given = {"log_level": LogLevel.INFO, "process_name": "p", "job_id": None, "log_message": "m", **values}
    database.write(
        lambda session: session.add_all(Log(id=uuid4(), log_time=site_time(NOW - each), **given) for each in ago)
    )


def add_job(database: Database, scheduler: str) -> Any:
    job = Job(id=uuid4(), process_name="p", scheduler_name=scheduler, status=JobStatus.DONE, start_time=SITE_NOW)
    job_id = job.id
    database.write(lambda session: session.add(job))
    return job_id


def counted(database: Database, clock: SettableClock) -> HistogramBackend:
    return HistogramBackend(database, clock, monotonic=lambda: 0.0)


async def test_messages_are_counted_by_level_and_part_of_the_span(site: Database, clock: SettableClock) -> None:
    add(site, 70 * MINUTE, 71 * MINUTE, 5 * MINUTE)
    add(site, 2 * MINUTE, log_level=LogLevel.ERROR)
    add(site, timedelta(days=3))
    found = await counted(site, clock).histogram(LogQuery())
    assert found is not None
    assert (found.start, found.end, found.width) == (SITE_NOW - timedelta(days=1), SITE_NOW, 30 * MINUTE)
    assert found.totals == {LogLevel.TRACE: 0, LogLevel.INFO: 3, LogLevel.ERROR: 1}
    filled = {bar.start: bar.counts for bar in found.bars if bar.counts and any(bar.counts.values())}
    assert filled == {
        datetime(2026, 11, 23, 7, 0): {LogLevel.TRACE: 0, LogLevel.INFO: 2, LogLevel.ERROR: 0},
        datetime(2026, 11, 23, 8, 0): {LogLevel.TRACE: 0, LogLevel.INFO: 1, LogLevel.ERROR: 1},
    }
    assert found.counted_from is None


@pytest.mark.parametrize(
    "query",
    [
        LogQuery(processes=("a",)),
        LogQuery(processes=("b",), not_processes=True),
        LogQuery(text="needle"),
        LogQuery(levels=(LogLevel.ERROR,)),
        LogQuery(period=Period("1h")),
        LogQuery(text="needle", levels=(LogLevel.ERROR,), processes=("a", "b")),
    ],
)
async def test_counts_are_those_of_the_list(site: Database, clock: SettableClock, query: LogQuery) -> None:
    add(site, 5 * MINUTE, 65 * MINUTE, process_name="a")
    add(site, 6 * MINUTE, process_name="b", log_message="a Needle", log_level=LogLevel.ERROR)
    found = await counted(site, clock).histogram(query)
    assert found is not None
    assert sum(found.totals.values()) == len((await LogsBackend(site, clock).page(query)).rows)


async def test_what_takes_too_long_is_not_counted_and_said(user: User, site: Database, clock: SettableClock) -> None:
    add(site, MINUTE, timedelta(hours=20))
    ticking = iter(range(10_000))
    backend = HistogramBackend(site, clock, monotonic=lambda: ticking.__next__() / 100)
    found = await backend.histogram(LogQuery())
    assert found is not None
    assert found.counted_from is not None
    assert [bar.counts is None for bar in found.bars] == sorted(
        (bar.counts is None for bar in found.bars), reverse=True
    )
    assert found.totals[LogLevel.INFO] == 1
    assert all(bar.counts is not None for bar in found.bars if bar.start >= found.counted_from)


async def test_a_part_with_too_many_messages_is_not_searched(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_TRIED", 3)
    add(site, *[70 * MINUTE] * 3, MINUTE)
    found = await counted(site, clock).histogram(LogQuery(text="m"))
    assert found is not None
    assert found.totals[LogLevel.INFO] == 1
    assert found.counted_from is not None


async def test_a_part_is_counted_no_further_than_so_many(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNT_CAP", 3)
    add(site, *[MINUTE] * 5)
    found = await counted(site, clock).histogram(LogQuery())
    assert found is not None
    assert (found.totals[LogLevel.INFO], found.capped) == (3, True)


async def test_an_empty_log_has_no_histogram(site: Database, clock: SettableClock) -> None:
    assert await counted(site, clock).histogram(LogQuery(period=Period("all"))) is None


@pytest.mark.parametrize(
    ("length", "width", "words"),
    [
        (timedelta(minutes=30), timedelta(minutes=1), "1 min"),
        (timedelta(days=1), timedelta(minutes=30), "30 min"),
        (timedelta(days=7), timedelta(hours=2), "2 h"),
        (timedelta(days=90), timedelta(days=1), "day"),
        (timedelta(days=40_000), timedelta(days=422), "422 days"),
    ],
)
def test_bars_begin_by_the_clock_and_are_not_too_many(length: timedelta, width: timedelta, words: str) -> None:
    found, edges = edges_of(SITE_NOW - length, SITE_NOW)
    assert (found, width_text(found)) == (width, words)
    assert len(edges) <= counting.MOST_BARS + 1
    assert edges[0] <= SITE_NOW - length < edges[0] + width
    assert edges[-1] <= SITE_NOW < edges[-1] + width


async def test_the_page_shows_counts_and_narrows_to_bars_that_are_chosen(user: User, site: Database) -> None:
    add(site, 70 * MINUTE)
    add(site, MINUTE, log_level=LogLevel.ERROR)
    await user.open("/logs")
    await user.should_see("Lines per 30 min", retries=30)
    await user.should_see("Error 1")
    await user.should_see("Trace 0")

    def bars() -> HistogramBars:
        (element,) = user.find(kind=HistogramBars).elements
        return element

    shown = (await until(bars)).bars
    assert shown[-1]["t"] == "Mon 23 Nov, 08:00 to 08:12\nError 1, Info 0, Trace 0"
    last = len(shown) - 1
    user.find(kind=HistogramBars).trigger("span", [last, last + 7])
    user.find(kind=HistogramBars).trigger("span", [last, last])
    await user.should_see("from=2026-11-23 08:00:00 to=2026-11-23 08:12:00", retries=30)
    await user.should_see("1 line")


async def test_messages_of_a_scheduler(site: Database, clock: SettableClock) -> None:
    one, two = add_job(site, "VM-1"), add_job(site, "VM-2")
    add(site, MINUTE, job_id=one, log_message="one")
    add(site, MINUTE, job_id=two, log_message="two")
    add(site, MINUTE, log_message="by hand")

    async def found(**values: Any) -> set[str]:
        return {row.first for row in (await LogsBackend(site, clock).page(LogQuery(**values))).rows}

    assert await found(schedulers=("VM-1",)) == {"one"}
    assert await found(schedulers=("VM-1", "VM-2")) == {"one", "two"}
    assert await found(schedulers=("VM-1",), not_schedulers=True) == {"two", "by hand"}
    assert await found(schedulers=("VM-1",), text="two") == set()


async def test_a_search_by_scheduler_says_how_far_it_looked(
    user: User, site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_logs, "SEARCHED_LINES", 2)
    monkeypatch.setattr(backend_logs, "SEARCHED_PARTS", 1)
    add(site, 90 * MINUTE, job_id=add_job(site, "VM-1"), log_message="far away")
    add(site, 5 * MINUTE, 6 * MINUTE, 7 * MINUTE)
    await user.open("/logs?scheduler=VM-1")
    await user.should_see("Searched back to Mon 23 Nov 2026, 08:06:00.", retries=30)
    await user.should_see("scheduler=VM-1")
