"""The list of logs, used as an admin uses it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, Log
from OpenOrchestrator.database.statuses import JobStatus, LogLevel
from OpenOrchestrator.orchestrator.backend.periods import Period
from OpenOrchestrator.orchestrator.logs.address import query_of
from OpenOrchestrator.orchestrator.logs.backend import logs as backend_logs
from OpenOrchestrator.orchestrator.logs.backend.logs import Cursor, LogQuery, LogsBackend, cursor_of
from OpenOrchestrator.orchestrator.logs.log_list import LogList
from tests.ui.pages import click, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

EVIL = "<script>alert(1)</script>"


def add(database: Database, *messages: str, ago: timedelta = timedelta(0), **values: Any) -> None:
    """Store messages, the later ones a second newer."""
    given = {"log_level": LogLevel.INFO, "process_name": "p", "job_id": None, **values}
    time = site_time(NOW - ago)
    database.write(
        lambda session: session.add_all(
            Log(id=uuid4(), log_time=time + timedelta(seconds=number), log_message=message, **given)
            for number, message in enumerate(messages)
        )
    )


def the_list(user: User) -> LogList:
    (element,) = user.find(kind=LogList).elements
    return element


def messages(user: User) -> list[str]:
    return [row["m"] for row in the_list(user).rows]


async def shown(user: User, *expected: str) -> None:
    await until(lambda: messages(user) == list(expected))


async def test_shows_messages_newest_first_with_their_day(user: User, site: Database) -> None:
    job = uuid4()
    add(site, "yesterday", ago=timedelta(days=1), log_level=LogLevel.TRACE)
    add(site, "today", ago=timedelta(hours=1), log_level=LogLevel.ERROR, job_id=job)
    await user.open("/logs")
    await shown(user, "today", "yesterday")
    first, second = the_list(user).rows
    assert (first["t"], first["w"], first["l"], first["p"], first["j"]) == (
        "07:12:00.000",
        "Error",
        "failed",
        "p",
        str(job),
    )
    assert "d" not in first
    assert second["d"] == "Sun 22 Nov"
    assert second["f"] == "Sun 22 Nov 2026, 08:12:00\nEurope/Copenhagen, CET (UTC+1)"
    await user.should_see("2 lines")


async def test_filters_of_messages(user: User, site: Database) -> None:
    job = uuid4()
    add(site, "old Needle", ago=timedelta(days=20), process_name="a")
    add(site, "error needle", ago=timedelta(hours=5), log_level=LogLevel.ERROR, process_name="a", job_id=job)
    add(site, "trace 100 %", ago=timedelta(hours=2), log_level=LogLevel.TRACE, process_name="b, c", job_id=job)
    add(site, "info", process_name="b, c")
    everything = ["info", "trace 100 %", "error needle", "old Needle"]
    for query, expected in (
        ({}, everything),
        ({"level": "error"}, ["error needle"]),
        ({"level": "-error,info"}, ["trace 100 %"]),
        ({"level": "error,trace"}, ["trace 100 %", "error needle"]),
        ({"process": "a"}, ["error needle", "old Needle"]),
        ({"process": "b%2C c"}, ["info", "trace 100 %"]),
        ({"process": "-a"}, ["info", "trace 100 %"]),
        ({"process": "a,b%2C c", "level": "error,info"}, ["info", "error needle", "old Needle"]),
        ({"job": str(job)}, ["trace 100 %", "error needle"]),
        ({"job": str(job), "level": "error"}, ["error needle"]),
        ({"from": "24h"}, everything[:3]),
        ({"from": "2026-11-23T05:00", "to": "2026-11-23T07:00"}, ["trace 100 %"]),
        ({"to": "2026-11-03"}, ["old Needle"]),
        ({"q": "NEEDLE"}, ["error needle"]),
        ({"q": "needle", "from": "all"}, ["error needle", "old Needle"]),
        ({"q": "%"}, ["trace 100 %"]),
        ({"q": "needle", "process": "a", "from": "30d"}, ["error needle", "old Needle"]),
        ({"level": "nonsense", "job": "x", "from": "y", "before": "z", "after": "2026~1"}, everything),
    ):
        await user.open(f"/logs?{urlencode(query)}")
        await shown(user, *expected)
    await user.open("/logs?q=nothing&from=24h")
    await user.should_see("q=nothing and from=24h hides everything there is.", retries=30)
    await click(user, "clear-filters")
    await shown(user, *everything)


@pytest.mark.parametrize("text", ["Ærø", "ærø", "[a-z]", "100 %", "\\d", "O'Hara", "ÆRØ 😀"])
async def test_a_search_takes_every_character_as_it_is(site: Database, clock: SettableClock, text: str) -> None:
    add(site, f"before {text} after", "before x after")
    page = await LogsBackend(site, clock).page(LogQuery(text=text))
    assert [row.first for row in page.rows] == [f"before {text} after"]


async def test_an_empty_site_says_where_messages_come_from(user: User, site: Database) -> None:
    await user.open("/logs")
    await user.should_see("No log messages yet", retries=30)


async def test_a_search_says_how_far_it_looks(user: User, site: Database) -> None:
    add(site, "needle old", ago=timedelta(days=20))
    add(site, "needle")
    await user.open("/logs?q=needle")
    await shown(user, "needle")
    await user.should_see("Searched the last 7 days.")
    await click(user, "search-on")
    await shown(user, "needle", "needle old")
    await user.should_see("from=all")


async def test_a_search_that_found_nothing_yet_says_so_where_its_lines_would_stand(user: User, site: Database) -> None:
    add(site, "needle old", ago=timedelta(days=20))
    add(site, "other")
    await user.open("/logs?q=needle")
    await user.should_see("Not found so far", retries=30)
    await user.should_see("Searched the last 7 days.")
    await user.should_not_see("hides everything there is")
    await click(user, "search-on-from-here")
    await shown(user, "needle old")


async def test_a_search_goes_on_where_it_stopped(user: User, site: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_logs, "SEARCHED_LINES", 2)
    monkeypatch.setattr(backend_logs, "SEARCHED_PARTS", 2)
    add(site, "needle 1", ago=timedelta(hours=2))
    add(site, "a", "b", "c", "d", ago=timedelta(hours=1))
    add(site, "needle 2", "e")
    await user.open("/logs?q=needle")
    await shown(user, "needle 2")
    await user.should_see("Searched back to Mon 23 Nov 2026, 07:12:02.")
    await click(user, "search-on")
    await shown(user, "needle 1")
    await click(user, "newest")
    await shown(user, "needle 2")


async def test_a_search_stops_when_it_takes_long(site: Database, clock: SettableClock, monkeypatch: Any) -> None:
    monkeypatch.setattr(backend_logs, "SEARCHED_LINES", 2)
    monkeypatch.setattr(backend_logs, "SEARCH_SECONDS", -1)
    add(site, "needle 1", "a", "b", "needle 2", "c", ago=timedelta(hours=1))
    backend = LogsBackend(site, clock)
    query = LogQuery(text="needle")
    found: list[list[str]] = []
    while query.before is not None or not found:
        page = await backend.page(query)
        found.append([row.first for row in page.rows])
        if page.older is None:
            break
        query = LogQuery(text="needle", before=page.older)
    assert found == [["needle 2"], [], ["needle 1"]]


async def test_a_search_in_parts_finds_each_once_in_both_directions(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_logs, "SEARCHED_LINES", 3)
    monkeypatch.setattr(backend_logs, "SEARCH_SECONDS", 60.0)  # a busy machine would stop before the end
    for number in range(20):  # four at each instant, so that parts end between messages of the same one
        add(site, f"needle {number}", "other", ago=timedelta(minutes=5 - number // 4))
    backend = LogsBackend(site, clock)
    query = LogQuery(text="needle", size=50)
    page = await backend.page(query)
    expected = sorted(page.rows, key=lambda row: (row.time, row.id.hex), reverse=True)
    assert sorted(int(row.first.split()[1]) for row in page.rows) == list(range(20))
    assert list(page.rows) == expected
    oldest = Cursor(expected[-1].time, expected[-1].id)
    newer = await backend.page(LogQuery(text="needle", size=50, after=oldest))
    assert list(newer.rows) == expected[:-1]
    bounded = await backend.page(
        LogQuery(text="needle", size=50, period=Period("2026-11-23T08:09", "2026-11-23T08:10"))
    )
    assert list(bounded.rows) == expected[4:12]


async def test_pages_are_kept_in_the_address(user: User, site: Database) -> None:
    add(site, *(f"m{number:03}" for number in range(250)), ago=timedelta(hours=1))
    await user.open("/logs")
    await until(lambda: messages(user)[::99] == ["m249", "m150"])
    await user.should_see("250 lines")
    await click(user, "older")
    await until(lambda: messages(user)[::99] == ["m149", "m050"])
    await click(user, "older")
    await until(lambda: (messages(user)[0], messages(user)[-1]) == ("m049", "m000"))
    (older,) = user.find(marker="older").elements
    assert not older.enabled  # type: ignore[attr-defined]
    await click(user, "newer")
    await until(lambda: messages(user)[::99] == ["m149", "m050"])
    await click(user, "newest")
    await until(lambda: messages(user)[::99] == ["m249", "m150"])


async def test_cursors_keep_apart_what_was_written_at_the_same_instant(site: Database, clock: SettableClock) -> None:
    for _ in range(25):
        add(site, "same")
    backend = LogsBackend(site, clock)
    found: list[UUID] = []
    query = LogQuery(size=10)
    while True:
        page = await backend.page(query)
        found += [row.id for row in page.rows]
        if page.older is None:
            break
        query = LogQuery(size=10, before=cursor_of(str(page.older)))
    assert len(found) == len(set(found)) == 25
    forward = await backend.page(LogQuery(size=10, after=query.before))
    assert [row.id for row in forward.rows] == found[9:19]


@pytest.mark.parametrize("text", ["", "x~y", "2026-11-23T08:00:00~", "2026-11-23T08:00:00+01:00~" + "0" * 32, "~" * 9])
def test_a_cursor_that_is_none_is_ignored(text: str) -> None:
    assert query_of({"before": text}).before is None


async def test_new_messages_appear_while_followed(user: User, site: Database) -> None:
    add(site, "first", ago=timedelta(minutes=1))
    await user.open("/logs")
    await shown(user, "first")
    add(site, "second")
    await shown(user, "second", "first")
    add(site, "late, from a clock that is behind", ago=timedelta(seconds=30))
    await shown(user, "second", "late, from a clock that is behind", "first")


async def test_reading_is_not_disturbed_by_new_messages(user: User, site: Database) -> None:
    add(site, "first", ago=timedelta(minutes=1))
    await user.open("/logs")
    await shown(user, "first")
    user.find(kind=LogList).trigger("away", True)
    add(site, "second", "third")
    await user.should_see("2 new lines", retries=50)
    assert messages(user) == ["first"]
    await click(user, "new-lines")
    await shown(user, "third", "second", "first")
    await user.should_not_see("2 new lines")


async def test_following_can_be_turned_off(user: User, site: Database) -> None:
    add(site, "first", ago=timedelta(minutes=1))
    await user.open("/logs")
    await shown(user, "first")
    await click(user, "follow")
    await until(lambda: [e for e in user.find(marker="follow").elements if e.props["aria-pressed"] == "false"])
    add(site, "second")
    await user.should_see("1 new line", retries=50)
    assert messages(user) == ["first"]
    await click(user, "follow")
    await shown(user, "second", "first")


async def test_many_new_messages_at_once_are_read_anew(user: User, site: Database) -> None:
    add(site, "first", ago=timedelta(minutes=10))
    await user.open("/logs")
    await shown(user, "first")
    add(site, *(f"m{number:03}" for number in range(230)), ago=timedelta(minutes=5))
    await until(lambda: messages(user)[::99] == ["m229", "m130"])


async def test_a_message_opens_with_its_full_text_and_job(user: User, site: Database) -> None:
    job = uuid4()
    site.write(
        lambda session: session.add(
            Job(
                id=job,
                process_name="p",
                trigger_name="Invoices",
                scheduler_name="RPA-VM-09",
                status=JobStatus.FAILED,
                start_time=site_time(NOW),
            )
        )
    )
    text = f'Traceback (most recent call last):\n  File "main.py", line 4\nValueError: {EVIL}'
    add(site, text, job_id=job, log_level=LogLevel.ERROR)
    await user.open("/logs")
    await shown(user, f"ValueError: {EVIL}")
    row = the_list(user).rows[0]
    user.find(kind=LogList).trigger("open", row["id"])
    await until(lambda: row["id"] in the_list(user).opened)
    details = the_list(user).opened[row["id"]]
    assert details["text"] == text
    assert details["facts"] == [
        ["Time", "Mon 23 Nov 2026, 08:12:00 CET", None],
        ["Process", "p", None],
        ["Job", "Invoices, Failed", f"/jobs/{job}"],
        ["Scheduler", "RPA-VM-09", None],
    ]
    user.find(kind=LogList).trigger("open", str(uuid4()))  # not listed: nothing happens


async def test_long_messages_are_shortened_in_the_list_only(user: User, site: Database) -> None:
    add(site, "x" * 8000)
    await user.open("/logs")
    await shown(user, "x" * 300)
    row = the_list(user).rows[0]
    assert row["x"] is True
    user.find(kind=LogList).trigger("open", row["id"])
    await until(lambda: row["id"] in the_list(user).opened)
    assert the_list(user).opened[row["id"]]["text"] == "x" * 8000


async def test_only_this_job_and_only_this_process(user: User, site: Database) -> None:
    job = uuid4()
    add(site, "a", process_name="x, y", job_id=job)
    add(site, "b", process_name="z")
    await user.open("/logs")
    await until(lambda: len(messages(user)) == 2)
    user.find(kind=LogList).trigger("only", {"name": "process", "value": "x, y"})
    await shown(user, "a")
    await user.should_see("process=x%2C y")
    await user.open("/logs")
    await until(lambda: len(messages(user)) == 2)
    user.find(kind=LogList).trigger("only", {"name": "job", "value": str(job)})
    await shown(user, "a")


async def test_counting_stops_somewhere(user: User, site: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from OpenOrchestrator.orchestrator.logs import page

    monkeypatch.setattr(backend_logs, "COUNT_CAP", 5)
    monkeypatch.setattr(page, "COUNT_CAP", 5)
    add(site, *"abcdefgh", ago=timedelta(hours=1))
    await user.open("/logs")
    await user.should_see("5+ lines", retries=30)


def test_nonsense_in_an_address_is_left_out() -> None:
    query = query_of({"process": ",".join(str(number) for number in range(50)), "q": "x" * 999, "job": "1,2"})
    assert len(query.processes) == 20
    assert len(query.text) == 200
    assert query.jobs == ()
    assert query.effective_period.start == "7d"
    assert query_of({"q": "x", "to": "2026-01-01"}).effective_period.start == ""
    assert (
        datetime(2026, 1, 1, 23, 59, 59, 999999)
        == query_of({"to": "2026-01-01"}).period.bounds(datetime(2026, 6, 1))[1]
    )
