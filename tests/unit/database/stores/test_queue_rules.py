"""What queues may say about their elements."""

from __future__ import annotations

from typing import Any

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores.queue_rules import QueueRules, checked


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"lease_seconds": 29}, "lease in seconds has to be from 30 to 86400, not 29"),
        ({"lease_seconds": 86401}, "from 30 to 86400"),
        ({"keep_done_days": 0}, "keep what is Done has to be from 1 to"),
        ({"keep_failed_days": 36501}, "keep what Failed has to be"),
        ({"keep_abandoned_days": -1}, "keep what was Abandoned has to be"),
        ({"finish_within_seconds": 0}, "time to finish within in seconds has to be"),
        ({"breaker_errors": 0}, "errors in a row has to be from 1 to"),
        ({"breaker_errors": "many"}, "errors in a row"),
        ({"default_priority": 1_000_001}, "from -1000000 to 1000000"),
        ({"default_priority": -1_000_001}, "from -1000000 to 1000000"),
        ({"unique_references": "EVER"}, "rule for unique references"),
        ({"description": "x" * 1001}, "at most 1000"),
        ({"json_schema": "{"}, "is no JSON"),
        ({"json_schema": "[1]"}, "has to be a JSON object"),
        ({"json_schema": "x" * 100_001}, "at most 100000"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        checked(QueueRules(**rules))


@pytest.mark.parametrize(
    "rules",
    [
        {"lease_seconds": 30, "breaker_errors": 1, "finish_within_seconds": 1, "keep_done_days": 1},
        {"default_priority": -1_000_000, "json_schema": "{}", "description": "x" * 1000},
        {},
    ],
)
def test_rules_at_their_limits_are_fine(rules: dict[str, Any]) -> None:
    assert checked(QueueRules(**rules)) == QueueRules(**rules)
