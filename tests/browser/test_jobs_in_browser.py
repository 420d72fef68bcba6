"""Jobs, the live output and the page of a trigger in a real browser: what no simulation sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.clock import SystemClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, JobOutput, Log, QueueElement, QueueTrigger
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, TriggerStatus
from tests.browser.conftest import port
from tests.browser.server import App, start
from tests.ui.sample import add_jobs, add_trigger, empty_database, fill
from tests.ui.sample import site as site_time

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "robot/main.py", line 41, in run\n'
    "    handle(element)\n"
    "ErpLogonError: Password has expired\n"
)
EVIL = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    "{{ constructor.constructor('window.hacked=1')() }}"
)
GAP = """(() => {
    const box = document.querySelector('.oo-out-box');
    return box.scrollHeight - box.scrollTop - box.clientHeight;
})()"""
CHART = "getElement(Number(document.querySelector('.oo-chart').id.slice(1))).chart"
TOP = "document.querySelector('.oo-out-box').scrollTop"


class World:
    """What these tests add to the sample, and a way to print more.

    Attributes:
        live: A job that runs.
        failed: One that failed, of the trigger ``Breaks``.
        big: One with five megabytes of output.
        evil: One that consists of script.
        trigger: Of the failed one.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, clock=SystemClock())
        self._sequence: dict[UUID, int] = {}
        _, self.live = self._job("Runs", "dr", TriggerStatus.RUNNING)
        self.trigger, self.failed = self._job("Breaks", "ddf", TriggerStatus.FAILED)
        _, self.big = self._job("Talks", "f", TriggerStatus.FAILED)
        self.evil_trigger, self.evil = self._job(EVIL[:100], "df", TriggerStatus.FAILED)
        for number in range(200):
            self.print(self.live, f"line {number}\n")
        self.print(self.failed, "working\n" * 40)
        self.print(self.failed, TRACEBACK, stream="stderr")
        self.print(self.failed, "the end\n")
        for block in range(500):
            self.print(self.big, "".join(f"{block * 100 + line:06} {'x' * 93}\n" for line in range(100)))
        self.print(
            self.big, "[1,234 bytes of output are missing here: the limit was reached. The end follows.]\n", "stderr"
        )
        self.print(self.big, TRACEBACK, stream="stderr")
        self.print(self.evil, f"{EVIL}\n{TRACEBACK}{EVIL}\n", stream="stderr")
        self._spread_evil()

    def print(self, job_id: UUID, text: str, stream: str = "stdout") -> None:
        number = self._sequence[job_id] = self._sequence.get(job_id, 0) + 1
        row = {"job_id": job_id, "sequence": number, "stream": stream, "text": text}
        values = {**row, "written_at": self._database.utc_now()}
        self._database.write(lambda session: session.execute(sa.insert(JobOutput).values(values)))

    def close(self) -> None:
        self._database.close()

    def _job(self, name: str, outcomes: str, status: TriggerStatus) -> tuple[UUID, UUID]:
        database = self._database
        now = database.utc_now()
        trigger = add_trigger(
            database,
            QueueTrigger,
            trigger_name=name,
            process_name="browser/jobs",
            queue_name="nothing here",
            min_batch_size=1,
            process_status=status,
            process_args=EVIL,
            last_run=site_time(now),
        )
        add_jobs(database, trigger, name, outcomes, last=now - timedelta(minutes=2), process_name="browser/jobs")
        query = sa.select(Job.id).where(Job.trigger_id == trigger).order_by(Job.start_time.desc()).limit(1)
        return trigger, database.read(lambda session: session.scalars(query).one())

    def _spread_evil(self) -> None:
        def work(session: Any) -> None:
            values = {"reason": EVIL, "commit_sha": EVIL[:64], "scheduler_name": EVIL[:100], "process_name": EVIL[:100]}
            session.execute(sa.update(Job).where(Job.id == self.evil).values(values))
            now = site_time(self._database.utc_now())
            log = {"log_level": LogLevel.ERROR, "process_name": EVIL[:100], "log_message": EVIL}
            session.add(Log(log_time=now, job_id=self.evil, **log))
            session.add(QueueElement(queue_name=EVIL[:100], reference=EVIL[:100], message=EVIL, job_id=self.evil))

        self._database.write(work)


@pytest.fixture(scope="module")
def sample_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of its own: what these tests add to it must not get in the way of others."""
    clock = SystemClock()
    url = f"sqlite+pysqlite:///{tmp_path_factory.mktemp('jobs') / 'sample.db'}"
    database = empty_database(url, clock)
    fill(database, clock.utc_now())
    database.close()
    return url


@pytest.fixture(scope="module")
def app(sample_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app on that database."""
    running = start(sample_url, tmp_path_factory.mktemp("jobs-app"), "--port", str(port(34920)))
    yield running
    running.stop()
    assert "Traceback" not in running.output


