"""Triggers as a CSV file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueTrigger, ScheduledTrigger
from OpenOrchestrator.orchestrator.triggers.backend import csv_export
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggerQuery, TriggersBackend
from tests.ui.conftest import App
from tests.ui.pages import click
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))


async def test_the_triggers_that_match_are_exported(user: User, app: App, site: Database) -> None:
    add_trigger(
        site,
        ScheduledTrigger,
        trigger_name="Monthly",
        cron_expr="0 6 1 * *",
        next_run=site_time(NOW),
        process_args="=cmd()",
        scheduler_whitelist=["A", "B"],
        priority=5,
        timezone="Asia/Tokyo",
        labels=["sap", "ocr"],
        calendar="Week",
        environment="MANAGED",
        entry="robot_framework",
        retry_times=2,
        retry_number=1,
        retry_at=NOW + timedelta(minutes=10),
        last_run=site_time(NOW),
        retry_last_run=site_time(NOW),
    )
    add_trigger(site, QueueTrigger, trigger_name="Letters", queue_name="letters", min_batch_size=3, is_blocking=False)
    await user.open("/triggers?type=scheduled")
    await click(user, "export")
    with user:
        download = await user.download.next(timeout=5)
    assert "triggers-2026-11-23-0812.csv" in download.headers["content-disposition"]
    (row,) = rows(download.content.decode())
    assert (row["Trigger"], row["Type"], row["Status"], row["Schedule"]) == (
        "Monthly",
        "Scheduled",
        "Idle",
        "0 6 1 * *",
    )
    assert (row["Next run"], row["Schedulers"], row["Blocking"]) == ("2026-11-23 08:12:00", "A, B", "Yes")
    assert (row["Priority"], row["Arguments"]) == ("5", "'=cmd()")
    assert (row["Time zone"], row["Calendar"], row["On closed days"]) == ("Asia/Tokyo", "Week", "skip")
    assert (row["Environment"], row["Entry"]) == ("managed", "robot_framework")
    assert (row["Retries"], row["Next retry"]) == ("2", "2026-11-23 08:22:00")
    assert (row["Labels"], row["Desktop"]) == ("sap, ocr", "Exclusive")


async def test_an_export_reads_in_parts_and_in_the_order_of_names(
    sample: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "ROWS_AT_ONCE", 4)
    ids = await TriggersBackend(sample, clock).ids(TriggerQuery())
    found = rows(b"".join(csv_export.triggers(sample, ids)).decode())
    names = [row["Trigger"] for row in found]
    assert len(names) == 14
    assert names == sorted(names, key=str.lower)
    assert next(row for row in found if row["Queue"] == "bopælsattester")["Batch size"] == "1"
