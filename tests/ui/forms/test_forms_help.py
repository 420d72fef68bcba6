"""What forms say before something is saved, and show of what two people changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, QueueElement, QueueTrigger, ScheduledTrigger, Scheduler, Trigger
from OpenOrchestrator.database.statuses import QueueStatus, TriggerType
from OpenOrchestrator.orchestrator.triggers.checks import doubt_name, doubt_queue, doubt_schedulers
from tests.ui.pages import act_on, click, table, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time


def set_value(user: User, marker: str, value: Any) -> None:
    (element,) = user.find(marker=marker).elements
    element.value = value  # type: ignore[attr-defined]


def text_of(user: User, marker: str) -> str:
    (element,) = user.find(marker=marker).elements
    return str(element.text)  # type: ignore[attr-defined]


def payroll(database: Database, name: str = "Payroll", **values: Any) -> UUID:
    due = NOW + timedelta(hours=5)
    return add_trigger(
        database,
        ScheduledTrigger,
        trigger_name=name,
        cron_expr="0 6 * * *",
        next_run=site_time(due),
        due_at=due,
        **values,
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", ""),
        ("Wages", ""),
        ("Payroll", "Another trigger is called Payroll: jobs and logs of the two look alike."),
        (" payroll", "Another trigger is called Payroll: jobs and logs of the two look alike."),
    ],
)
def test_a_name_that_another_trigger_has(name: str, words: str) -> None:
    assert doubt_name(name, ["Payroll", "Letters"]) == words


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        ("", ""),
        ("letters", ""),
        ("bills", "There is no queue bills yet: the trigger waits until something is put into it."),
        (
            "Letters",
            "There is no queue Letters yet: the trigger waits until something is put into it. Is letters meant?",
        ),
    ],
)
def test_a_queue_that_is_not_there(queue: str, words: str) -> None:
    assert doubt_queue(queue, ["letters"]) == words


@pytest.mark.parametrize(
    ("schedulers", "words"),
    [
        ([], ""),
        (["VM-1"], ""),
        (["VM-1", "VM-9"], "No scheduler named VM-9 ever reported."),
        (["VM-9"], "No scheduler named VM-9 ever reported. The trigger does not run before one does."),
    ],
)
def test_a_scheduler_that_nobody_has_heard_of(schedulers: list[str], words: str) -> None:
    assert doubt_schedulers(schedulers, ["VM-1"]) == words


async def test_the_form_of_a_trigger_warns_of_names_and_saves_them_all_the_same(user: User, site: Database) -> None:
    payroll(site, scheduler_whitelist=["VM-8"])
    scheduler = Scheduler(machine_name="VM-1", heartbeat_at=NOW, last_update=site_time(NOW))
    site.write(lambda session: session.add(scheduler))
    await user.open("/triggers?form=new")
    await user.should_see(marker="drawer", retries=30)
    set_value(user, "name", "payroll")
    await until(lambda: "Another trigger is called Payroll" in text_of(user, "name-doubt"))
    set_value(user, "kind", TriggerType.QUEUE)
    set_value(user, "queue", "letters")
    await until(lambda: "There is no queue letters yet" in text_of(user, "queue-doubt"))
    set_value(user, "schedulers", ["VM-8"])
    await until(lambda: "No scheduler named VM-8 ever reported" in text_of(user, "schedulers-doubt"))
    set_value(user, "process", "p")
    set_value(user, "path", "main.py")
    await click(user, "save")
    await user.should_see("payroll was created", retries=30)


async def test_editing_a_trigger_does_not_warn_of_its_own_name(user: User, site: Database) -> None:
    trigger = payroll(site)
    await user.open(f"/triggers?form=edit-{trigger}")
    await user.should_see(marker="drawer", retries=30)
    set_value(user, "name", "Payroll ")
    await user.should_see("Unsaved changes", retries=30)
    await user.should_not_see(marker="name-doubt")


async def test_processes_and_queues_can_be_looked_through(user: User, site: Database) -> None:
    add_trigger(site, QueueTrigger, queue_name="letters", min_batch_size=1, process_name="post/letters")
    await user.open("/triggers?form=new")
    await user.should_see(marker="drawer", retries=30)
    (field,) = user.find(marker="process", kind=ui.input).elements
    (button,) = [each for each in field.descendants() if "offer" in each._markers]
    (menu,) = [each for each in button.descendants() if isinstance(each, ui.menu)]
    menu.value = True
    await user.should_see(marker="offer-post/letters", retries=30)
    user.find(marker="offer-post/letters").click()
    await until(lambda: field.value == "post/letters")  # type: ignore[attr-defined]


async def test_a_new_trigger_is_shown_first_and_linked(user: User, site: Database) -> None:
    for number in range(30):
        payroll(site, f"A{number:02}")
    await user.open("/triggers?sort=name&q=A&form=new")
    await user.should_see(marker="drawer", retries=30)
    for marker, value in (("name", "Zebra"), ("process", "p"), ("path", "main.py"), ("cron", "0 6 * * *")):
        set_value(user, marker, value)
    await click(user, "save")
    await user.should_see("Zebra was created", retries=30)
    listed = await table(user, "triggers")
    await until(lambda: [row["name"] for row in listed.rows][:2] == ["Zebra", "A00"])
    query = sa.select(Trigger.__table__.c.id).where(Trigger.__table__.c.trigger_name == "Zebra")
    trigger = site.read(lambda session: session.execute(query).scalar_one())
    links = [each for each in user.find(kind=ui.link).elements if each.props["href"] == f"/triggers/{trigger}"]
    assert [link.text for link in links] == ["Open trigger"]  # type: ignore[attr-defined]


def shown_differences(user: User) -> list[str]:
    (box,) = user.find(marker="differences").elements
    return [each.text for each in box.default_slot.children][3:]  # type: ignore[attr-defined]


async def test_the_question_before_a_trigger_is_overwritten_shows_both_values(user: User, site: Database) -> None:
    trigger = payroll(site)
    await user.open(f"/triggers?form=edit-{trigger}")
    await user.should_see(marker="drawer", retries=30)
    set_value(user, "path", "mine.py")
    changed = sa.update(Trigger.__table__).values(process_path="https://bot:secret@git.example/theirs")
    site.write(lambda session: session.execute(changed))
    await click(user, "save")
    await user.should_see("Overwrite the changes to Payroll?", retries=30)
    label, theirs, yours = shown_differences(user)
    assert (label, yours) == ("Path", "mine.py")
    assert theirs.endswith("git.example/theirs")
    assert "secret" not in theirs
    await click(user, "theirs")
    await user.should_not_see("Overwrite the changes to Payroll?", retries=30)

    def fields() -> list[str]:
        return [each.value for each in user.find(marker="path", kind=ui.input).elements]  # type: ignore[attr-defined]

    await until(lambda: any("git.example/theirs" in value for value in fields()))
    path = sa.select(Trigger.__table__.c.process_path)
    assert site.read(lambda session: session.scalar(path)) == "https://bot:secret@git.example/theirs"


async def test_a_trigger_that_somebody_else_saved_alike_meanwhile_is_saved_without_a_question(
    user: User, site: Database
) -> None:
    trigger = payroll(site)
    await user.open(f"/triggers?form=edit-{trigger}")
    await user.should_see(marker="drawer", retries=30)
    set_value(user, "path", "same.py")
    site.write(lambda session: session.execute(sa.update(Trigger.__table__).values(process_path="same.py")))
    await click(user, "save")
    await user.should_not_see(marker="drawer", retries=50)
    await user.should_not_see("Overwrite the changes to Payroll?")


async def test_the_question_before_an_element_is_overwritten_shows_both_values(user: User, site: Database) -> None:
    element = QueueElement(
        queue_name="q", reference="r", data="old", status=QueueStatus.NEW, created_date=site_time(NOW)
    )
    site.write(lambda session: session.add(element))
    await user.open("/queues/q")
    await act_on(user, "elements", "edit", "r")
    await user.should_see(marker="drawer", retries=30)
    set_value(user, "data", "mine")
    site.write(lambda session: session.execute(sa.update(QueueElement).values(data="theirs")))
    await click(user, "save")
    await user.should_see("Save over the changes to r?", retries=30)
    assert shown_differences(user) == ["Data", "theirs", "mine"]
    await click(user, "theirs")
    await until(lambda: any(each.value == "theirs" for each in user.find(marker="data", kind=ui.textarea).elements))  # type: ignore[attr-defined]


async def test_the_question_before_a_constant_is_overwritten_shows_both_values(user: User, site: Database) -> None:
    site.write(lambda session: session.add(Constant(name="Limit", value="old", changed_at=site_time(NOW))))
    await user.open("/constants?form=edit-Limit")
    await user.should_see(marker="drawer", retries=30)
    set_value(user, "value", "mine")
    site.write(lambda session: session.execute(sa.update(Constant).values(value="theirs")))
    await click(user, "save")
    await user.should_see("Overwrite the change to Limit?", retries=30)
    assert shown_differences(user) == ["Value", "theirs", "mine"]
    await click(user, "theirs")
    await until(lambda: any(each.value == "theirs" for each in user.find(marker="value", kind=ui.textarea).elements))  # type: ignore[attr-defined]
