"""Go to: names, exact references and ids at once; a word everywhere when that is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, Log, QueueElement
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus
from OpenOrchestrator.orchestrator.jobs.backend import find_jobs
from OpenOrchestrator.orchestrator.jobs.backend.find_jobs import FindJobsBackend
from OpenOrchestrator.orchestrator.queues.backend.find_elements import FoundWord
from OpenOrchestrator.orchestrator.shell.cases import elements_note
from tests.ui.pages import click, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

NEWEST = "Searched the newest 4\u202f000 elements"


def add(database: Database, *rows: Any) -> None:
    database.write(lambda session: session.add_all(rows))


def element(reference: str, queue: str = "cases", **values: Any) -> QueueElement:
    given = {"status": QueueStatus.FAILED, "created_date": site_time(NOW - timedelta(minutes=12)), **values}
    return QueueElement(id=uuid4(), queue_name=queue, reference=reference, **given)


def job(name: str, *, ago: timedelta = timedelta(hours=1), **values: Any) -> Job:
    given = {"status": JobStatus.FAILED, "process_name": "p", "scheduler_name": "A", **values}
    return Job(id=uuid4(), trigger_name=name, start_time=site_time(NOW - ago), end_time=site_time(NOW), **given)


def log(message: str, **values: Any) -> Log:
    given = {
        "log_level": LogLevel.ERROR,
        "process_name": "p",
        "log_time": site_time(NOW - timedelta(hours=2)),
        **values,
    }
    return Log(id=uuid4(), log_message=message, **given)


def write(user: User, text: str) -> None:
    with user:
        for field in user.find(marker="go-to-input").elements:
            field.value = text  # type: ignore[attr-defined]


def links(user: User) -> dict[str, str]:
    """Return what can be gone to: words and path."""
    (palette,) = user.find(marker="go-to-list").elements
    found = {}
    for each in palette.descendants():
        if isinstance(each, ui.link):
            labels = [part.text for part in each.descendants() if isinstance(part, ui.label)]
            found[labels[0]] = str(each.props["href"])
    return found


async def opened(user: User, text: str) -> None:
    await user.open("/settings")
    await click(user, "go-to")
    await user.should_see("Pages", retries=50)
    write(user, text)


async def test_an_exact_reference_is_found_at_once_with_its_queue_and_state(user: User, site: Database) -> None:
    wanted = element("2026-118")
    add(site, wanted, element("2026-1180"))
    await opened(user, "2026-118")
    await user.should_see("Elements with this reference", retries=30)
    await user.should_see("cases · Failed · 12 min ago")
    assert links(user) == {"2026-118": f"/queues/cases/{wanted.id}"}
    user.find(marker="go-to-input").trigger("keydown.enter")
    await user.should_see("Logs of its job", retries=30)


async def test_an_id_leads_to_its_job_or_element(user: User, site: Database) -> None:
    ran, worked = job("Invoices"), element("r")
    add(site, ran, worked)
    await opened(user, str(ran.id))
    await until(lambda: links(user) == {"Invoices": f"/jobs/{ran.id}"})
    write(user, worked.id.hex)
    await until(lambda: links(user) == {"r": f"/queues/cases/{worked.id}"})


async def test_a_word_is_searched_everywhere_when_asked_for_and_says_how_far(user: User, site: Database) -> None:
    add(site, element("case A-77 x"), job("Invoices", reason="No CVR for a-77"), log("sent A-77 on"))
    await opened(user, "a-77")
    await user.should_see("Search for “a-77” in elements, jobs and logs", retries=30)
    assert links(user) == {}
    user.find(marker="go-to-input").trigger("keydown.enter")
    await user.should_see("All elements were searched.", retries=30)
    await user.should_see("All jobs were searched.")
    await user.should_see("The last 7 days were searched.")
    found = links(user)
    assert list(found) == ["case A-77 x", "Invoices", "sent A-77 on", "Search on in Logs"]
    assert found["sent A-77 on"] == "/logs?q=a-77&from=all&process=p"
    assert found["Search on in Logs"] == "/logs?q=a-77"


async def test_an_exact_reference_stays_when_its_word_is_searched_everywhere(user: User, site: Database) -> None:
    wanted = element("a-77")
    add(site, wanted, element("case a-77 x"))
    await opened(user, "a-77")
    await user.should_see("Elements with this reference", retries=30)
    await click(user, "search-everywhere")
    await user.should_see("All jobs were searched.", retries=30)
    await user.should_see("Elements with this reference")
    assert list(links(user)) == ["a-77", "case a-77 x", "Search on in Logs"]
    assert links(user)["a-77"] == f"/queues/cases/{wanted.id}"


async def test_the_arrows_go_through_all_groups(user: User, site: Database) -> None:
    add(site, element("jobs"))
    await opened(user, "jobs")
    await user.should_see("Elements with this reference", retries=30)
    keys = user.find(marker="go-to-input")
    keys.trigger("keydown.down.prevent")
    keys.trigger("keydown.enter")
    await user.should_see("Logs of its job", retries=30)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (FoundWord((), more=False, queues=0, searched=0, complete=True), "There are no queues."),
        (FoundWord((), more=False, queues=2, searched=2, complete=True), "All elements were searched."),
        (
            FoundWord((), more=True, queues=2, searched=2, complete=False),
            "There are more. Searched the newest 4\u202f000 elements of each queue. Open a queue to search all of it.",
        ),
        (
            FoundWord((), more=False, queues=14, searched=9, complete=False),
            f"{NEWEST} of each of 9 of 14 queues: the rest would take too long. Open a queue to search it.",
        ),
    ],
)
def test_how_far_elements_were_searched_is_said(found: FoundWord, said: str) -> None:
    assert elements_note(found) == said


async def test_jobs_are_searched_in_parts_until_the_time_is_over(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_jobs, "SEARCHED_JOBS", 2)
    add(site, *(job("Other", ago=timedelta(hours=n)) for n in range(1, 6)), job("Needle", ago=timedelta(hours=9)))
    seconds = [0.0]
    backend = FindJobsBackend(site, clock, monotonic=lambda: seconds[0])
    found = await backend.holding("needle")
    assert ([row.name for row in found.rows], found.searched_to) == (["Needle"], None)
    ticking = iter(range(100))
    found = await FindJobsBackend(site, clock, monotonic=lambda: float(next(ticking))).holding("needle")
    assert (found.rows, found.searched_to) == ((), site_time(NOW - timedelta(hours=2)))
