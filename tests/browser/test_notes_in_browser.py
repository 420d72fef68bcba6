"""Notes, owners and tags in a real browser: chips, links, and the form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.annotations import AnnotatedKind, Annotation
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Job, QueueElement, Trigger
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, QueueStatus
from OpenOrchestrator.database.stores import notes
from OpenOrchestrator.database.stores.notes import Annotated, Owner, StoredAnnotation

NOTES = "Runs before the bank's cut-off at 10:00.\nIf it fails after that, call Anna: the payments wait for tomorrow."
FULL = Annotated(
    NOTES,
    Owner("Anna Bøgh", "anna.boegh@kommune.example", "https://wiki.kommune.example/rpa/runbook"),
    ("finance", "nat"),
)


@pytest.fixture(scope="module")
def noted(sample_url: str) -> Iterator[dict[str, str]]:
    """Everything of the sample has an owner, tags and notes; gives the paths of pages that show them."""
    database = Database(sample_url)

    def work(session: Any) -> dict[str, str]:
        subjects = [(AnnotatedKind.TRIGGER, str(each)) for each in session.scalars(sa.select(Trigger.id))]
        subjects += [
            (AnnotatedKind.QUEUE, each) for each in session.scalars(sa.select(QueueElement.queue_name).distinct())
        ]
        subjects += [(AnnotatedKind.CONSTANT, each) for each in session.scalars(sa.select(Constant.name))]
        for kind, subject in subjects:
            notes.save(session, kind, subject, FULL, seen=StoredAnnotation(), now=database.clock.utc_now())
        job = session.execute(
            sa.select(Job.id, Job.trigger_id).where(Job.status.in_(BAD_JOB_STATUSES), Job.trigger_id.is_not(None))
        ).first()
        queue = session.scalars(
            sa.select(QueueElement.queue_name).where(QueueElement.status == QueueStatus.FAILED)
        ).first()
        return {
            "job": f"/jobs/{job.id}",
            "trigger": f"/triggers/{job.trigger_id}",
            "queue": f"/queues/{quote(queue, safe='')}",
        }

    yield database.write(work)
    database.write(lambda session: session.execute(sa.delete(Annotation)))
    database.close()


@pytest.mark.parametrize("page_name", ["job", "trigger", "queue", "/", "/triggers", "/queues", "/constants"])
def test_pages_with_notes_look_well(
    page_of: Callable[..., Any], looks_well: Callable[[Any], None], noted: dict[str, str], page_name: str
) -> None:
    page = page_of(noted.get(page_name, page_name))
    page.get_by_text("finance" if page_name not in ("job", "/") else "Anna Bøgh").first.wait_for()
    looks_well(page)


def test_the_owner_of_a_failed_job_is_a_link_to_mail_and_runbook(
    page_of: Callable[..., Any], noted: dict[str, str]
) -> None:
    page = page_of(noted["job"])
    failure = page.locator(".oo-failure")
    assert failure.get_by_role("link", name="Anna Bøgh").get_attribute("href") == "mailto:anna.boegh@kommune.example"
    runbook = failure.get_by_role("link", name="Runbook")
    assert runbook.get_attribute("href") == "https://wiki.kommune.example/rpa/runbook"
    assert (runbook.get_attribute("target"), runbook.get_attribute("rel")) == ("_blank", "noopener noreferrer")


def test_what_needs_attention_names_its_owner_with_links(page_of: Callable[..., Any], noted: dict[str, str]) -> None:
    page = page_of("/")
    owner = page.locator(".oo-att .oo-att-owner").first
    owner.wait_for()
    assert owner.inner_text() == "Owner: Anna Bøgh"
    assert owner.get_by_role("link").get_attribute("href") == "mailto:anna.boegh@kommune.example"


def test_a_tag_is_added_by_typing_and_filters_the_list(
    page_of: Callable[..., Any], findings_of: Callable[[Any], list[str]], noted: dict[str, str]
) -> None:
    page = page_of("/triggers?sort=name")
    row = page.locator("tbody tr").first
    row.hover()
    row.locator("button[aria-label^=More]").click()
    page.get_by_role("menuitem", name="Notes, owner, tags").click()
    form = page.get_by_role("dialog", name="Notes, owner and tags")
    tags = form.get_by_role("combobox", name="Tags")
    tags.click()
    tags.press_sequentially("Urgent")
    tags.press("Enter")
    form.get_by_text("Urgent", exact=True).wait_for()
    tags.press("Tab")
    page.locator(".q-menu").wait_for(state="hidden")
    page.wait_for_timeout(400)  # the drawer's slide, during which contrast cannot be measured
    assert findings_of(page) == []
    form.get_by_role("button", name="Save").click()
    page.get_by_text(re.compile("The notes on .* were saved")).wait_for()
    page.locator("tbody tr").first.get_by_text("urgent", exact=True).wait_for()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("menuitemcheckbox", name="urgent").click()
    page.wait_for_url(re.compile(r"tag=urgent"))
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 1")


def test_half_filled_notes_come_back_after_f5(page_of: Callable[..., Any], noted: dict[str, str]) -> None:
    page = page_of(noted["trigger"])
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(".oo-note-h").get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Notes, owner and tags")
    form.get_by_label("Name of the owner").fill("Half an ow")
    form.get_by_text("Unsaved changes").wait_for()
    page.wait_for_url(re.compile(r"\?form=notes-[0-9a-f-]{36}$"))
    page.reload()
    form.get_by_text("What you had entered before is back.").wait_for()
    assert form.get_by_label("Name of the owner").input_value() == "Half an ow"
    assert form.get_by_label("Mail of the owner").input_value() == "anna.boegh@kommune.example"
    form.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Discard changes").click()
    page.wait_for_url(re.compile(r"/triggers/[0-9a-f-]{36}$"))