@pytest.fixture(scope="module")
def world(sample_url: str) -> Iterator[World]:
    made = World(sample_url)
    yield made
    made.close()


def has_text(page: Any, text: str) -> None:
    page.wait_for_function("(text) => document.querySelector('.oo-out-box').textContent.includes(text)", arg=text)


@pytest.mark.parametrize("which", ["list", "failed", "live", "logs", "elements", "trigger"])
def test_looks_well(page_of: Callable[..., Any], looks_well: Callable[[Any], None], world: World, which: str) -> None:
    address = {
        "list": "/jobs",
        "failed": f"/jobs/{world.failed}",
        "live": f"/jobs/{world.live}",
        "logs": f"/jobs/{world.evil}?tab=logs",
        "elements": f"/jobs/{world.evil}?tab=elements",
        "trigger": f"/triggers/{world.evil_trigger}",
    }[which]
    page = page_of(address)
    page.wait_for_selector(".oo-out-ln" if which in ("failed", "live") else "tbody tr")
    looks_well(page)


def test_the_traceback_is_two_clicks_from_the_list_of_triggers(page_of: Callable[..., Any], world: World) -> None:
    page = page_of("/triggers?q=Breaks")
    row = page.locator("tbody tr", has_text="Breaks")
    row.locator("td").nth(4).get_by_role("link").click()
    page.wait_for_url(f"**/jobs/{world.failed}")
    page.locator(".oo-failure-reason", has_text="ErpLogonError: Password has expired").wait_for()
    assert not page.locator(".oo-failure-trace").is_visible()
    page.locator(".oo-failure summary").click()
    assert "line 41, in run" in page.locator(".oo-failure-trace").inner_text()
    # The output stands at the traceback as well.
    page.locator(".oo-out-ln-e", has_text="Traceback").wait_for()
    page.get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url(f"**/triggers/{world.trigger}")
    page.get_by_role("button", name="Open job").click()
    page.wait_for_url(f"**/jobs/{world.failed}")


def test_live_output_is_followed_until_somebody_scrolls_up(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.live}")
    page.wait_for_selector(".oo-out-ln")
    world.print(world.live, "half a li")
    world.print(world.live, "an error\n", stream="stderr")
    world.print(world.live, "ne\n")
    has_text(page, "half a line")
    assert page.locator(".oo-out-ln-e").last.locator(".oo-out-ln-x").inner_text() == "an error"
    assert page.evaluate(GAP) < 2
    box, follow = page.locator(".oo-out-box"), page.get_by_role("switch", name="Follow")
    box.hover()
    page.mouse.wheel(0, -700)
    page.wait_for_function("document.querySelector('.oo-out-follow').ariaChecked === 'false'")
    top = page.evaluate(TOP)
    world.print(world.live, "one\ntwo\nthree\n")
    page.get_by_role("button", name="3 new lines").wait_for()
    assert page.evaluate(TOP) == top
    page.get_by_role("button", name="3 new lines").click()
    has_text(page, "three")
    assert follow.get_attribute("aria-checked") == "true"
    world.print(world.live, "four\n")
    has_text(page, "four")
    assert page.evaluate(GAP) < 2


def test_a_refresh_keeps_scroll_search_and_focus(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.live}")
    page.wait_for_selector(".oo-out-ln")
    page.keyboard.press("Control+f")
    page.keyboard.type("line 50")
    page.locator("mark.oo-cur").wait_for()
    top = page.evaluate(TOP)
    world.print(world.live, "more\n")
    page.get_by_role("button", name="new line").wait_for()
    assert page.evaluate(TOP) == top
    assert page.evaluate("document.activeElement.value") == "line 50"
    assert page.locator("mark.oo-cur").inner_text() == "line 50"
    page.keyboard.press("Escape")
    page.locator("mark").wait_for(state="detached")


def test_five_megabytes_stay_light_and_are_searched_as_a_whole(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.big}")
    page.locator(".oo-out-ln-k").wait_for()
    assert page.locator(".oo-out-ln").count() < 150
    page.get_by_text("Load the 4.8 MB before").wait_for()
    page.get_by_label("Search output").fill("000123 ")
    page.locator("mark.oo-cur").wait_for(timeout=20_000)
    assert page.locator(".oo-out-n").inner_text() == "1 of 1"
    line = page.locator(".oo-out-ln:has(mark)")
    assert line.locator(".oo-out-ln-n").get_attribute("data-n") == "124"
    assert page.locator(".oo-out-ln").count() < 150
    page.get_by_role("button", name="Last error").click()
    page.locator(".oo-out-ln-e", has_text="ErpLogonError").wait_for()
    assert page.evaluate("performance.memory.usedJSHeapSize") < 120e6


