"""Notes, owners and tags as an admin uses them: on lists, on pages, and beside what fails."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Job, QueueElement, Trigger
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import notes
from OpenOrchestrator.orchestrator.annotations.backend import Annotated, AnnotatedKind, Owner, StoredAnnotation
from OpenOrchestrator.orchestrator.dashboard.attention import Attention, AttentionRow
from OpenOrchestrator.orchestrator.queues.address import path_of
from tests.ui.pages import act_on, cell, click, rows_of, select, until

ANNA = Owner("Anna <b>Bøgh</b>", "anna@example.org", "https://wiki.example.org/run")


def save(database: Database, kind: AnnotatedKind, subject: str, values: Annotated) -> None:
    def work(session: Any) -> bool:
        seen = notes.read(session, kind, subject)
        return notes.save(session, kind, subject, values, seen=seen, now=database.clock.utc_now())

    assert database.write(work)


def read(database: Database, kind: AnnotatedKind, subject: str) -> StoredAnnotation:
    return database.read(lambda session: notes.read(session, kind, subject))


def id_of(database: Database, name: str) -> str:
    found = sa.select(Trigger.id).where(Trigger.trigger_name == name)
    return str(database.read(lambda session: session.execute(found).scalar_one()))


def enter(user: User, marker: str, text: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = text  # type: ignore[attr-defined]


def add_constants(database: Database, *names: str) -> None:
    rows = [Constant(name=name, value="v", changed_at=database.site_now()) for name in names]
    database.write(lambda session: session.add_all(rows))


def links(user: User) -> dict[str, ui.link]:
    return {each.text: each for each in user.find(kind=ui.link).elements if isinstance(each, ui.link)}


async def test_notes_owner_and_tags_of_a_constant_are_entered_and_shown(user: User, site: Database) -> None:
    add_constants(site, "Limit", "Other")
    await user.open("/constants")
    assert "s" not in cell((await rows_of(user, "constants"))["Limit"], "name")
    await act_on(user, "constants", "notes", "Limit")
    await user.should_see(marker="owner-name", retries=30)
    enter(user, "owner-name", " Anna ")
    enter(user, "owner-mail", "anna@example.org")
    enter(user, "owner-runbook", "https://wiki.example.org")
    enter(user, "tags", ["Finance", "nat,øre"])
    enter(user, "notes", "two\nlines")
    await click(user, "save")
    await user.should_see("The notes on Limit were saved", retries=50)
    owner = Owner("Anna", "anna@example.org", "https://wiki.example.org")
    stored = read(site, AnnotatedKind.CONSTANT, "Limit").values
    assert stored == Annotated("two\nlines", owner, ("finance", "nat", "øre"))

    async def shown() -> dict[str, Any]:
        return cell((await rows_of(user, "constants"))["Limit"], "name")

    await until(lambda: _cell(user, "constants", "Limit").get("g") == ["finance", "nat", "øre"])
    assert (await shown())["s"] == "Anna"
    assert (await shown())["tip"].startswith("Tags: finance, nat, øre\nOwner: Anna, anna@example.org")
    await act_on(user, "constants", "delete", "Limit")
    await click(user, "confirm")
    await user.should_see("Limit was deleted", retries=50)
    assert read(site, AnnotatedKind.CONSTANT, "Limit") == StoredAnnotation()


def _cell(user: User, marker: str, name: str) -> dict[str, Any]:
    (table,) = user.find(marker=marker).elements
    return next(row["c"]["name"] for row in table.rows if row["name"] == name)  # type: ignore[attr-defined]


async def test_wrong_fields_are_named_and_nothing_is_saved(user: User, site: Database) -> None:
    add_constants(site, "Limit")
    await user.open("/constants")
    await act_on(user, "constants", "notes", "Limit")
    await user.should_see(marker="owner-mail", retries=30)
    enter(user, "owner-mail", "Anna <anna@example.org>")
    enter(user, "owner-runbook", "https://u:p@example.org")
    enter(user, "tags", ["x" * 31])
    await click(user, "save")
    await user.should_see("3 fields to correct: Mail, Runbook, Tags", retries=30)
    await user.should_see("is no mail address")
    assert read(site, AnnotatedKind.CONSTANT, "Limit") == StoredAnnotation()


async def test_notes_that_somebody_else_saved_alike_meanwhile_are_saved_without_a_question(
    user: User, site: Database
) -> None:
    add_constants(site, "Limit")
    save(site, AnnotatedKind.CONSTANT, "Limit", Annotated("before"))
    await user.open("/constants")
    await act_on(user, "constants", "notes", "Limit")
    await user.should_see(marker="notes", retries=30)
    enter(user, "notes", "the same")
    save(site, AnnotatedKind.CONSTANT, "Limit", Annotated("the same"))
    await click(user, "save")
    await user.should_see("The notes on Limit were saved", retries=50)
    await user.should_not_see("Overwrite the changes to Limit?")


async def test_a_change_of_somebody_else_is_shown_before_it_is_overwritten(user: User, site: Database) -> None:
    add_constants(site, "Limit")
    save(site, AnnotatedKind.CONSTANT, "Limit", Annotated("before", tags=("a",)))
    await user.open("/constants")
    await act_on(user, "constants", "notes", "Limit")
    await user.should_see(marker="notes", retries=30)
    enter(user, "notes", "mine")
    save(site, AnnotatedKind.CONSTANT, "Limit", Annotated("theirs", Owner("Bo"), ("a",)))
    await click(user, "save")
    await user.should_see("Overwrite the changes to Limit?", retries=50)
    await user.should_see("Notes: theirs")
    await user.should_see("Name: Bo")
    await user.should_not_see("Tags: a")
    await click(user, "cancel")
    await user.should_not_see("Overwrite the changes to Limit?", retries=30)
    assert read(site, AnnotatedKind.CONSTANT, "Limit").values.notes == "theirs"
    await click(user, "save")
    await click(user, "confirm")
    await user.should_see("The notes on Limit were saved", retries=50)
    assert read(site, AnnotatedKind.CONSTANT, "Limit").values == Annotated("mine", tags=("a",))


async def test_noting_something_about_what_was_deleted_says_so(user: User, site: Database) -> None:
    add_constants(site, "Limit")
    await user.open("/constants")
    await act_on(user, "constants", "notes", "Limit")
    await user.should_see(marker="notes", retries=30)
    enter(user, "notes", "mine")
    site.write(lambda session: session.execute(sa.delete(Constant)))
    await click(user, "save")
    await user.should_see("The constant is not there any more", retries=50)
    assert read(site, AnnotatedKind.CONSTANT, "Limit") == StoredAnnotation()


async def test_lists_are_filtered_by_tags_and_say_so_when_none_has_them(user: User, site: Database) -> None:
    add_constants(site, "Limit", "Other")
    save(site, AnnotatedKind.CONSTANT, "Limit", Annotated(tags=("finance",)))
    await user.open("/constants?tag=finance")
    assert set(await rows_of(user, "constants")) == {"Limit"}
    await user.should_see("tag=finance")
    await user.open("/constants?tag=-finance")
    assert set(await rows_of(user, "constants")) == {"Other"}
    await user.open("/constants?tag=night")
    await user.should_see("tag=night", retries=30)
    await user.should_not_see("No constants yet")


async def test_tags_choose_the_triggers_of_a_bulk_action(user: User, sample: Database) -> None:
    await user.open("/triggers")
    names = sorted(await rows_of(user, "triggers"))[:2]
    for name in names:
        save(sample, AnnotatedKind.TRIGGER, id_of(sample, name), Annotated(tags=("chosen",)))
    await user.open("/triggers?tag=chosen&size=1")
    rows = await rows_of(user, "triggers")
    assert set(rows) <= set(names)
    await select(user, "triggers", next(iter(rows)))
    await click(user, "select-all")
    await user.should_see("2 selected", retries=30)
    await click(user, "bulk-delete")
    await user.should_see("Delete 2 triggers?", retries=30)
    await click(user, "confirm")
    await user.should_see("2 triggers were deleted", retries=50)
    left = sa.select(Trigger.trigger_name)
    assert not set(names) & set(sample.read(lambda session: session.scalars(left).all()))


async def test_the_list_of_triggers_shows_tags_and_edits_notes(user: User, sample: Database) -> None:
    await user.open("/triggers")
    name = next(iter(await rows_of(user, "triggers")))
    await act_on(user, "triggers", "notes", name)
    await user.should_see(marker="tags", retries=30)
    enter(user, "tags", ["nat"])
    await click(user, "save")
    await user.should_see(f"The notes on {name} were saved", retries=50)
    await until(lambda: _cell(user, "triggers", name).get("g") == ["nat"])
    assert _cell(user, "triggers", name)["tip"] == "Tags: nat"


async def test_a_trigger_shows_what_is_noted_and_whom_to_call(user: User, sample: Database) -> None:
    failed = sa.select(Job.trigger_id, Job.trigger_name).join(Trigger, Trigger.id == Job.trigger_id)
    failed = failed.where(Trigger.process_status == TriggerStatus.FAILED, Job.status.in_(BAD_JOB_STATUSES))
    trigger_id, _ = sample.read(lambda session: session.execute(failed).first())
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("Nothing is noted yet", retries=30)
    await user.should_not_see(marker="owner")
    await click(user, "edit-notes")
    await user.should_see(marker="owner-name", retries=30)
    enter(user, "owner-name", ANNA.name)
    enter(user, "owner-mail", ANNA.mail)
    enter(user, "owner-runbook", "javascript:alert(1)")
    enter(user, "notes", "<script>no</script>")
    await click(user, "save")
    await user.should_see("<script>no</script>", retries=50)
    await user.should_see(marker="owner", retries=30)
    assert links(user)[ANNA.name].props["href"] == "mailto:anna@example.org"
    assert "javascript:alert(1)" not in {link.props["href"] for link in links(user).values()}
    await user.should_see("javascript:alert(1)")
    save(sample, AnnotatedKind.TRIGGER, str(trigger_id), Annotated(owner=ANNA))
    await until(lambda: "https://wiki.example.org/run" in links(user))
    link = links(user)["https://wiki.example.org/run"]
    assert (link.props["href"], link.props["target"]) == ("https://wiki.example.org/run", "_blank")
    assert link.props["rel"] == "noopener noreferrer"


async def test_a_failed_job_says_whom_to_call(user: User, sample: Database) -> None:
    failed = sa.select(Job.id, Job.trigger_id).where(Job.status.in_(BAD_JOB_STATUSES), Job.trigger_id.is_not(None))
    job_id, trigger_id = sample.read(lambda session: session.execute(failed).first())
    await user.open(f"/jobs/{job_id}")
    await user.should_see(marker="failure", retries=30)
    await user.should_not_see(marker="owner")
    save(sample, AnnotatedKind.TRIGGER, str(trigger_id), Annotated(owner=ANNA))
    await user.open(f"/jobs/{job_id}")
    await user.should_see(marker="owner", retries=30)
    assert links(user)[ANNA.name].props["href"] == "mailto:anna@example.org"
    assert links(user)["Runbook"].props["href"] == "https://wiki.example.org/run"


async def test_a_queue_and_its_failed_elements_say_whom_to_call(user: User, sample: Database) -> None:
    failed = sa.select(QueueElement.queue_name, QueueElement.id).where(QueueElement.status == QueueStatus.FAILED)
    queue, element_id = sample.read(lambda session: session.execute(failed).first())
    await user.open(path_of(queue))
    await user.should_see("Add owner, tags, notes", retries=50)
    await click(user, "edit-notes")
    await user.should_see(marker="owner-name", retries=30)
    enter(user, "owner-name", ANNA.name)
    enter(user, "tags", ["inbox"])
    enter(user, "notes", "Call before noon.")
    await click(user, "save")
    await user.should_see("Call before noon.", retries=50)
    await user.should_see("Edit notes")
    await user.should_see(marker="tag")
    await user.should_see(ANNA.name)
    await user.open(f"{path_of(queue)}/{element_id}")
    await user.should_see(marker="owner", retries=50)
    await user.open("/queues?tag=inbox")
    assert set(await rows_of(user, "queues")) == {queue}
    await act_on(user, "queues", "notes", queue)
    await user.should_see(marker="notes", retries=30)


@pytest.mark.parametrize("kind", [AnnotatedKind.TRIGGER, AnnotatedKind.QUEUE])
async def test_what_needs_attention_says_whom_to_call(user: User, sample: Database, kind: AnnotatedKind) -> None:
    if kind is AnnotatedKind.TRIGGER:
        ended = (*BAD_JOB_STATUSES, JobStatus.KILLED)
        found = sa.select(Job.trigger_id).where(Job.status.in_(ended), Job.trigger_id.is_not(None))
        mark = "job "
    else:
        found = sa.select(QueueElement.queue_name).where(QueueElement.status == QueueStatus.FAILED)
        mark = "element "
    subjects = {str(each) for each in sample.read(lambda session: session.scalars(found).all())}
    for subject in subjects:
        save(sample, kind, subject, Annotated(owner=ANNA))
    await user.open("/")

    def rows() -> list[AttentionRow]:
        (element,) = user.find(kind=Attention, marker="attention").elements
        return [row for row in element.rows if row.id.startswith(mark)]

    assert await until(rows)
    for row in rows():
        assert (row.owner, row.ownerHref) == (ANNA.name, "mailto:anna@example.org")
        assert row.runbook == "https://wiki.example.org/run"
    others = [row for row in next(iter(user.find(kind=Attention).elements)).rows if not row.id.startswith(mark)]
    if kind is AnnotatedKind.QUEUE:
        assert {row.owner for row in others} == {""}


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/triggers", "{id}"),
        ("/triggers/{id}", "{id}"),
        ("/queues", "bopælsattester"),
        ("/queues/bop%C3%A6lsattester", "bopælsattester"),
        ("/constants", "ERP address"),
    ],
)
async def test_an_address_opens_the_notes_that_it_asks_for(
    user: User, sample: Database, path: str, subject: str
) -> None:
    trigger_id = id_of(sample, "Bankafstemning")
    asked = quote(f"notes-{subject.format(id=trigger_id)}", safe="")
    await user.open(f"{path.format(id=trigger_id)}?form={asked}")
    await user.should_see("Notes, owner and tags", retries=50)
    await user.should_see(marker="owner-name", retries=30)
    (drawer,) = user.find(marker="drawer").elements
    told = "Bankafstemning" if "{id}" in subject else subject
    assert told in [getattr(each, "text", "") for each in drawer.descendants()]
