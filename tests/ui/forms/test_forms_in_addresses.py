"""Forms in the address, and what the browser had kept of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, QueueElement, ScheduledTrigger, Trigger
from OpenOrchestrator.database.statuses import QueueStatus, TriggerType
from tests.ui.pages import click, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time


def value_of(user: User, marker: str) -> Any:
    (element,) = user.find(marker=marker).elements
    return element.value  # type: ignore[attr-defined]


def payroll(database: Database) -> Any:
    due = NOW + timedelta(hours=5)
    return add_trigger(
        database, ScheduledTrigger, trigger_name="Payroll", cron_expr="0 6 * * *", next_run=site_time(due), due_at=due
    )


async def test_a_form_of_the_address_is_open(user: User, site: Database) -> None:
    trigger = payroll(site)
    element = QueueElement(queue_name="q", reference="case-7", status=QueueStatus.NEW, created_date=site_time(NOW))
    constant = Constant(name="ERP-address", value="https://erp", changed_at=site_time(NOW))
    site.write(lambda session: session.add_all([element, constant]))
    element_id = site.read(lambda session: session.scalars(sa.select(QueueElement.id)).one())
    for path, marker, value in (
        ("/triggers?form=new", "name", ""),
        (f"/triggers?form=edit-{trigger}", "name", "Payroll"),
        (f"/triggers?form=copy-{trigger}", "name", "Payroll copy"),
        (f"/triggers/{trigger}?form=edit-{trigger}", "name", "Payroll"),
        ("/queues?form=new", "queue", ""),
        ("/queues/q?form=new", "reference", ""),
        (f"/queues/q?form=edit-{element_id}", "reference", "case-7"),
        (f"/queues/q/{element_id}?form=edit-{element_id}", "reference", "case-7"),
        ("/constants?form=edit-ERP-address", "name", "ERP-address"),
        ("/credentials?form=new", "name", ""),
    ):
        await user.open(path)
        await user.should_see(marker="drawer", retries=30)
        assert value_of(user, marker) == value, path


async def test_the_import_stands_in_the_address(user: User, site: Database) -> None:
    await user.open("/queues/q?form=import")
    await user.should_see("Drop a CSV file here, or choose one.", retries=30)
    await click(user, "cancel-import")
    await until(lambda: "form" not in user.client.sub_pages_router.current_path)  # type: ignore[union-attr]
    await click(user, "import-file")
    await until(lambda: user.client.sub_pages_router.current_path.endswith("?form=import"))  # type: ignore[union-attr]


async def test_what_the_browser_had_kept_is_put_back_and_can_be_dropped(user: User, site: Database) -> None:
    await user.open("/triggers?form=new")
    await user.should_see(marker="drawer", retries=30)
    kept = {
        "Name": "Letters",
        "Kind": "QUEUE",
        "Queue": "letters",
        "Schedulers": ["VM-9"],
        "Labels": ["sap"],
        "Desktop": "SCREEN",
        "Connection string and key": "ARGUMENTS",
        "Nobody knows this": 3,
    }
    user.find(marker="drawer").trigger("restore", {"detail": kept})
    await until(lambda: value_of(user, "name") == "Letters")
    assert value_of(user, "kind") is TriggerType.QUEUE
    assert value_of(user, "schedulers") == ["VM-9"]
    assert value_of(user, "labels") == ["sap"]
    assert value_of(user, "desktop").name == "SCREEN"
    assert value_of(user, "passing").name == "ARGUMENTS"
    await user.should_see("What you had entered before is back.")
    await user.should_see("Unsaved changes")
    await click(user, "start-over")
    await until(lambda: value_of(user, "name") == "")
    assert value_of(user, "kind") is TriggerType.SCHEDULED
    assert value_of(user, "schedulers") == []
    await user.should_not_see("Unsaved changes")


@pytest.mark.parametrize(
    "kept", [None, [], "x", {}, {"Kind": 3, "Schedulers": "x", "Desktop": [], "Labels": 1, "Name": None}]
)
async def test_what_a_browser_says_is_not_trusted(user: User, site: Database, kept: object) -> None:
    await user.open("/triggers?form=new")
    await user.should_see(marker="drawer", retries=30)
    user.find(marker="drawer").trigger("restore", {"detail": kept})
    assert value_of(user, "kind") is TriggerType.SCHEDULED
    assert value_of(user, "schedulers") == []


async def test_the_count_of_wrong_fields_goes_away_when_they_are_corrected(user: User, site: Database) -> None:
    await user.open("/triggers?form=new")
    await click(user, "save")
    await user.should_see("4 fields to correct: Name, Process, Path")
    for marker, value in (("name", "A"), ("process", "p"), ("path", "main.py")):
        (field,) = user.find(marker=marker, kind=ui.input).elements
        field.value = value
    await user.should_see("1 field to correct: Cron")
    (cron,) = user.find(marker="cron", kind=ui.input).elements
    cron.value = "0 6 * * *"
    await user.should_not_see("to correct")


async def test_the_count_of_wrong_fields_is_of_those_that_are_shown(user: User, site: Database) -> None:
    await user.open("/triggers?form=new")
    await click(user, "save")
    await user.should_see("4 fields to correct: Name, Process, Path")
    (kind,) = user.find(marker="kind").elements
    kind.value = TriggerType.QUEUE  # type: ignore[attr-defined]
    await user.should_see("3 fields to correct: Name, Process, Path")


async def test_a_form_that_is_saved_leaves_the_address(user: User, site: Database) -> None:
    trigger = payroll(site)
    await user.open(f"/triggers?form=edit-{trigger}")
    await user.should_see(marker="drawer", retries=30)
    (name,) = user.find(marker="name", kind=ui.input).elements
    name.value = "Wages"
    await click(user, "save")
    await user.should_see("Wages was saved", retries=30)
    await until(lambda: "form=" not in name.client.sub_pages_router.current_path)
    query = sa.select(Trigger.__table__.c.trigger_name)
    assert site.read(lambda session: session.scalars(query).all()) == ["Wages"]
