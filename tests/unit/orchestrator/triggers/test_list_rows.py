"""A trigger as the list shows it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.list_rows import trigger_row

NOW = datetime(2026, 11, 23, 8, 12, tzinfo=timezone.utc)


def test_a_queue_trigger_shows_the_whole_name_of_its_queue_and_what_that_means() -> None:
    plain: dict[str, Any] = {"last_run": None, "cron": None, "next_run": None, "process": "p", "schedulers": ()}
    plain |= {"run_requested": False, "late": False, "stuck": False, "is_blocking": False, "priority": 0}
    trigger = ListedTrigger(
        id=uuid4(),
        name="Invoices",
        type=TriggerType.QUEUE,
        status=TriggerStatus.IDLE,
        queue="fakturaer-indgående",
        min_batch_size=5,
        **plain,
    )
    shown = trigger_row(trigger, NOW, timezone.utc).cells["schedule"]
    assert shown["t"] == "fakturaer-indgående"
    assert shown["tip"] == "Queue fakturaer-indgående: runs at 5 or more New elements."
