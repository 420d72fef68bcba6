"""The triggers that match, as a CSV file: their settings, their state and when they run, some hundred at a time.

The generator blocks: run it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.missed_runs import MissedRuns
from OpenOrchestrator.common.schedules import ClosedDays
from OpenOrchestrator.database.attention import NEXT_RUN
from OpenOrchestrator.database.statuses import RobotEnvironment, TriggerStatus
from OpenOrchestrator.database.stores.overlap import most_jobs
from OpenOrchestrator.database.stores.pools import readable
from OpenOrchestrator.database.stores.trigger_places import desktop_of
from OpenOrchestrator.database.stores.trigger_rows import missed_policy
from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger
from OpenOrchestrator.orchestrator.backend import csv_format
from OpenOrchestrator.orchestrator.backend.csv_format import moment
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.triggers.backend.rows import joined, waiting_retry
from OpenOrchestrator.orchestrator.triggers.backend.setting_columns import set_elements_per_job

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

ROWS_AT_ONCE = 200

TRIGGER_HEAD = (
    "Trigger",
    "Process",
    "Type",
    "Status",
    "Schedule",
    "Queue",
    "Batch size",
    "Next run",
    "Last run",
    "Schedulers",
    "Blocking",
    "Priority",
    "Path",
    "Git branch",
    "Arguments",
    "Time-out in seconds",
    "Id",
    "Time zone",
    "Calendar",
    "On closed days",
    "Missed runs",
    "Missed within seconds",
    "Missed at most",
    "Environment",
    "Entry",
    "Retries",
    "Next retry",
    "Pools",
    "Stop asks for seconds",
    "Stop terminates for seconds",
    "Labels",
    "Desktop",
    "Jobs",
    "Elements per job",
)

_C: Any = ScheduledTrigger.__table__
_Q: Any = QueueTrigger.__table__


def triggers(database: Database, ids: Sequence[UUID]) -> Iterator[bytes]:
    """Return triggers as a file, in the order of their ids; those that are gone by then are left out.

    Args:
        database: Where they are.
        ids: As ``TriggersBackend.ids`` returned them.

    Raises:
        DatabaseError: If the database is lost on the way; what was given so far is no whole file.
    """
    yield csv_format.beginning(TRIGGER_HEAD)
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[start : start + ROWS_AT_ONCE]
        query = _QUERY.where(_T.c.id.in_(some))
        found = {row.id: row for row in database.read(lambda session: session.execute(query).all())}  # noqa: B023
        zone = database.zone
        yield csv_format.encode(_cells(found[each], zone) for each in some if each in found)


_QUERY = sa.select(
    _T.c.id,
    _T.c.trigger_name,
    _T.c.process_name,
    _T.c.type,
    sa.cast(_T.c.process_status, sa.String(50)).label("status"),
    _C.c.cron_expr,
    _Q.c.queue_name,
    _Q.c.min_batch_size,
    NEXT_RUN.label("next_run"),
    _T.c.last_run,
    _T.c.scheduler_whitelist,
    _T.c.is_blocking,
    _T.c.priority,
    _T.c.process_path,
    _T.c.git_branch,
    _T.c.process_args,
    _T.c.timeout_seconds,
    _C.c.timezone,
    _C.c.calendar,
    _C.c.closed_days,
    _C.c.missed,
    _C.c.missed_within_seconds,
    _C.c.missed_most,
    _T.c.environment,
    _T.c.entry,
    _T.c.retry_times,
    _T.c.retry_at,
    _T.c.retry_number,
    _T.c.retry_of,
    _T.c.retry_last_run,
    _T.c.pools,
    _T.c.stop_soft_seconds,
    _T.c.stop_terminate_seconds,
    _T.c.labels,
    _T.c.desktop,
    _T.c.max_jobs,
    _Q.c.elements_per_job,
).select_from(joined())


def _cells(row: Any, zone: tzinfo) -> tuple[str | None, ...]:
    status = TriggerStatus.__members__.get(row.status)
    retry = waiting_retry(row)
    return (
        row.trigger_name,
        row.process_name,
        row.type.value,
        row.status if status is None else status.value,
        row.cron_expr,
        row.queue_name,
        "" if row.min_batch_size is None else str(row.min_batch_size),
        moment(row.next_run),
        moment(row.last_run),
        ", ".join(row.scheduler_whitelist or ()),
        "Yes" if row.is_blocking else "No",
        str(row.priority),
        row.process_path,
        row.git_branch,
        row.process_args,
        "" if row.timeout_seconds is None else str(row.timeout_seconds),
        str(row.id),
        row.timezone,
        row.calendar,
        None if row.calendar is None else (row.closed_days or ClosedDays.SKIP.name).lower(),
        *_missed_cells(row),
        (row.environment or RobotEnvironment.OWN.name).lower(),
        row.entry,
        str(row.retry_times or ""),
        moment(None if retry is None else retry.at.astimezone(zone).replace(tzinfo=None)),
        _pools(row.pools),
        str(row.stop_soft_seconds or ""),
        "" if row.stop_terminate_seconds is None else str(row.stop_terminate_seconds),
        ", ".join(row.labels or ()),
        desktop_of(row.is_blocking, row.desktop).value,
        str(most_jobs(row.type, row.max_jobs)),
        str(set_elements_per_job(row.elements_per_job) or ""),
    )


def _missed_cells(row: Any) -> tuple[str, str, str]:
    if row.cron_expr is None:
        return "", "", ""
    policy = missed_policy(row.missed, row.missed_within_seconds, row.missed_most)
    within = "" if policy.within_seconds is None or policy.run is MissedRuns.SKIP else str(policy.within_seconds)
    return policy.run.value, within, str(policy.most) if policy.run is MissedRuns.EACH else ""


def _pools(text: str | None) -> str | None:
    amounts = readable(text)
    return text if amounts is None else ", ".join(f"{pool}: {amount}" for pool, amount in amounts)
