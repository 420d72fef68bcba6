"""What settings of triggers are in columns: what NULL means there, and whether a column still holds what was read.

Owns no statement. Must not know the form, nor when anything is saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from OpenOrchestrator.common.missed_runs import DEFAULT_MOST, MissedPolicy, MissedRuns
from OpenOrchestrator.common.schedules import ClosedDays
from OpenOrchestrator.database.labels import without_mark
from OpenOrchestrator.database.lifecycle import retries
from OpenOrchestrator.database.lifecycle.failure_limit import DEFAULT_LIMIT
from OpenOrchestrator.database.statuses import (
    RETRIED_JOB_STATUSES,
    Desktop,
    RobotEnvironment,
    SecretPassing,
    WhenLost,
)
from OpenOrchestrator.database.stores.overlap import DEFAULT_MOST_JOBS, LARGEST_MOST_JOBS
from OpenOrchestrator.database.stores.trigger_places import NAMES_NOBODY
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T

_UNSET: Mapping[str, Any] = MappingProxyType(
    {
        "stop_soft_seconds": 0,
        "retry_times": 0,
        "retry_pause_seconds": 0,
        "retry_growth": 1.0,
        "retry_after": retries.written_ends(RETRIED_JOB_STATUSES),
        "when_lost": WhenLost.LEAVE.name,
        "pause_after_failures": DEFAULT_LIMIT,
        "missed": MissedRuns.ONCE.name,
        "missed_most": DEFAULT_MOST,
    }
)
"""What NULL means in columns where it means something."""


def set_elements_per_job(stored: int | None) -> int | None:
    """Return for how many elements a job stands, as it is set; None for a batch, which garbage means too."""
    return None if stored is None or stored < 1 else stored


def missed_values(policy: MissedPolicy) -> dict[str, Any]:
    """Return what a scheduled trigger does with missed runs, by column."""
    return {
        "missed": policy.run.name,
        "missed_within_seconds": policy.within_seconds,
        "missed_most": policy.most,
    }


def same(column: Any, value: Any) -> sa.ColumnElement[bool]:
    """Return the condition that a column still holds what was read; what reads the same counts as the same."""
    if column.name == "closed_days" and value is None:
        return sa.true()  # means nothing without a calendar, whatever an older row holds
    if column.name == "retry_after" and value == "":
        written: sa.ColumnElement[bool] = column == value
        return written  # NULL means all ends there, and an empty text none
    if column.name == "desktop" and value is None:
        # Where it is blocking, this says nothing; is_blocking is compared for itself.
        return sa.or_(_T.c.is_blocking == sa.true(), column.is_(None), column != Desktop.SCREEN.name)
    if column.name in ("max_jobs", "elements_per_job"):
        return _same_overlap(column, value)
    if value is None or value == "":
        unset: sa.ColumnElement[bool] = column.is_(None)
        return sa.or_(unset, column == "") if isinstance(column.type, sa.String) else unset
    if column.name == "secret_passing" and value == SecretPassing.AUTO.name:
        return sa.or_(column.is_(None), column == value, column.not_in(SecretPassing.__members__))
    if column.name == "closed_days" and value == ClosedDays.SKIP.name:
        return sa.or_(column.is_(None), column == value, column.not_in(ClosedDays.__members__))
    if column.name == "scheduler_whitelist" and not without_mark(value):
        return NAMES_NOBODY
    if column.name == "labels" and not value:
        return sa.or_(column.is_(None), column == [], sa.cast(column, sa.String(1200)) == "")
    if column.name in _UNSET and value == _UNSET[column.name]:
        return sa.or_(column.is_(None), column == value)
    if column.name == "environment" and value == RobotEnvironment.OWN.name:
        return sa.or_(column.is_(None), column == value, column.not_in(RobotEnvironment.__members__))
    if column.name == "keep_files" and not value:
        return sa.or_(column.is_(None), column == value)
    same: sa.ColumnElement[bool] = column == value
    return same


def _same_overlap(column: Any, value: int | None) -> sa.ColumnElement[bool]:
    if value is None:
        return sa.or_(column.is_(None), column < 1)
    if column.name == "max_jobs" and value == DEFAULT_MOST_JOBS:
        return sa.or_(column.is_(None), column <= value)
    is_most = column.name == "max_jobs" and value == LARGEST_MOST_JOBS
    same: sa.ColumnElement[bool] = column >= value if is_most else column == value
    return same
