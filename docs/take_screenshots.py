"""Makes the pictures in ``docs/images``: the app on the sample site of the tests, in headless Chromium.

Run ``python docs/take_screenshots.py`` from the checkout when the look of the app has changed, and look at the result.
It needs the extra ``test`` and Chromium. The pictures show the app as it is: it runs as a process on a database in a
temporary folder, and the output of the job in the picture arrives while the page is open.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
TRIGGER = "Fakturaer indgående"
WIDTH, HEIGHT = 1440, 820
MOST_BYTES = 300_000
LINES_BEFORE = 20
SECONDS_A_LINE = 5.3
PORT = 34800

sys.path.insert(0, str(ROOT))  # the sample and the server of the tests are no part of the package

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from OpenOrchestrator.common.clock import SystemClock  # noqa: E402
from OpenOrchestrator.database.engine.database import Database  # noqa: E402
from OpenOrchestrator.database.models import Job, JobOutput  # noqa: E402
from OpenOrchestrator.database.statuses import JobStatus  # noqa: E402
from tests.browser.server import CHROMIUM_ARGUMENTS, chromium, start  # noqa: E402
from tests.ui.sample import empty_database, fill  # noqa: E402


def main() -> None:
    """Make all pictures anew."""
    browser_path = chromium()
    if browser_path is None:
        raise SystemExit("Chromium is missing: install the package chromium.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        url = f"sqlite+pysqlite:///{(folder / 'sample.db').as_posix()}"
        clock = SystemClock()
        database = empty_database(url, clock)
        fill(database, clock.utc_now())
        app = start(url, folder, "--port", str(PORT))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=browser_path, args=CHROMIUM_ARGUMENTS)
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
                page.goto(app.link)
                page.wait_for_selector("header.oo-head, .oo-empty")
                _picture(page, f"{app.address}/triggers", "triggers.png", lambda: None)
                job_id = _running_job(database)
                _picture(page, f"{app.address}/jobs/{job_id}", "job.png", lambda: _print_on(database, job_id))
                browser.close()
        finally:
            app.stop()
            database.close()


def _picture(page: Page, address: str, name: str, meanwhile: Callable[[], None]) -> None:
    """Open a page, let something happen while it is open, and store what is seen then."""
    page.goto(address)
    page.wait_for_selector("header.oo-head")
    page.wait_for_selector("tbody tr, .oo-out-box")
    meanwhile()
    page.evaluate("document.fonts.ready")
    page.mouse.move(WIDTH - 1, HEIGHT - 1)
    page.wait_for_timeout(1500)  # what slides or fades has to stand still
    file = IMAGES / name
    page.screenshot(path=file)
    size = file.stat().st_size
    print(f"{file}: {size // 1000} kB")
    if size >= MOST_BYTES:
        raise SystemExit(f"{file} is larger than {MOST_BYTES // 1000} kB.")


def _running_job(database: Database) -> UUID:
    """Make the newest job of a queue trigger one that has just begun to work, and return its id."""
    now = database.clock.utc_now()
    began = now - timedelta(seconds=LINES_BEFORE * SECONDS_A_LINE)

    def work(session: Any) -> UUID:
        job = session.scalars(sa.select(Job).where(Job.trigger_name == TRIGGER).order_by(Job.start_time.desc())).first()
        job.status = JobStatus.RUNNING
        job.started_at = began
        job.start_time = _site(database, began)
        job_id: UUID = job.id
        session.execute(sa.delete(JobOutput).where(JobOutput.job_id == job_id))
        _print(session, job_id, 1, began, _lines(0, LINES_BEFORE))
        return job_id

    return database.write(work)


def _site(database: Database, instant: datetime) -> datetime:
    return instant.astimezone(database.zone).replace(tzinfo=None)


def _print_on(database: Database, job_id: UUID) -> None:
    """Let the robot go on printing while the page is open."""
    for piece in range(6):
        now = datetime.now(timezone.utc)
        database.write(
            lambda session, piece=piece, now=now: _print(
                session, job_id, LINES_BEFORE + 1 + piece, now, _lines(LINES_BEFORE + piece)
            )
        )
        time.sleep(0.5)


def _lines(first: int, count: int = 1) -> list[str]:
    if first == 0:
        head = ["Logged on to ERP (https://erp.kommune.example) as RPA_FIN", "Fetched 214 invoices from the queue"]
        return [*head, *(_line(number) for number in range(count - len(head)))]
    return [_line(number) for number in range(first - 2, first - 2 + count)]


def _line(number: int) -> str:
    invoice, amount = 118800 + number, 389.5 * (number % 7 + 1)
    if number % 6 == 4:
        return f"2026-{invoice}  no order number, sent to department 4120 for approval"
    return (
        f"2026-{invoice}  {amount:>9.2f} DKK  matched order {70300 + number * 3}, posted to account {6200 + number % 4}"
    )


def _print(session: Any, job_id: UUID, sequence: int, moment: datetime, lines: list[str]) -> None:
    for number, text in enumerate(lines):
        session.add(
            JobOutput(
                job_id=job_id,
                sequence=sequence + number,
                stream="stdout",
                written_at=moment + timedelta(seconds=SECONDS_A_LINE * number),
                text=text + "\n",
            )
        )


if __name__ == "__main__":
    main()
