"""The page of a queue element, used as an admin uses it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, Log, QueueElement
from OpenOrchestrator.database.statuses import AttemptEnd, JobStatus, LogLevel, QueueStatus
from OpenOrchestrator.database.stores import queue_attempts
from OpenOrchestrator.database.stores.queue_attempts import EndedAttempt
from OpenOrchestrator.orchestrator.components.stored_json import parsed
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.vocabulary import WAITING
from OpenOrchestrator.orchestrator.logs.backend.logs import LogsBackend
from OpenOrchestrator.orchestrator.logs.log_list import LogList
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementsBackend
from OpenOrchestrator.orchestrator.queues.elements.cells import element_row
from tests.ui.pages import click, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

EVIL = "<script>alert(1)</script>"


def add(database: Database, **values: Any) -> UUID:
    element_id = uuid4()
    given = {"queue_name": "q", "reference": "r1", "status": QueueStatus.NEW, "created_date": site_time(NOW), **values}
    database.write(lambda session: session.add(QueueElement(id=element_id, **given)))
    return element_id


def add_job(database: Database, status: JobStatus, *messages: str) -> UUID:
    job_id = uuid4()
    start = site_time(NOW - timedelta(minutes=10))

    def work(session: Any) -> None:
        session.add(
            Job(
                id=job_id,
                process_name="finance/x",
                trigger_name="Invoices",
                scheduler_name="RPA-VM-09",
                status=status,
                start_time=start,
            )
        )
        for number, message in enumerate(messages):
            session.add(
                Log(
                    log_time=start + timedelta(minutes=number),
                    log_level=LogLevel.ERROR if "Error" in message else LogLevel.TRACE,
                    process_name="finance/x",
                    job_id=job_id,
                    log_message=message,
                )
            )

    database.write(work)
    return job_id


def stored(database: Database, element_id: UUID) -> QueueElement | None:
    return database.read(lambda session: session.get(QueueElement, element_id))


def texts(user: User, marker: str) -> list[str]:
    (element,) = user.find(marker=marker).elements
    return [each.text for each in element.descendants() if isinstance(each, ui.label)]


async def test_shows_all_fields_the_tree_the_job_and_the_logs_of_its_time(user: User, site: Database) -> None:
    job = add_job(site, JobStatus.FAILED, "before it", "took r1", "ValueError: no", "after it")
    start = site_time(NOW - timedelta(minutes=9, seconds=30))
    element = add(
        site,
        status=QueueStatus.FAILED,
        data=json.dumps({"a": {"b": [1, None, "æ"]}, "c": True}),
        message="No such customer",
        created_by="Somebody",
        start_date=start,
        end_date=start + timedelta(minutes=1, seconds=29),
        job_id=job,
    )
    await user.open(f"/queues/q/{element}")
    await user.should_see("No such customer", retries=30)
    for text in ("Somebody", "1 min 29 s", str(element), "finance/x", "RPA-VM-09", "Mon 23 Nov 2026, 08:12:00"):
        await user.should_see(text)
    assert texts(user, "element-data") == ["a:", "{1}", "b:", "[3]", "0:", "1", "1:", "null", "2:", '"æ"', "c:", "true"]
    assert [text for text in texts(user, "element-logs") if ":" not in text[:9]] == [
        "Trace",
        "took r1",
        "Error",
        "ValueError: no",
    ]
    arrows = [icon for icon in user.find(kind=ui.icon).elements if icon.name == "sym_r_chevron_right"]
    assert len([icon for icon in arrows if "oo-crumbs" in icon.parent_slot.parent.classes]) == 1  # type: ignore[union-attr]
    (link,) = user.find(marker="open-job").elements
    assert link.props["href"] == f"/jobs/{job}"
    with user:
        for toggle in user.find(marker="data-mode").elements:
            toggle.value = "text"  # type: ignore[attr-defined]
    await until(lambda: texts(user, "element-data") == ['{"a": {"b": [1, null, "\\u00e6"]}, "c": true}'])


@pytest.mark.parametrize("data", [None, "", "plain", EVIL, "[broken", '{"a":1', "[" * 1500, "42", '"word"'])
async def test_data_that_is_no_json_is_shown_as_it_is(user: User, site: Database, data: str | None) -> None:
    element = add(site, data=data)
    await user.open(f"/queues/q/{element}")
    await user.should_see(marker="element-data", retries=30)
    assert parsed(data) is None
    assert texts(user, "element-data") == [data or "It has no data."]


async def test_deep_and_empty_json(user: User, site: Database) -> None:
    element = add(site, data='{"x": {}, "y": [], "z": ' + "[" * 60 + "]" * 60 + "}")
    await user.open(f"/queues/q/{element}")
    await user.should_see(marker="element-data", retries=30)
    shown = texts(user, "element-data")
    assert shown[:4] == ["x:", "{}", "y:", "[]"]
    assert shown[-1].startswith("[[")


async def test_text_stays_text(user: User, site: Database) -> None:
    element = add(site, reference=EVIL, data=json.dumps({EVIL: EVIL}), message=EVIL, created_by=EVIL)
    await user.open(f"/queues/q/{element}")
    await user.should_see(marker="element-data", retries=30)
    assert texts(user, "element-data") == [f"{EVIL}:", json.dumps(EVIL)]
    for html in user.find(kind=ui.element).elements:
        assert EVIL not in str(html.props.get("innerHTML", ""))


async def test_an_address_that_leads_nowhere(user: User, site: Database) -> None:
    element = add(site)
    for path in (f"/queues/other/{element}", f"/queues/q/{uuid4()}", "/queues/q/nonsense"):
        await user.open(path)
        await user.should_see("Not found", retries=30)


async def test_set_new_abandon_and_delete(user: User, site: Database) -> None:
    element = add(site, status=QueueStatus.FAILED, claim_token=uuid4(), message="was")
    await user.open(f"/queues/q/{element}")
    await click(user, "set-new")
    await user.should_see("r1 is New", retries=30)
    found = stored(site, element)
    assert found is not None
    assert (found.status, found.claim_token) == (QueueStatus.NEW, None)
    await until(lambda: "New" in texts(user, "element-status"))
    (button,) = user.find(marker="set-new").elements
    assert not button.enabled  # type: ignore[attr-defined]
    user.find(marker="abandon").click()
    await user.should_see("r1 is Abandoned", retries=30)
    user.find(marker="delete").click()
    await user.should_see("Delete r1?", retries=30)
    await click(user, "confirm")
    await user.should_see("This element is not there any more", retries=50)
    assert stored(site, element) is None


async def test_a_robot_that_took_it_meanwhile_is_not_disturbed(user: User, site: Database) -> None:
    element = add(site, status=QueueStatus.ABANDONED)
    await user.open(f"/queues/q/{element}")
    await user.should_see(marker="set-new", retries=30)
    from OpenOrchestrator.orchestrator.components.freshness import Freshness

    user.find(kind=Freshness).trigger("toggle")
    await until(lambda: [e for e in user.find(kind=Freshness).elements if e.props["state"] == "paused"])
    token = uuid4()
    site.write(
        lambda session: session.execute(
            sa.update(QueueElement).values(status=QueueStatus.IN_PROGRESS, claim_token=token)
        )
    )
    await click(user, "set-new")
    await user.should_see("Set r1 to New: changed meanwhile", retries=30)
    found = stored(site, element)
    assert found is not None
    assert (found.status, found.claim_token) == (QueueStatus.IN_PROGRESS, token)


async def test_what_robots_do_appears_by_itself(user: User, site: Database) -> None:
    element = add(site)
    await user.open(f"/queues/q/{element}")
    await user.should_see("No job has taken it yet.", retries=30)
    job = add_job(site, JobStatus.RUNNING)
    site.write(
        lambda session: session.execute(
            sa.update(QueueElement).values(
                status=QueueStatus.DONE, job_id=job, message="fine", start_date=site_time(NOW)
            )
        )
    )
    await user.should_see("fine", retries=50)
    await until(lambda: "Done" in texts(user, "element-status"))
    assert "RPA-VM-09" in texts(user, "element-job")


async def test_shows_the_logs_that_say_they_are_about_it_and_no_others(user: User, site: Database) -> None:
    job = add_job(site, JobStatus.DONE, "of the job")
    element = add(site, status=QueueStatus.DONE, reference="r1", start_date=site_time(NOW), job_id=job)
    other = Log(log_level=LogLevel.INFO, process_name="p", log_message="of another", element_id=uuid4())
    mine = Log(log_level=LogLevel.INFO, process_name="p", log_message="about it", element_id=element)
    for log in (other, mine):
        log.log_time = site_time(NOW)
    site.write(lambda session: session.add_all([other, mine]))
    await user.open(f"/queues/q/{element}")
    await until(lambda: "about it" in texts(user, "element-logs"))
    assert not {"of the job", "of another"} & set(texts(user, "element-logs"))
    (link,) = [each for each in user.find(kind=ui.link).elements if each.text == "All its logs"]
    await user.open(str(link.props["href"]))
    await until(lambda: [row["m"] for each in user.find(kind=LogList).elements for row in each.rows] == ["about it"])
    assert await LogsBackend(site, site.clock).element_names([element]) == {element: "r1"}


async def test_logs_are_found_in_the_hour_that_occurs_twice(site: Database) -> None:
    job = add_job(site, JobStatus.DONE)
    start, end = datetime(2026, 10, 25, 2, 50), datetime(2026, 10, 25, 2, 10)  # twenty minutes later
    element = add(site, status=QueueStatus.DONE, start_date=start, end_date=end, job_id=job)
    for minute in (5, 30, 55):
        values = {"log_level": LogLevel.INFO, "process_name": "finance/x", "job_id": job, "log_message": str(minute)}
        log = Log(log_time=datetime(2026, 10, 25, 2, minute), **values)
        site.write(lambda session, log=log: session.add(log))  # type: ignore[misc]
    details = await ElementsBackend(site, site.clock).details("q", element)
    assert {log.message for log in details.logs} == {"5", "55"}


async def test_what_a_loop_said_stands_on_the_page(user: User, site: Database) -> None:
    element_id = add(
        site,
        status=QueueStatus.IN_PROGRESS,
        attempt=2,
        not_before=NOW + timedelta(hours=3),
        error_type="ValueError",
        error_code="E17",
        message="ValueError: broken",
        output=EVIL,
    )
    ended = EndedAttempt(
        token=uuid4(),
        element_id=element_id,
        number=1,
        job_id=None,
        scheduler_name=None,
        process_name="Payer",
        start_date=None,
        end_date=site_time(NOW),
        ended_as=AttemptEnd.RETRIED,
        message="ValueError: broken",
        traceback="Traceback of the robot",
    )
    site.write(lambda session: queue_attempts.insert(session.connection(), [ended]))
    await user.open(f"/queues/q/{element_id}")
    await user.should_see("Waiting")
    await user.should_see("Waits until")
    await user.should_see("ValueError · E17")
    await user.should_see("Attempt 1: To be tried again. ValueError: broken")
    await user.should_see("Traceback of the robot")
    await user.should_see(EVIL)
    row = await ElementsBackend(site, SettableClock(NOW)).get(element_id)
    assert element_row(row, {}, NOW, site.zone).cells["status"] == cells.pill(WAITING)


async def test_the_progress_of_an_attempt_stands_on_the_page(user: User, site: Database) -> None:
    element_id = add(
        site, status=QueueStatus.IN_PROGRESS, start_date=site_time(NOW), progress=0.25, progress_text="reading"
    )
    await user.open(f"/queues/q/{element_id}")
    await user.should_see("25% · reading", retries=100)
    await user.should_not_see("Output")
    await user.should_not_see("Waits until")
