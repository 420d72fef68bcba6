"""SQL for lists of log messages: what a filter means, and walks along the index that fits it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from OpenOrchestrator.orchestrator.backend.search import contains
from OpenOrchestrator.orchestrator.backend.tables import JOBS, LOGS

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.logs.backend.logs import Cursor, LogQuery

KEYS = (LOGS.c.log_time, LOGS.c.id)

MOST_COMBINATIONS = 24
"""Of several levels, processes, jobs and elements, that are walked along one by one."""


def between(bounds: tuple[datetime | None, datetime | None]) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a message was written between two moments; None is open."""
    start, end = bounds
    conditions: list[sa.ColumnElement[bool]] = []
    if start is not None:
        conditions.append(LOGS.c.log_time >= start)
    if end is not None:
        conditions.append(LOGS.c.log_time <= end)
    return conditions


def beyond(query: LogQuery) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a message lies beyond the cursor of a query, if it has one."""
    if query.before is not None:
        return past(query.before, forward=False)
    return past(query.after, forward=True) if query.after is not None else []


def past(cursor: Cursor, *, forward: bool) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a message is newer (forward) or older than a cursor."""
    if forward:
        return [LOGS.c.log_time >= cursor.time, sa.or_(LOGS.c.log_time > cursor.time, LOGS.c.id > cursor.id)]
    return [LOGS.c.log_time <= cursor.time, sa.or_(LOGS.c.log_time < cursor.time, LOGS.c.id < cursor.id)]


def up_to(stop: Cursor, *, forward: bool) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a message lies before the end of a walk that is newer (forward) or older, or is it."""
    if forward:
        return [LOGS.c.log_time <= stop.time, sa.or_(LOGS.c.log_time < stop.time, LOGS.c.id <= stop.id)]
    return [LOGS.c.log_time >= stop.time, sa.or_(LOGS.c.log_time > stop.time, LOGS.c.id >= stop.id)]


def matching(query: LogQuery) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of the filters of a query."""
    conditions: list[sa.ColumnElement[bool]] = []
    if query.levels:
        conditions.append(LOGS.c.log_level.in_(query.levels))
    if query.processes:
        names = LOGS.c.process_name
        conditions.append(names.not_in(query.processes) if query.not_processes else names.in_(query.processes))
    if query.jobs:
        conditions.append(LOGS.c.job_id.in_(query.jobs))
    if query.elements:
        conditions.append(LOGS.c.element_id.in_(query.elements))
    conditions += tried(query)
    return conditions


def tried(query: LogQuery) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that no index answers: each message that the others leave has to be tried."""
    conditions: list[sa.ColumnElement[bool]] = []
    if query.text:
        conditions.append(contains(LOGS.c.log_message, query.text))
    if query.schedulers:
        job = sa.select(sa.literal(1)).where(JOBS.c.id == LOGS.c.job_id, JOBS.c.scheduler_name.in_(query.schedulers))
        there = job.correlate(LOGS).exists()
        conditions.append(sa.not_(there) if query.not_schedulers else there)
    return conditions


def ordered(
    query: LogQuery, conditions: list[sa.ColumnElement[bool]], most: int, *, descending: bool
) -> sa.Select[Any]:
    """Return the query of the first messages that match.

    Args:
        query: Its filters; its cursors do not count.
        conditions: What has to hold besides.
        most: At most so many.
        descending: The newest first.
    """

    def order(columns: Any) -> list[Any]:
        return [columns[key.name].desc() if descending else columns[key.name].asc() for key in KEYS]

    common = [*conditions, *tried(query)]
    if query.processes and query.not_processes:
        common.append(LOGS.c.process_name.not_in(query.processes))
    # One walk along an index for each combination: for several values at once databases read everything and sort it.
    axes: list[list[sa.ColumnElement[bool]]] = []
    if query.levels:
        axes.append([LOGS.c.log_level == level for level in query.levels])
    if query.processes and not query.not_processes:
        axes.append([LOGS.c.process_name == name for name in query.processes])
    if query.jobs:
        axes.append([LOGS.c.job_id == job for job in query.jobs])
    if query.elements:
        axes.append([LOGS.c.element_id == element for element in query.elements])
    combinations = list(product(*axes))
    if len(combinations) > MOST_COMBINATIONS:
        return (
            sa.select(LOGS)
            .where(*common, *matching(replace(query, text="", schedulers=())))
            .order_by(*order(LOGS.c))
            .limit(most)
        )
    if len(combinations) == 1:
        return sa.select(LOGS).where(*common, *combinations[0]).order_by(*order(LOGS.c)).limit(most)
    parts = [
        sa.select(sa.select(LOGS).where(*common, *each).order_by(*order(LOGS.c)).limit(most).subquery())
        for each in combinations
    ]
    together = sa.union_all(*parts).subquery()
    return sa.select(together).order_by(*order(together.c)).limit(most)
