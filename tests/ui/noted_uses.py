"""Uses and the triggers of their processes, for tests of pages that show them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import SingleTrigger
from OpenOrchestrator.database.statuses import Access, TriggerStatus, UsedKind
from OpenOrchestrator.database.stores import uses
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time


def note(database: Database, kind: UsedKind, name: str, process: str, access: Access, *, days_ago: int) -> None:
    """Note a use, as a robot does it, of so many days before the now of the tests."""
    day = site_time(NOW).date() - timedelta(days=days_ago)
    used = {uses.Use(kind, name, process, access): day}
    database.verify()
    assert database.change_aside(lambda connection: uses.find_missing(connection, used), uses.note)


def add_trigger(database: Database, process: str) -> UUID:
    """Add a trigger of a process, and return its id."""
    made = uuid4()
    trigger = SingleTrigger(
        id=made,
        trigger_name=f"trigger of {process}",
        process_name=process,
        process_path="p.py",
        process_args="",
        process_status=TriggerStatus.IDLE,
        is_git_repo=False,
        is_blocking=False,
        priority=0,
        scheduler_whitelist=[],
        next_run=site_time(NOW),
    )
    database.write(lambda session: session.add(trigger))
    return made
