"""The list of queues and the page of one, used as an admin uses them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, QueueElement, QueueTrigger
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.queues.address import path_of, queue_of
from OpenOrchestrator.orchestrator.queues.backend import element_rows as lists
from OpenOrchestrator.orchestrator.queues.backend import matching_elements
from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery, QueueElementsBackend
from OpenOrchestrator.orchestrator.queues.backend.queues import RATED_ELEMENTS, QueuesBackend
from tests.ui.conftest import App
from tests.ui.pages import act_on, cell, click, rows_of, select, table, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time

QUEUE = "fakturaer-indgående"
PATH = "/queues/fakturaer-indg%C3%A5ende"


def add(database: Database, *references: str, queue: str = "q", ago: timedelta = timedelta(0), **values: Any) -> None:
    """Store elements, the later ones newer."""
    created = site_time(NOW - ago)
    given = {"status": QueueStatus.NEW, **values}
    database.write(
        lambda session: session.add_all(
            QueueElement(
                id=uuid4(),
                queue_name=queue,
                reference=reference,
                created_date=created + timedelta(milliseconds=number),
                **given,
            )
            for number, reference in enumerate(references)
        )
    )


def add_job(database: Database, status: JobStatus = JobStatus.RUNNING) -> UUID:
    job_id = uuid4()
    job = Job(
        id=job_id,
        process_name="finance/x",
        trigger_name="Invoices",
        scheduler_name="RPA-VM-09",
        status=status,
        start_time=site_time(NOW),
    )
    database.write(lambda session: session.add(job))
    return job_id


def stored(database: Database, reference: str) -> QueueElement | None:
    return database.read(
        lambda session: session.scalars(
            sa.select(QueueElement).where(QueueElement.reference == reference).limit(1)
        ).first()
    )


def statuses(database: Database, queue: str = "q") -> dict[str, QueueStatus]:
    return database.read(
        lambda session: {
            row.reference: row.status
            for row in session.scalars(
                sa.select(QueueElement).where(QueueElement.queue_name == queue).order_by(QueueElement.created_date)
            )
        }
    )


def change(database: Database, reference: str, **values: Any) -> None:
    database.write(
        lambda session: session.execute(
            sa.update(QueueElement).where(QueueElement.reference == reference).values(**values)
        )
    )


def now_rows(user: User, marker: str) -> list[str]:
    (element,) = user.find(kind=DataTable, marker=marker).elements
    return [row["name"] for row in element.rows]


def set_value(user: User, marker: str, value: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = value  # type: ignore[attr-defined]


# --- the list of queues


async def test_shows_counts_age_rate_and_trigger_of_each_queue(user: User, site: Database) -> None:
    add(site, "a", "b", ago=timedelta(hours=26))
    add(site, "c", ago=timedelta(minutes=30))
    add(site, "d", ago=timedelta(minutes=40), status=QueueStatus.DONE, end_date=site_time(NOW - timedelta(minutes=5)))
    add(site, "e", ago=timedelta(hours=40), status=QueueStatus.DONE, end_date=site_time(NOW - timedelta(hours=39)))
    add(site, "f", status=QueueStatus.FAILED, end_date=site_time(NOW - timedelta(minutes=59)))
    add_trigger(
        site,
        QueueTrigger,
        trigger_name="Paused one",
        queue_name="q",
        min_batch_size=1,
        process_status=TriggerStatus.PAUSED,
    )
    add_trigger(site, QueueTrigger, trigger_name="Waiting", queue_name="empty", min_batch_size=1)
    await user.open("/queues")
    rows = await rows_of(user, "queues")
    assert list(rows) == ["empty", "q"]
    row = rows["q"]
    assert [cell(row, name)["t"] for name in ("new", "in_progress", "done", "failed", "abandoned")] == [
        "3",
        "0",
        "2",
        "1",
        "0",
    ]
    assert cell(row, "oldest")["t"] == "1 d 2 h"
    assert cell(row, "oldest")["tip"].startswith("Sun 22 Nov 2026, 06:12:00\nEurope/Copenhagen")
    assert cell(row, "rate")["t"] == "2"
    assert cell(row, "rate")["tip"] == "2 ended in the last hour\n3 came in"
    assert cell(row, "trigger")["p"]["w"] == "Paused"
    assert cell(row, "name") == {"t": "q", "s": "Paused one", "n": "Oldest New: 1 d 2 h", "h": "/queues/q"}
    assert cell(row, "bar")["k"] == [["done", 2], ["idle", 3], ["failed", 1]]
    assert cell(rows["empty"], "oldest")["t"] == "\u2013"


async def test_a_queue_that_waits_for_long_and_that_nobody_works_on_is_red(user: User, site: Database) -> None:
    add(site, "a", ago=timedelta(days=3), queue="stalled")
    add(site, "b", ago=timedelta(minutes=90), queue="late")
    add(site, "c", ago=timedelta(minutes=9), queue="fine")
    await user.open("/queues")
    rows = await rows_of(user, "queues")
    assert {name: cell(row, "oldest").get("f") for name, row in rows.items()} == {
        "stalled": "failed",
        "late": "timeout",
        "fine": None,
    }
    assert cell(rows["stalled"], "trigger")["t"] == "None"


async def test_queues_are_filtered_and_sorted_by_the_address(user: User, sample: Database) -> None:
    await user.open("/queues?sort=-failed")
    assert next(iter(await rows_of(user, "queues"))) == QUEUE
    await user.open("/queues?q=bop")
    assert list(await rows_of(user, "queues")) == ["bopælsattester"]
    await user.should_see("1 of 3")
    await user.open("/queues?sort=nonsense&page=x&segment=y&size=3")
    assert list(await rows_of(user, "queues")) == ["aktindsigt-bilag", "bopælsattester", QUEUE]
    user.find(marker="queues").trigger("sort", "new")
    await until(lambda: now_rows(user, "queues")[0] == "bopælsattester")
    await user.open("/queues?segment=failed&q=zzz")
    await user.should_see("Nothing matches", retries=30)


async def test_an_empty_site_says_what_a_queue_is(user: User, site: Database) -> None:
    await user.open("/queues")
    await user.should_see("No queues yet", retries=30)
    await user.should_not_see("Last 24 hours")


async def test_an_element_of_a_new_queue_is_made_on_the_list(user: User, site: Database) -> None:
    await user.open("/queues")
    await click(user, "new-element")
    await user.should_see(marker="queue", retries=30)
    await click(user, "save")
    await user.should_see("Enter the name of a queue.", retries=30)
    set_value(user, "queue", "ny kø")
    set_value(user, "reference", "r-1")
    set_value(user, "data", '{"a": 1}')
    await user.should_see("8 characters, valid JSON", retries=30)
    await click(user, "save")
    await user.should_see("r-1 was added to ny kø", retries=30)
    element = stored(site, "r-1")
    assert element is not None
    assert (element.queue_name, element.data, element.status) == ("ny kø", '{"a": 1}', QueueStatus.NEW)
    assert element.created_date == site_time(NOW)


async def test_the_rate_of_a_fast_queue_is_projected(site: Database, clock: SettableClock) -> None:
    add(
        site,
        *(f"r{number}" for number in range(RATED_ELEMENTS + 50)),
        status=QueueStatus.DONE,
        end_date=site_time(NOW - timedelta(minutes=6)),
    )
    row = await QueuesBackend(site, clock).one("q")
    assert row.per_hour == RATED_ELEMENTS * 10


async def test_hours_of_the_chart(site: Database, clock: SettableClock) -> None:
    add(site, "a", "b", ago=timedelta(hours=2))
    add(site, "c", ago=timedelta(hours=30), status=QueueStatus.DONE, end_date=site_time(NOW - timedelta(hours=1)))
    add(site, "d", status=QueueStatus.FAILED, end_date=site_time(NOW))
    flow = await QueuesBackend(site, clock).flow("q")
    assert len(flow.hours) == 24
    assert flow.hours[-1] == datetime(2026, 11, 23, 8)
    assert flow.arrived[-4:] == (0, 2, 0, 1)
    assert flow.ended[-4:] == (0, 0, 1, 1)


# --- one queue


@pytest.mark.parametrize(
    "name",
    ["plain", "æøå", "a/b", "50% x", "50%25", "what?", "#1", "a\\b", "~2F", ".", "..", "a.b", "a b+c", "<x>", "日本"],
)
def test_every_name_has_an_address(name: str) -> None:
    path = path_of(name)
    assert re.fullmatch(r"/queues/[A-Za-z0-9_.~%-]+", path)
    assert path not in ("/queues/.", "/queues/..")
    part = path.removeprefix("/queues/")
    assert queue_of(part) == name
    assert queue_of(unquote(part)) == name
    assert not {"/", "?", "#"} & set(unquote(part))


async def test_shows_elements_newest_first_with_figures(user: User, sample: Database) -> None:
    await user.open(PATH)
    rows = await rows_of(user, "elements")
    assert len(rows) == 25
    assert next(iter(rows)) == "2026-118800"
    await user.should_see("1-25 of 60")
    await user.should_see("60")
    counts = {status: list(statuses(sample, QUEUE).values()).count(status) for status in QueueStatus}
    for status, count in counts.items():
        (figure,) = user.find(marker=f"figure-{status.name.lower()}").elements
        assert figure.text == str(count)  # type: ignore[attr-defined]
    failed = next(name for name, status in statuses(sample, QUEUE).items() if status is QueueStatus.FAILED)
    await user.open(f"{PATH}?status=failed")
    rows = await rows_of(user, "elements")
    assert len(rows) == counts[QueueStatus.FAILED]
    assert cell(rows[failed], "message")["t"] == "CVR-nummer 00000000 findes ikke i stamdata"
    assert cell(rows[failed], "status")["p"]["w"] == "Failed"
    assert set(rows[failed]["a"]) == {"new", "edit", "abandon", "delete"}


async def test_filters_of_elements(user: User, site: Database) -> None:
    add(site, "old", ago=timedelta(days=40), data="needle")
    add(site, "done", ago=timedelta(hours=2), status=QueueStatus.DONE, message="100 % NEEDLE")
    add(site, "new", ago=timedelta(minutes=2))
    add(site, "failed", status=QueueStatus.FAILED)
    add(site, "other", queue="other")
    for query, expected in {
        "": ["failed", "new", "done", "old"],
        "?q=needle": ["done", "old"],
        "?q=%25": ["done"],
        "?q=_": [],
        "?status=new,failed": ["failed", "new", "old"],
        "?status=-new": ["failed", "done"],
        "?status=nonsense": ["failed", "new", "done", "old"],
        "?from=24h": ["failed", "new", "done"],
        "?from=24h&status=new,done&q=e": ["new", "done"],
        "?to=2026-11-23T07:00": ["done", "old"],
        "?from=2026-11-23T06:00&to=2026-11-23": ["failed", "new", "done"],
        "?from=yesterday&to=x": ["failed", "new", "done", "old"],
        "?sort=created": ["old", "done", "new", "failed"],
        "?sort=reference": ["done", "failed", "new", "old"],
        "?sort=-reference": ["old", "new", "failed", "done"],
        "?sort=password&size=7&page=0": ["failed", "new", "done", "old"],
    }.items():
        await user.open(f"/queues/q{query}")
        if expected:
            assert list(await rows_of(user, "elements")) == expected, query
        else:
            await user.should_see("Nothing matches", retries=30)


async def test_a_period_is_set_and_cleared(user: User, site: Database) -> None:
    add(site, "old", ago=timedelta(days=40))
    add(site, "new")
    await user.open("/queues/q")
    await click(user, "period-24h")
    await until(lambda: now_rows(user, "elements") == ["new"])
    await user.should_see("from=24h")
    await click(user, "remove-period")
    await until(lambda: now_rows(user, "elements") == ["new", "old"])
    set_value(user, "period-to", "2026-11-01T00:00")
    await click(user, "period-apply")
    await until(lambda: now_rows(user, "elements") == ["old"])
    set_value(user, "period-from", "2026-10-30T00:00")
    await click(user, "period-apply")
    await user.should_see("from=2026-10-30 00:00 to=2026-11-01 00:00 hides everything there is.", retries=30)
    await click(user, "clear-filters")
    await until(lambda: now_rows(user, "elements") == ["new", "old"])


async def test_columns_and_density(user: User, sample: Database) -> None:
    await user.open(f"{PATH}?columns=reference,by,nonsense&dense=1")
    columns = [column["n"] for column in (await table(user, "elements")).props["columns"]]
    assert columns == ["reference", "by"]
    await click(user, "column-status")
    await until(
        lambda: (
            [c["n"] for e in user.find(marker="elements").elements for c in e.props["columns"]]
            == ["status", "reference", "by"]
        )
    )


async def test_pages_far_behind_what_is_counted(site: Database, clock: SettableClock, monkeypatch: Any) -> None:
    monkeypatch.setattr(lists, "COUNT_CAP", 10)
    add(site, *(f"r{number:03}" for number in range(60)))
    backend = QueueElementsBackend(site, clock)
    first = await backend.page(ElementQuery(queue="q", descending=False))
    assert (first.total, first.capped) == (26, True)
    second = await backend.page(ElementQuery(queue="q", descending=False, page=2))
    assert second.total == 51
    last = await backend.page(ElementQuery(queue="q", descending=False, page=3))
    assert (last.total, last.capped, len(last.rows)) == (60, False, 10)
    beyond = await backend.page(ElementQuery(queue="q", page=9))
    assert beyond.rows == ()


async def test_several_statuses_page_in_one_order(site: Database, clock: SettableClock) -> None:
    for number in range(40):
        status = (QueueStatus.NEW, QueueStatus.FAILED, QueueStatus.DONE)[number % 3]
        add(site, f"r{number:02}", ago=timedelta(minutes=40 - number), status=status)
    backend = QueueElementsBackend(site, clock)
    found: list[str | None] = []
    for page in (1, 2):
        query = ElementQuery(queue="q", statuses=(QueueStatus.NEW, QueueStatus.FAILED), descending=False, page=page)
        found += [row.reference for row in (await backend.page(query)).rows]
    assert found == [f"r{number:02}" for number in range(40) if number % 3 != 2]


async def test_a_search_in_a_long_queue_says_how_far_it_went(user: User, site: Database, monkeypatch: Any) -> None:
    monkeypatch.setattr(lists, "SEARCHED_ELEMENTS", 3)
    add(site, "needle-old", ago=timedelta(hours=3))
    add(site, "x1", "x2", "x3", ago=timedelta(hours=1))
    add(site, "needle-new")
    await user.open("/queues/q?q=needle")
    assert list(await rows_of(user, "elements")) == ["needle-new"]
    await user.should_see("Searched the newest elements, created since Mon 23 Nov 2026, 07:12:00.")
    await click(user, "search-all")
    await until(lambda: now_rows(user, "elements") == ["needle-new", "needle-old"])


async def test_an_exact_reference_is_found_at_once_however_old_and_belongs_to_all_that_match(
    user: User, site: Database, clock: SettableClock, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lists, "SEARCHED_ELEMENTS", 3)
    add(site, "case-7", ago=timedelta(hours=3), status=QueueStatus.FAILED)
    add(site, "case-71", ago=timedelta(hours=3))
    add(site, "x1", "x2", "x3", ago=timedelta(hours=1))
    add(site, "case-72")
    await user.open("/queues/q?q=case-7")
    assert list(await rows_of(user, "elements")) == ["case-72", "case-7"]
    await user.should_see("1-2 of 2 found so far")
    backend = QueueElementsBackend(site, clock)
    for sort in ("created", "reference", "status"):
        page = await backend.page(ElementQuery(queue="q", text="case-7", sort=sort, descending=False))
        assert {row.reference for row in page.rows} == {"case-7", "case-72"}
    failed = ElementQuery(queue="q", text="case-7", statuses=(QueueStatus.FAILED, QueueStatus.NEW))
    assert [row.reference for row in (await backend.page(failed)).rows] == ["case-72", "case-7"]
    matching = matching_elements.MatchingElementsBackend(site, clock)
    assert (await matching.counts(await matching.resolve(failed))).total == 2


async def test_a_search_that_found_nothing_yet_says_so_where_its_rows_would_stand(
    user: User, site: Database, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lists, "SEARCHED_ELEMENTS", 3)
    add(site, "needle-old", ago=timedelta(hours=3))
    add(site, "x1", "x2", "x3", ago=timedelta(hours=1))
    add(site, "x4")
    await user.open("/queues/q?q=needle")
    await user.should_see("Not found so far", retries=30)
    await user.should_not_see("hides everything there is")
    await click(user, "search-on-from-here")
    await until(lambda: now_rows(user, "elements") == ["needle-old"])


async def test_an_unknown_queue_offers_the_first_element(user: User, site: Database) -> None:
    await user.open(path_of("a/b %?"))
    await user.should_see("No elements in this queue", retries=30)
    await user.should_see("a/b %?")
    await user.open("/queues/" + "x" * 101)
    await user.should_see("Not found", retries=30)


# --- actions


async def test_one_failed_element_is_set_new(user: User, site: Database) -> None:
    job = add_job(site, JobStatus.FAILED)
    token = uuid4()
    add(site, "r1", status=QueueStatus.FAILED, job_id=job, claim_token=token, message="broken")
    await user.open("/queues/q")
    await act_on(user, "elements", "new", "r1")
    await user.should_see("r1 is New", retries=30)
    element = stored(site, "r1")
    assert element is not None
    assert (element.status, element.job_id, element.claim_token, element.message) == (
        QueueStatus.NEW,
        None,
        None,
        "broken",
    )
    await until(lambda: "new" not in _row(user, "r1")["a"])


async def test_what_somebody_else_changed_is_left_alone(user: User, site: Database) -> None:
    add(site, "r1", status=QueueStatus.FAILED, claim_token=uuid4())
    await user.open("/queues/q")
    await rows_of(user, "elements")
    await _pause(user)
    # Set New, handed out again and failed again: it reads the same, but is another round.
    change(site, "r1", claim_token=uuid4())
    await act_on(user, "elements", "new", "r1")
    await user.should_see("Set r1 to New: changed meanwhile", retries=30)
    assert statuses(site) == {"r1": QueueStatus.FAILED}


async def test_an_element_that_a_robot_works_on_asks_first(user: User, site: Database) -> None:
    add(site, "r1", status=QueueStatus.IN_PROGRESS, job_id=add_job(site), claim_token=uuid4())
    await user.open("/queues/q")
    await act_on(user, "elements", "new", "r1")
    await user.should_see("Job Invoices works on it on RPA-VM-09.", retries=30)
    await click(user, "cancel")
    assert statuses(site) == {"r1": QueueStatus.IN_PROGRESS}
    await act_on(user, "elements", "new", "r1")
    await click(user, "confirm")
    await user.should_see("r1 is New", retries=30)
    assert statuses(site) == {"r1": QueueStatus.NEW}


async def test_delete_asks_by_name_and_is_guarded(user: User, site: Database) -> None:
    add(site, "r1", "r2")
    await user.open("/queues/q")
    await act_on(user, "elements", "delete", "r1")
    await user.should_see("Delete r1?", retries=30)
    change(site, "r1", status=QueueStatus.IN_PROGRESS, claim_token=uuid4())
    await click(user, "confirm")
    await user.should_see("Delete r1: changed meanwhile", retries=30)
    await act_on(user, "elements", "delete", "r2")
    await click(user, "confirm")
    await user.should_see("r2 was deleted", retries=30)
    assert list(statuses(site)) == ["r1"]


async def test_selected_elements_are_set_new_but_for_those_that_robots_work_on(user: User, site: Database) -> None:
    job = add_job(site)
    add(site, "failed", status=QueueStatus.FAILED)
    add(site, "left", status=QueueStatus.IN_PROGRESS)
    add(site, "held", status=QueueStatus.IN_PROGRESS, job_id=job)
    add(site, "new")
    await user.open("/queues/q")
    await select(user, "elements", "failed", "left", "held", "new")
    await user.should_see("4 selected", retries=30)
    await click(user, "bulk-set-to-new")
    await user.should_see("Set 2 elements to New?", retries=30)
    await user.should_see("1 more that robots work on now are left alone.")
    await click(user, "confirm")
    await user.should_see("2 elements were set to New", retries=30)
    assert statuses(site) == {
        "failed": QueueStatus.NEW,
        "left": QueueStatus.NEW,
        "held": QueueStatus.IN_PROGRESS,
        "new": QueueStatus.NEW,
    }


async def test_selected_elements_that_changed_meanwhile_are_named(user: User, site: Database) -> None:
    add(site, "a", "b", status=QueueStatus.FAILED)
    await user.open("/queues/q")
    await select(user, "elements", "a", "b")
    await click(user, "bulk-delete")
    await user.should_see("Delete 2 elements?", retries=30)
    change(site, "b", status=QueueStatus.NEW)
    await click(user, "confirm")
    await user.should_see("1 element was deleted", retries=30)
    await user.should_see("Delete b: changed meanwhile")
    assert list(statuses(site)) == ["b"]


@pytest.mark.parametrize(
    ("action", "button", "said"),
    [
        ("bulk-set-to-new", "Set 120 elements to New?", "120 elements were set to New"),
        ("bulk-delete", "Delete 120 elements?", "120 elements were deleted"),
        ("bulk-abandon", "Abandon 120 elements?", "120 elements were abandoned"),
    ],
)
async def test_all_that_match_on_whatever_page(
    user: User, site: Database, monkeypatch: Any, action: str, button: str, said: str
) -> None:
    monkeypatch.setattr(matching_elements, "CHUNK", 50)
    add(site, *(f"f{number:03}" for number in range(120)), status=QueueStatus.FAILED)
    add(site, "held", status=QueueStatus.IN_PROGRESS, job_id=add_job(site))
    add(site, "done", status=QueueStatus.DONE)
    add(site, "f999", status=QueueStatus.FAILED, queue="another")
    await user.open("/queues/q?status=failed,in_progress")
    await select(user, "elements", "f119")
    await user.should_see("All 121 that match", retries=30)
    await click(user, "select-all")
    await click(user, action)
    await user.should_see(button, retries=30)
    await user.should_see("1 more that robots work on now are left alone.")
    # What comes after the question was asked does not belong to it.
    add(site, "later", ago=-timedelta(hours=1), status=QueueStatus.FAILED)
    await click(user, "confirm")
    await user.should_see(said, retries=50)
    found = statuses(site)
    kept = {name: status for name, status in found.items() if not name.startswith("f")}
    assert kept == {
        "held": QueueStatus.IN_PROGRESS,
        "done": QueueStatus.DONE,
        "later": QueueStatus.FAILED,
    }
    expected = {"bulk-set-to-new": QueueStatus.NEW, "bulk-abandon": QueueStatus.ABANDONED}.get(action)
    assert {name: status for name, status in found.items() if name.startswith("f")} == (
        {f"f{number:03}": expected for number in range(120)} if expected else {}
    )
    assert statuses(site, "another") == {"f999": QueueStatus.FAILED}


async def test_an_edit_is_saved(user: User, site: Database) -> None:
    add(site, "r1", data="old", message="was", status=QueueStatus.FAILED, start_date=site_time(NOW))
    await user.open("/queues/q")
    await act_on(user, "elements", "edit", "r1")
    await user.should_see(marker="data", retries=30)
    set_value(user, "data", "x" * 100_001)
    await click(user, "save")
    await user.should_see("At most 100000 characters; this has 100001.", retries=30)
    set_value(user, "data", "new")
    set_value(user, "status", QueueStatus.DONE)
    await click(user, "save")
    await user.should_see("r1 was saved", retries=30)
    element = stored(site, "r1")
    assert element is not None
    assert (element.data, element.status, element.message) == ("new", QueueStatus.DONE, "was")
    assert (element.start_date, element.end_date) == (site_time(NOW), site_time(NOW))


async def test_an_edit_over_a_newer_version_asks_and_keeps_what_it_did_not_touch(user: User, site: Database) -> None:
    add(site, "r1", data="old", message="was")
    await user.open("/queues/q")
    await act_on(user, "elements", "edit", "r1")
    await user.should_see(marker="data", retries=30)
    set_value(user, "data", "mine")
    change(site, "r1", status=QueueStatus.FAILED, message="robot")
    await click(user, "save")
    await user.should_see("somebody else changed status, message.", retries=30)
    await user.should_see("Saving changes data, and leaves the rest as it is now.")
    element = stored(site, "r1")
    assert element is not None
    assert element.data == "old"
    await click(user, "confirm")
    await user.should_see("r1 was saved", retries=30)
    element = stored(site, "r1")
    assert element is not None
    assert (element.data, element.status, element.message) == ("mine", QueueStatus.FAILED, "robot")


async def test_an_edit_does_not_overwrite_a_text_that_changed(user: User, site: Database) -> None:
    add(site, "r1", data="old")
    await user.open("/queues/q")
    await act_on(user, "elements", "edit", "r1")
    await user.should_see(marker="data", retries=30)
    set_value(user, "message", "mine")
    change(site, "r1", data="newer")
    await click(user, "save")
    await user.should_see("somebody else changed data.", retries=30)
    await click(user, "cancel")
    element = stored(site, "r1")
    assert element is not None
    assert (element.data, element.message) == ("newer", None)


async def test_two_tabs_see_what_one_changed(user: User, app: App, site: Database) -> None:
    add(site, "r1", status=QueueStatus.FAILED)
    other = app.user()
    await user.open("/queues/q")
    await other.open("/queues/q")
    await act_on(other, "elements", "new", "r1")
    await until(lambda: cell(_row(user, "r1"), "status")["p"]["w"] == "New")


async def test_text_of_the_database_stays_text(user: User, site: Database) -> None:
    evil = "<img src=x onerror=alert(1)>"
    add(site, evil, data=evil, message=evil, created_by=evil, queue=evil)
    await user.open("/queues")
    rows = await rows_of(user, "queues")
    assert cell(rows[evil], "name")["t"] == evil
    assert cell(rows[evil], "name")["h"] == "/queues/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E"
    await user.open(cell(rows[evil], "name")["h"])
    assert cell((await rows_of(user, "elements"))[evil], "message")["t"] == evil


def _row(user: User, name: str) -> dict[str, Any]:
    (element,) = user.find(kind=DataTable, marker="elements").elements
    return next(row for row in element.rows if row["name"] == name)


async def _pause(user: User) -> None:
    """Stop the page from showing what is new, as it would do between two looks."""
    from OpenOrchestrator.orchestrator.components.freshness import Freshness

    user.find(kind=Freshness).trigger("toggle")
    await until(lambda: [e for e in user.find(kind=Freshness).elements if e.props["state"] == "paused"])
