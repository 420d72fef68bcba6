"""The environment of a robot and what of its files is started: in the form of its trigger, and on pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, ScheduledTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, RobotEnvironment
from OpenOrchestrator.orchestrator.jobs.page_side import start_pairs
from OpenOrchestrator.orchestrator.triggers.environment_fields import check_entry
from tests.ui.pages import click
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time


def new_trigger(database: Database, **values: Any) -> UUID:
    given = {"cron_expr": "0 * * * *", "next_run": site_time(NOW) + timedelta(hours=1)} | values
    return add_trigger(database, ScheduledTrigger, trigger_name="Invoices", **given)


def stored(database: Database) -> Any:
    return database.read(lambda session: session.scalars(sa.select(Trigger)).one())


def enter(user: User, marker: str, value: Any, kind: type[Any] = ui.input) -> None:
    (element,) = user.find(kind=kind, marker=marker).elements
    element.set_value(value)


async def test_both_are_set_in_the_form_and_shown_on_the_page(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await user.should_not_see("Environment")
    await click(user, "edit")
    await user.should_see(marker="entry", retries=30)
    enter(user, "entry", "../main.py")
    await click(user, "save")
    await user.should_see("within the robot's files", retries=30)
    enter(user, "entry", r"jobs\night.py")
    enter(user, "environment", RobotEnvironment.MANAGED, ui.select)
    await click(user, "save")
    await user.should_see("Invoices was saved", retries=30)
    assert (stored(site).environment, stored(site).entry) == ("MANAGED", "jobs/night.py")
    await user.should_see("jobs/night.py", retries=30)
    await user.should_see("Managed")


async def test_what_nobody_touched_stays_as_it_means(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "edit")
    await user.should_see(marker="entry", retries=30)
    enter(user, "priority", "7")
    await click(user, "save")
    await user.should_see("Invoices was saved", retries=30)
    assert (stored(site).robot_environment, stored(site).entry) == (RobotEnvironment.OWN, None)


async def test_the_page_of_a_job_says_what_it_was_started_with(user: User, site: Database) -> None:
    job = Job(
        id=uuid4(),
        process_name="Invoices",
        scheduler_name="worker-1",
        status=JobStatus.STARTING,
        start_time=site_time(NOW),
        process_path="/robots/invoices",
        is_git_repo=True,
        environment="MANAGED",
        entry="robot_framework",
    )
    job_id = job.id
    site.write(lambda session: session.add(job))
    await user.open(f"/jobs/{job_id}")
    await user.should_see("robot_framework", retries=30)
    await user.should_see("Managed")


def test_nothing_is_said_of_what_is_usual() -> None:
    assert start_pairs(None, RobotEnvironment.OWN, is_git=True) == []
    managed = ("Environment", "Managed", False)
    assert start_pairs(None, RobotEnvironment.MANAGED, is_git=True) == [("Entry", "main.py", False), managed]
    assert start_pairs("a.py", RobotEnvironment.OWN, is_git=False) == [("Entry", "a.py", True)]


def test_an_entry_is_checked() -> None:
    assert check_entry("") is None
    assert check_entry("robot_framework") is None
    assert "neither a Python file" in (check_entry("robot framework") or "")
