"""Reads the books out of a database after a run. Changes nothing."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from benchmarks.chaos import tables
from benchmarks.chaos.books import Books, ElementRow, JobRow, TriggerRow
from benchmarks.chaos.workload import ZONE

LOG_PREFIX = "chaos "


def read_books(engine: sa.Engine) -> Books:
    """Read all rows that the books are about."""
    with engine.connect() as connection:
        elements = connection.execute(
            sa.select(
                tables.ELEMENTS.c.id,
                tables.ELEMENTS.c.status,
                tables.ELEMENTS.c.reference,
                tables.ELEMENTS.c.message,
                tables.ELEMENTS.c.job_id,
            )
        ).all()
        jobs = connection.execute(sa.select(tables.JOBS)).all()
        triggers = connection.execute(
            sa.select(
                tables.TRIGGERS.c.id,
                tables.TRIGGERS.c.trigger_name,
                tables.TRIGGERS.c.type,
                tables.TRIGGERS.c.process_status,
                tables.TRIGGERS.c.max_jobs,
                tables.TRIGGERS.c.retry_times,
                tables.TRIGGERS.c.pools,
            )
        ).all()
        pools = connection.execute(sa.select(tables.POOLS.c.name, tables.POOLS.c.size)).all()
        outputs: dict[UUID, str] = defaultdict(str)
        output = sa.select(tables.OUTPUT.c.job_id, tables.OUTPUT.c.text)
        for job_id, text in connection.execute(output.order_by(tables.OUTPUT.c.job_id, tables.OUTPUT.c.sequence)):
            outputs[job_id] += text
        messages = sa.select(tables.LOGS.c.log_message).where(tables.LOGS.c.log_message.like(f"{LOG_PREFIX}%"))
        logged = Counter(connection.execute(messages).scalars())
    return Books(
        elements={row.id: ElementRow(row.id, row.status, row.reference, row.message, row.job_id) for row in elements},
        jobs={
            row.id: JobRow(
                id=row.id,
                status=row.status,
                scheduler=row.scheduler_name,
                trigger_id=row.trigger_id,
                due_at=row.due_at,
                reason=row.reason,
                began=_epoch(row.start_time),
                ended=None if row.end_time is None else _epoch(row.end_time),
                attempt=row.attempt,
                retry_of=row.retry_of,
                retry_number=row.retry_number or 0,
            )
            for row in jobs
        },
        triggers={
            row.id: TriggerRow(
                id=row.id,
                name=row.trigger_name,
                type=row.type,
                status=row.process_status,
                max_jobs=row.max_jobs or 1,
                retry_times=row.retry_times or 0,
                pools=json.loads(row.pools or "{}"),
            )
            for row in triggers
        },
        outputs=outputs,
        logged=logged,
        pools={row.name: row.size for row in pools},
    )


def _epoch(at: datetime) -> float:
    return at.replace(tzinfo=ZONE).timestamp()