def test_the_download_is_the_whole_output(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.big}")
    page.wait_for_selector(".oo-out-ln")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    text = download.value.path().read_text("utf-8")
    assert download.value.suggested_filename.startswith("Talks ")
    assert text.startswith("000000 x")
    assert text.endswith(TRACEBACK)
    assert text.count("\n") == 50_005


def test_wrapping_keeps_the_place_and_long_lines_are_whole(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.live}", width=700)
    page.wait_for_selector(".oo-out-ln")
    world.print(world.live, "start " + "word " * 900 + "stop\n" + "short\n" * 3)
    has_text(page, "stop")
    assert page.evaluate(GAP) < 2
    height = "Math.max(...[...document.querySelectorAll('.oo-out-ln')].map((line) => line.offsetHeight))"
    assert page.evaluate(height) > 100
    page.get_by_role("button", name="Wrap long lines").click()
    page.wait_for_function(f"{height} === 19")
    page.get_by_role("button", name="Wrap long lines").click()
    page.wait_for_function(f"{height} > 100")


def test_progress_bars_and_colours_look_as_in_a_terminal(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.live}")
    page.wait_for_selector(".oo-out-ln")
    for percent in range(0, 100, 20):
        world.print(world.live, f"\r\x1b[32m{percent} % done\x1b[0m")
    has_text(page, "80 % done")
    world.print(world.live, "\r100 % done\r\nafter it\r\n")
    has_text(page, "after it")
    lines = page.locator(".oo-out-ln-x").all_inner_texts()
    assert lines[-2:] == ["100 % done", "after it"]


def test_copy_takes_everything(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.failed}")
    page.wait_for_selector(".oo-out-ln")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("region", name="Output").get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "working\n" * 40 + TRACEBACK + "the end\n"


def test_nothing_is_rendered_as_html(page_of: Callable[..., Any], world: World) -> None:
    for address in (
        "/jobs?q=onerror",
        f"/jobs/{world.evil}",
        f"/jobs/{world.evil}?tab=logs",
        f"/jobs/{world.evil}?tab=elements",
        f"/triggers/{world.evil_trigger}",
        f"/triggers/{world.evil_trigger}?tab=logs",
    ):
        page = page_of(address)
        page.wait_for_selector(".oo-out-ln" if address.endswith(str(world.evil)) else "tbody tr:visible")
        page.get_by_text("onerror").locator("visible=true").first.hover()
        page.wait_for_timeout(400)  # the tooltip
        assert page.locator("main img, .oo-tip img").count() == 0, address
        assert page.evaluate("window.hacked") is None, address


def test_a_bar_of_the_chart_opens_its_job(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/triggers/{world.trigger}")
    page.locator(".oo-chart canvas").first.wait_for()
    page.wait_for_function(f"{CHART} && {CHART}.getOption().series[0].data.length === 3")
    x, y = page.evaluate(f"{CHART}.convertToPixel({{ seriesIndex: 0 }}, [2, 1])")
    page.locator(".oo-chart").click(position={"x": x, "y": y})
    page.wait_for_url(f"**/jobs/{world.failed}")


def test_tabs_are_in_the_address_and_work_by_key(page_of: Callable[..., Any], world: World) -> None:
    page = page_of(f"/jobs/{world.evil}")
    page.get_by_role("tab", name="Logs").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**?tab=logs")
    page.locator("tbody tr").first.wait_for()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator(".oo-message-text", has_text="onerror").wait_for()
    page.keyboard.press("Escape")
    page.locator(".oo-message-text").wait_for(state="hidden")
    page.reload()
    page.locator("tbody tr").first.wait_for()


def test_a_job_that_ends_shows_why_without_reloading(page_of: Callable[..., Any], sample_url: str) -> None:
    database = Database(sample_url, clock=SystemClock())
    query = sa.select(Job).where(Job.trigger_name == "Sygefravær til refusion", Job.status == JobStatus.RUNNING)
    job = database.read(lambda session: session.scalars(query).one())
    page = page_of(f"/jobs/{job.id}")
    page.get_by_role("button", name="Kill").wait_for()
    values = {"status": JobStatus.FAILED, "reason": "exit code 3", "exit_code": 3, "end_time": _site_now(database)}
    database.write(lambda session: session.execute(sa.update(Job).where(Job.id == job.id).values(values)))
    page.locator(".oo-failure-reason", has_text="The robot failed without saying why").wait_for()
    page.get_by_role("button", name="Kill").wait_for(state="hidden")
    database.close()


def _site_now(database: Database) -> datetime:
    return site_time(database.utc_now())
