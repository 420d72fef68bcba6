"""When a trigger runs next, or why it does not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.next_run import next_cell, next_words

NOW = datetime(2026, 11, 23, 8, 12, tzinfo=timezone.utc)


def row(status: TriggerStatus) -> ListedTrigger:
    plain: dict[str, Any] = {"last_run": None, "cron": "0 6 * * *", "queue": None, "process": "p", "schedulers": ()}
    plain |= {"run_requested": False, "late": False, "stuck": False, "min_batch_size": None}
    next_run = NOW.replace(tzinfo=None) + timedelta(hours=1)
    return ListedTrigger(
        id=uuid4(),
        name="Invoices",
        type=TriggerType.SCHEDULED,
        status=status,
        next_run=next_run,
        priority=0,
        is_blocking=False,
        **plain,
    )


@pytest.mark.parametrize(
    ("status", "tip"),
    [
        (TriggerStatus.FAILED, "It failed, and runs again only after it was enabled."),
        (TriggerStatus.KILLED, "It was killed, and runs again only after it was enabled."),
    ],
)
def test_what_waits_for_an_admin_says_that_it_will_not_run_and_offers_to_enable_it(
    status: TriggerStatus, tip: str
) -> None:
    held = row(status)
    cell = next_cell(held, NOW, timezone.utc)
    assert (cell["t"], cell["tip"], cell["x"]) == ("Will not run", tip, ["enable", "Enable"])
    assert next_words(held, NOW, timezone.utc)[:2] == ("Will not run", tip)


def test_what_was_paused_is_not_enabled() -> None:
    cell = next_cell(row(TriggerStatus.PAUSED), NOW, timezone.utc)
    assert (cell["t"], cell.get("x")) == ("Not enabled", None)
