"""The page of one job, used as an admin uses it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.models import Job, JobOutput, Log, QueueElement, QueueTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import triggers
from OpenOrchestrator.orchestrator.jobs import page
from OpenOrchestrator.orchestrator.jobs.backend import details, messages
from OpenOrchestrator.orchestrator.jobs.backend.details import JobDetailsBackend
from OpenOrchestrator.orchestrator.jobs.backend.failure import MOST_LINES, find_failure
from OpenOrchestrator.orchestrator.jobs.backend.output import JobOutputBackend
from OpenOrchestrator.orchestrator.jobs.output_viewer import OutputViewer
from tests.ui.conftest import App
from tests.ui.pages import cell, click, rows_of, until
from tests.ui.sample import NOW, add_jobs, add_trigger
from tests.ui.sample import site as site_time

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "main.py", line 3, in <module>\n'
    "    run()\n"
    "ErpLogonError: Password has expired\n"
)


def job_of(database: Database, name: str) -> Job:
    query = sa.select(Job).where(Job.trigger_name == name).order_by(Job.start_time.desc()).limit(1)
    return database.read(lambda session: session.scalars(query).one())


def change(database: Database, job_id: UUID, **values: Any) -> None:
    database.write(lambda session: session.execute(sa.update(Job).where(Job.id == job_id).values(**values)))


def print_output(database: Database, job_id: UUID, *pieces: tuple[str, str], first: int = 1) -> None:
    rows = [
        {"job_id": job_id, "sequence": first + number, "stream": stream, "written_at": NOW, "text": text}
        for number, (stream, text) in enumerate(pieces)
    ]
    database.write(lambda session: session.execute(sa.insert(JobOutput), rows))


def new_job(database: Database, outcome: str = "r", **values: Any) -> UUID:
    trigger = add_trigger(
        database,
        QueueTrigger,
        trigger_name="Invoices",
        queue_name="q",
        min_batch_size=1,
        process_status=TriggerStatus.RUNNING if outcome == "r" else TriggerStatus.FAILED,
    )
    add_jobs(database, trigger, "Invoices", outcome, last=NOW - timedelta(minutes=5))
    job = job_of(database, "Invoices")
    if values:
        change(database, job.id, **values)
    return job.id


def add_log(database: Database, job_id: UUID | None) -> None:
    values = {"process_name": "finance/invoices", "job_id": job_id, "log_message": "at work"}
    database.write(lambda session: session.add(Log(log_time=site_time(NOW), log_level=LogLevel.INFO, **values)))


class Browser:
    """Stands for the viewer's part in the browser: notes what it is told."""

    def __init__(self, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
        self.user = user
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        monkeypatch.setattr(OutputViewer, "run_method", lambda _self, name, *args: self.calls.append((name, args)))

    def mounted(self) -> None:
        self.user.find(marker="output").trigger("ready")

    def texts(self, method: str = "append") -> list[str]:
        return [piece[2] for name, args in self.calls if name == method for piece in args[0]]

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


@pytest.fixture
def browser(user: User, monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(user, monkeypatch)


async def text_of(user: User, marker: str) -> str:
    await user.should_see(marker=marker, retries=30)
    (element,) = user.find(marker=marker).elements
    return str(element.text)  # type: ignore[attr-defined]


async def test_says_the_day_when_a_job_was_due_on_another_day_than_it_ran(user: User, site: Database) -> None:
    job_id = new_job(site, "d")
    for due, words in ((NOW - timedelta(days=2), "Schedule, due Sat 08:12"), (NOW, "Schedule, due 08:12")):
        change(site, job_id, due_at=due)
        await user.open(f"/jobs/{job_id}")
        await user.should_see(words, retries=30)


@pytest.mark.parametrize("outcome", ["r", "d"])
async def test_says_that_somebody_asked_for_a_run_also_when_it_has_ended(
    user: User, site: Database, outcome: str
) -> None:
    await user.open(f"/jobs/{new_job(site, outcome, started_by='REQUEST')}")
    await user.should_see("Somebody's request", retries=30)


async def test_a_failed_job_shows_reason_and_the_end_of_its_error_output_first(user: User, site: Database) -> None:
    job_id = new_job(site, "ddff", reason="exit code 1", exit_code=1, attempt=3)
    print_output(site, job_id, ("stdout", "fine so far\n"), ("stderr", "a warning\n" + TRACEBACK), ("stdout", "end\n"))
    await user.open(f"/jobs/{job_id}")
    assert await text_of(user, "reason") == "ErpLogonError: Password has expired"
    await user.should_not_see(marker="headline")
    assert await text_of(user, "trace") == TRACEBACK.strip()
    (fold,) = user.find(marker="trace-fold").elements
    assert "open" not in fold.props
    await user.should_not_see("xit code")
    assert await text_of(user, "attempt") == "3"
    assert await text_of(user, "scheduler") == "RPA-VM-01"
    assert await text_of(user, "commit") == "a41f9c2"
    assert await text_of(user, "started") == "Mon 23 Nov, 08:07:00"
    assert await text_of(user, "duration") == "4 min 0 s"
    await user.should_see("2 jobs")
    (link,) = user.find(marker="last-success").elements
    done = site.read(lambda s: s.scalars(sa.select(Job.id).where(Job.status == JobStatus.DONE)).all())
    assert UUID(link.props["href"].rpartition("/")[2]) in done


async def test_without_error_output_the_last_error_log_is_shown(user: User, site: Database) -> None:
    job_id = new_job(site, "f")
    for text in ("first", "The connection was refused"):
        site.write(
            lambda session, text=text: session.add(
                Log(
                    log_time=site_time(NOW) + timedelta(seconds=len(text)),
                    log_level=LogLevel.ERROR,
                    process_name="p",
                    job_id=job_id,
                    log_message=text,
                )
            )
        )
    await user.open(f"/jobs/{job_id}")
    assert await text_of(user, "reason") == "The connection was refused"


async def test_a_job_that_did_well_shows_no_failure(user: User, site: Database) -> None:
    job_id = new_job(site, "d")
    print_output(site, job_id, ("stderr", "only a warning\n"))
    await user.open(f"/jobs/{job_id}")
    await user.should_see(marker="duration", retries=30)
    await user.should_not_see(marker="failure")


async def test_output_comes_from_its_end_and_grows(browser: Browser, user: User, site: Database) -> None:
    job_id = new_job(site)
    print_output(site, job_id, ("stdout", "one\n"), ("stderr", "two\n"))
    await user.open(f"/jobs/{job_id}")
    await user.should_see(marker="output", retries=30)
    browser.mounted()
    await until(lambda: "shown" in browser.names())
    assert browser.calls[0] == ("reset", (0, 0))
    ((_, (pieces,)),) = [call for call in browser.calls if call[0] == "append"]
    assert [(is_error, text) for is_error, _, text in pieces] == [(0, "one\n"), (1, "two\n")]
    assert pieces[0][1] == round(NOW.timestamp() * 1000)
    browser.calls.clear()
    print_output(site, job_id, ("stdout", "three\n"), first=3)
    await until(lambda: browser.texts() == ["three\n"])
    print_output(site, job_id, *[("stdout", f"{number}\n") for number in range(350)], first=4)
    await until(lambda: len(browser.texts()) == 351)
    assert browser.texts()[-1] == "349\n"


async def test_a_browser_that_lost_its_lines_gets_them_again(browser: Browser, user: User, site: Database) -> None:
    job_id = new_job(site, "d")
    print_output(site, job_id, ("stdout", "one\n"))
    await user.open(f"/jobs/{job_id}")
    await user.should_see(marker="output", retries=30)
    for _ in range(2):
        browser.calls.clear()
        browser.mounted()
        await until(lambda: "shown" in browser.names())
        assert browser.texts() == ["one\n"]


async def test_what_comes_before_is_sent_when_it_is_wanted(browser: Browser, user: User, site: Database) -> None:
    job_id = new_job(site, "d")
    line = "æ" * 99 + "\n"
    print_output(site, job_id, *[("stdout", line * 100) for _ in range(100)])
    await user.open(f"/jobs/{job_id}")
    await user.should_see(marker="output", retries=30)
    browser.mounted()
    await until(lambda: "shown" in browser.names())
    sent = sum(map(len, browser.texts()))
    lines_before, bytes_before = browser.calls[0][1]
    assert sent == 200_000
    assert lines_before == 8_000
    assert bytes_before == 8_000 * (99 * 2 + 1)
    user.find(marker="output").trigger("earlier")
    await until(lambda: "prepend" in browser.names())
    pieces, lines_before, bytes_before = browser.calls[-1][1]
    assert len(pieces) == 50
    assert (lines_before, bytes_before) == (3_000, 3_000 * 199)
    user.find(marker="output").trigger("earlier")
    await until(lambda: browser.names().count("prepend") == 2)
    assert browser.calls[-1][1][1:] == (0, 0)
    assert sent + sum(map(len, browser.texts("prepend"))) == 1_000_000


async def test_the_page_follows_the_job_to_its_end(
    user: User, site: Database, clock: SettableClock, browser: Browser
) -> None:
    job_id = new_job(site)
    await user.open(f"/jobs/{job_id}")
    await user.should_see("Running", retries=30)
    await user.should_see("Kill")
    print_output(site, job_id, ("stderr", TRACEBACK))
    change(
        site,
        job_id,
        status=JobStatus.FAILED,
        exit_code=2,
        reason="exit code 2",
        end_time=site_time(NOW) - timedelta(minutes=1),
    )
    assert await text_of(user, "reason") == "ErpLogonError: Password has expired"
    assert await text_of(user, "exit-code") == "2"
    (viewer,) = user.find(kind=OutputViewer).elements
    assert viewer.props["live"] is False


async def test_the_time_limit_is_shown_while_it_runs(user: User, site: Database, clock: SettableClock) -> None:
    job_id = new_job(site)
    site.write(lambda session: session.execute(sa.update(Trigger.__table__).values(timeout_seconds=3600)))
    await user.open(f"/jobs/{job_id}")
    assert await text_of(user, "limit") == "55 min 0 s to the time limit of 1 h"
    clock.advance(timedelta(hours=1))
    await user.should_see("Past its time limit of 1 h", retries=30)


async def kill(user: User, job_id: UUID) -> None:
    """Kill the run of a job of Invoices on its page, and see that it is being done."""
    await user.open(f"/jobs/{job_id}")
    await click(user, "kill")
    await user.should_see("Kill Invoices?", retries=30)
    await click(user, "confirm")
    await user.should_see("Kill of Invoices was requested", retries=30)
    await user.should_see("Killing", retries=30)


async def test_kill_is_confirmed_and_shown(user: User, site: Database) -> None:
    job_id = new_job(site)
    await kill(user, job_id)
    status = site.read(lambda session: session.scalars(sa.select(Trigger)).one().process_status)
    assert status is TriggerStatus.KILLING


async def test_one_run_alone_can_be_stopped(user: User, site: Database) -> None:
    job_id = new_job(site)
    await user.open(f"/jobs/{job_id}")
    await click(user, "kill")
    await click(user, "stop-run")
    await user.should_see("Stop of the run of Invoices was requested", retries=30)
    await user.should_see("Killing", retries=30)
    assert runs.kill_requests(site, [job_id]) == {job_id}
    status = site.read(lambda session: session.scalars(sa.select(Trigger)).one().process_status)
    assert status is TriggerStatus.RUNNING


@pytest.mark.parametrize("gone", [True, False])
async def test_a_job_is_killed_whatever_became_of_its_trigger(user: User, site: Database, gone: bool) -> None:
    job_id = new_job(site)
    trigger_id = site.read(lambda session: session.scalars(sa.select(Trigger.id)).one())
    if gone:
        site.write(lambda session: triggers.delete(session, trigger_id))
    else:
        site.write(lambda session: triggers.set_status(session, trigger_id, TriggerStatus.IDLE))
    await kill(user, job_id)
    assert runs.kill_requests(site, [job_id]) == {job_id}


async def test_logs_and_elements_of_the_job_and_of_no_other(user: User, site: Database) -> None:
    job_id = new_job(site, "f")

    def work(session: Any) -> None:
        for number, of in enumerate((job_id, job_id, uuid4())):
            session.add(
                Log(
                    log_time=site_time(NOW) + timedelta(seconds=number),
                    log_level=LogLevel.ERROR if number else LogLevel.INFO,
                    process_name="p",
                    job_id=of,
                    log_message=TRACEBACK if number else "<script>alert(1)</script>",
                )
            )
            session.add(
                QueueElement(
                    queue_name="a/b c",
                    reference=f"ref {number}",
                    status=QueueStatus.FAILED,
                    message="CVR is not known",
                    job_id=of,
                    start_date=site_time(NOW) + timedelta(minutes=number),
                    end_date=site_time(NOW) + timedelta(minutes=number, seconds=30),
                )
            )

    site.write(work)
    await user.open(f"/jobs/{job_id}?tab=logs")
    rows = list((await rows_of(user, "logs")).values())
    await until(lambda: len(user.find(marker="logs").elements.copy().pop().rows) == 2)  # type: ignore[attr-defined]
    rows = list((await rows_of(user, "logs")).values())
    assert cell(rows[0], "message")["t"] == "ErpLogonError: Password has expired  (+3 lines)"
    assert cell(rows[1], "message")["t"] == "<script>alert(1)</script>"
    user.find(marker="logs").trigger("open", rows[0]["id"])
    assert await text_of(user, "log-text") == TRACEBACK
    await click(user, "close-log")
    await click(user, "tab-elements")
    await until(lambda: len(user.find(marker="elements").elements.copy().pop().rows) == 2)  # type: ignore[attr-defined]
    elements = await rows_of(user, "elements")
    assert set(elements) == {"ref 0", "ref 1"}
    assert cell(elements["ref 0"], "reference")["h"].startswith("/queues/a~2Fb%20c/")
    assert cell(elements["ref 0"], "took")["t"] == "30 s"
    assert await text_of(user, "element-words") == "2 Failed"


async def test_messages_without_a_job_are_found_by_process_and_time(
    user: User, site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = new_job(site, "f")
    job = site.read(lambda session: session.get_one(Job, job_id))
    assert job.end_time is not None

    def log(message: str, when: datetime, of: UUID | None = None, process: str = job.process_name) -> Log:
        values = {"log_level": LogLevel.INFO, "process_name": process, "job_id": of, "log_message": message}
        return Log(log_time=when, **values)

    second = timedelta(seconds=1)
    site.write(
        lambda session: session.add_all(
            [
                log("too early", job.start_time - second),
                log("first", job.start_time),
                log("with the job", job.start_time + second, job_id),
                log("of another job", job.start_time + second, uuid4()),
                log("of another process", job.start_time + second, process="other"),
                log("last", job.end_time),  # type: ignore[arg-type]
                log("too late", job.end_time + second),  # type: ignore[operator]
            ]
        )
    )
    backend = JobDetailsBackend(site, site.clock)
    details = await backend.get(job_id)
    assert details.logs == 3
    found = [(row.message, row.job_id) for row in await backend.logs(details.row)]
    assert found == [("last", None), ("with the job", job_id), ("first", None)]
    await user.open(f"/jobs/{job_id}?tab=logs")
    await until(lambda: len(user.find(marker="logs").elements.copy().pop().rows) == 3)  # type: ignore[attr-defined]
    shown = [cell(row, "message") for row in (await rows_of(user, "logs")).values()]
    assert [part["t"] for part in shown] == ["last", "with the job", "first"]
    assert ["By process and time" in part.get("tip", "") for part in shown] == [True, False, True]
    await user.should_see(marker="by-time")
    # What is looked through is bounded, however much a process logs.
    monkeypatch.setattr(messages, "LOOKED_THROUGH", 1)
    assert [row.message for row in await backend.logs(details.row)] == ["last", "with the job"]


async def test_a_job_whose_messages_carry_it_has_no_mark(user: User, site: Database) -> None:
    job_id = new_job(site, "f")
    add_log(site, job_id)
    await user.open(f"/jobs/{job_id}?tab=logs")
    await until(lambda: len(user.find(marker="logs").elements.copy().pop().rows) == 1)  # type: ignore[attr-defined]
    await user.should_not_see(marker="by-time")


async def test_a_running_job_shows_messages_without_a_job_as_they_come(user: User, site: Database) -> None:
    job_id = new_job(site)
    await user.open(f"/jobs/{job_id}?tab=logs")
    add_log(site, None)
    await until(lambda: len(user.find(marker="logs").elements.copy().pop().rows) == 1)  # type: ignore[attr-defined]
    await user.should_see("No line carries a job")


async def test_logs_come_on_where_they_are_not_counted_any_more(
    user: User, site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (details, page):
        monkeypatch.setattr(module, "LOG_CAP", 2)
    job_id = new_job(site)
    await user.open(f"/jobs/{job_id}?tab=logs")
    for count in range(1, 6):
        add_log(site, job_id)
        await until(lambda count=count: len(user.find(marker="logs").elements.copy().pop().rows) == count)  # type: ignore[misc]


@pytest.mark.parametrize("address", ["/jobs/nonsense", f"/jobs/{UUID(int=7)}"])
async def test_an_unknown_job_is_not_found(user: User, address: str) -> None:
    await user.open(address)
    await user.should_see("Not found", retries=30)


async def test_a_job_of_an_earlier_version_has_a_page(user: User, site: Database) -> None:
    job_id = uuid4()
    site.write(
        lambda session: session.add(
            Job(
                id=job_id,
                process_name="old/process",
                scheduler_name="OLD-PC",
                status=JobStatus.RUNNING,
                start_time=site_time(NOW) - timedelta(minutes=2),
            )
        )
    )
    await user.open(f"/jobs/{job_id}")
    assert await text_of(user, "duration") == "2 min 0 s"
    (button,) = user.find(marker="kill").elements
    assert not button.enabled  # type: ignore[attr-defined]


async def test_the_output_can_be_downloaded_by_who_is_signed_in(app: App, user: User, site: Database) -> None:
    job_id = new_job(site, "d")
    texts = [("stdout", f"Bilag {number} er på plads\n") for number in range(250)]
    print_output(site, job_id, *texts, ("stderr", "<b>end</b>\n"))
    await user.open(f"/jobs/{job_id}")
    await user.should_see(marker="output", retries=30)
    with user:
        user.find(kind=OutputViewer).trigger("download")
        answer = await user.download.next(timeout=5)
    assert answer.status_code == 200
    assert answer.text == "".join(text for _, text in texts) + "<b>end</b>\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''Invoices%202026-11-23%2008.07.00.txt"
    )
    async with app.client() as client:
        assert "Bilag" not in (await client.get(str(answer.request.url))).text, "it works once"
        assert "Bilag" not in (await client.get(f"/jobs/{job_id}/output.txt")).text, "a known id is no address"


async def test_output_is_read_in_bounded_parts(site: Database) -> None:
    job_id = new_job(site, "d")
    print_output(site, job_id, *[("stdout", "x" * 1000) for _ in range(300)])
    backend = JobOutputBackend(site, site.clock)
    assert len((await backend.end(job_id, characters=5_500)).pieces) == 6
    assert [piece.sequence for piece in (await backend.before(job_id, 4, characters=99_999)).pieces] == [1, 2, 3]
    assert len(await backend.after(job_id, 0)) == 100
    assert (await backend.end(uuid4())).pieces == ()


def test_the_last_traceback_counts() -> None:
    first = TRACEBACK.replace("ErpLogonError: Password has expired", "KeyError: 'x'")
    between = "\nDuring handling of the above exception, another exception occurred:\n\n"
    failure = find_failure("noise\n" + first + between + TRACEBACK + "\n\n")
    assert failure is not None
    assert failure.headline == "ErpLogonError: Password has expired"
    assert failure.text == TRACEBACK.strip()


def test_of_a_program_in_a_program_the_inner_traceback_counts() -> None:
    outer = "Traceback (most recent call last):\n  File x\nsubprocess.CalledProcessError: Command 'x' returned 1.\n"
    failure = find_failure("noise\n" + TRACEBACK + outer)
    assert failure is not None
    assert failure.headline == "ErpLogonError: Password has expired"
    assert failure.text == (TRACEBACK + outer).strip()


def test_messages_of_several_lines_control_characters_and_progress_bars() -> None:
    failure = find_failure("\x1b[31mTraceback (most recent call last):\x1b[0m\r\n  File x\r\nValueError: a\r\n b\r\n")
    assert failure is not None
    assert failure.headline == "ValueError: a"
    assert failure.text.endswith("ValueError: a\n b")
    failure = find_failure("10 %\r20 %\r30 %\n")
    assert failure is not None
    assert failure.text == "30 %"
    assert find_failure(" \n\n") is None


def test_a_long_traceback_keeps_beginning_and_end() -> None:
    failure = find_failure(
        "Traceback (most recent call last):\n"
        + "".join(f"  frame {n}\n" for n in range(500))
        + "RecursionError: deep\n"
    )
    assert failure is not None
    assert failure.headline == "RecursionError: deep"
    lines = failure.text.split("\n")
    assert len(lines) == MOST_LINES + 1
    assert "[462 lines left out]" in lines
    assert lines[-1] == "RecursionError: deep"


async def test_messages_without_a_job_are_found_in_the_hour_that_occurs_twice(site: Database) -> None:
    claimed, ended = datetime(2026, 10, 25, 2, 50), datetime(2026, 10, 25, 2, 10)  # twenty minutes later
    started = datetime(2026, 10, 25, 0, 50, 1, tzinfo=timezone.utc)
    job_id = new_job(site, "f", start_time=claimed, started_at=started, end_time=ended)
    process = site.read(lambda session: session.get_one(Job, job_id)).process_name
    for hour, minute in ((2, 30), (2, 55), (2, 5)):
        values = {"log_message": f"{hour}:{minute}", "process_name": process, "log_level": LogLevel.INFO}
        when = datetime(2026, 10, 25, hour, minute)
        site.write(lambda session, values=values, when=when: session.add(Log(log_time=when, **values)))  # type: ignore[misc]
    backend = JobDetailsBackend(site, site.clock)
    details = await backend.get(job_id)
    assert details.logs == 2
    assert {row.message for row in await backend.logs(details.row)} == {"2:55", "2:5"}
