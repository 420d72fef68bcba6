"""A fleet: what a claim takes while 1,000 schedulers poll one database once a second, and whether anything runs twice.

A thousand of our polls a second would measure this machine's Python. So most polls are sent by the driver alone, with
the very statements that one of ours was seen to send; who sees by them that something is due polls and claims it with
the product's functions.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import psutil
import sqlalchemy as sa

from benchmarks.databases import Target
from benchmarks.report import Figure
from OpenOrchestrator.common.cron import to_site
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.stores import triggers as trigger_store

LIMIT_MS = 50
MOST_CONNECTIONS = 250
DUE_PER_SECOND = 20
_PROCESSES = 2
_ROOM_FOR_OTHERS = 15
_CLAIMING_CONNECTIONS = 12  # of each process
_LEAD_SECONDS = 3.0
_WARM_UP_SECONDS = 2.0

RAW_CLAIM = """WITH claimed AS (UPDATE "Triggers" SET process_status = 'RUNNING', last_run = now()
        WHERE id = (SELECT id FROM "Triggers" WHERE id = %(trigger_id)s AND process_status = 'IDLE'
            FOR UPDATE SKIP LOCKED) RETURNING id, trigger_name)
    INSERT INTO "Jobs" (id, process_name, scheduler_name, status, start_time, trigger_id, trigger_name, due_at,
        attempt, fence, owner, lease_until)
    SELECT %(id)s, 'fleet', %(name)s, 'STARTING', now(), id, trigger_name, %(due_at)s, 1, 1, %(id)s,
        now() + interval '30 seconds' FROM claimed RETURNING id"""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What each process of a fleet does.

    Attributes:
        statements: SQL and parameters of one poll.
        polls: How many polls a second over each connection.
        ours: Whether claims are ours or raw.
        begin: When to begin, on the clock of all processes (``time.time``).
    """

    statements: tuple[tuple[str, Any], ...]
    connections: int
    polls: float
    ours: bool
    begin: float
    seconds: float


def _statements_of_a_poll(database: Database) -> tuple[tuple[str, Any], ...]:
    """Return what one of our polls sends to the database."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, dict(parameters)))

    trigger_claims.due_triggers(database, scheduler_name="fleet")
    sa.event.listen(database.engine, "before_cursor_execute", note)
    trigger_claims.due_triggers(database, scheduler_name="fleet")
    sa.event.remove(database.engine, "before_cursor_execute", note)
    return tuple(sent)


def _work(target: Target, plan: _Plan, number: int, results: Any) -> None:
    """Be one process of the fleet: a thread for each connection."""
    database = Database(target.url, pool_size=_CLAIMING_CONNECTIONS)
    trigger_claims.due_triggers(database, scheduler_name="fleet")  # loads what the first poll loads
    times: list[float] = []
    counts: list[int] = []
    errors: list[str] = []

    def poll_on() -> None:
        try:
            counts.append(_poll_on(target, plan, database, times))
        except Exception as error:  # noqa: BLE001  (every error counts against the figure)
            errors.append(f"{type(error).__name__}: {error}"[:200])

    threads = [threading.Thread(target=poll_on) for _ in range(plan.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    results.put((number, times, sum(counts), errors))


def _poll_on(target: Target, plan: _Plan, database: Database, times: list[float]) -> int:
    """Poll over one connection until the time is over, claim what is due, and return how many polls that were."""
    identity = Identity(f"fleet {uuid.uuid4()}")
    zone = database.zone
    connection = target.raw()
    connection.autocommit = False
    cursor = connection.cursor()
    interval = 1 / plan.polls
    wanted = plan.begin + random.uniform(0, interval)
    polls = 0

    def note(begun: float) -> None:
        if time.time() > plan.begin + _WARM_UP_SECONDS:
            times.append((time.perf_counter() - begun) * 1000)

    while wanted < plan.begin + plan.seconds:
        time.sleep(max(0.0, wanted - time.time()))
        wanted += interval
        latest = to_site(datetime.now(timezone.utc), zone)
        due: list[Any] = []
        for statement, parameters in plan.statements:
            cursor.execute(statement, {**parameters, "latest": latest} if "latest" in parameters else parameters)
            rows = cursor.fetchall()
            due = due or [row for row in rows if isinstance(row[0], (uuid.UUID, str))]
        connection.rollback()
        polls += 1
        if not due:
            continue
        if plan.ours:
            found = trigger_claims.due_triggers(database, scheduler_name=identity.name).due
            begun = time.perf_counter()
            if found:
                trigger_claims.claim(database, identity, found)
                note(begun)
            continue
        begun = time.perf_counter()
        for row in due:
            values = {"trigger_id": row[0], "id": uuid.uuid4(), "name": identity.name, "due_at": latest}
            cursor.execute(RAW_CLAIM, values)
        connection.commit()
        note(begun)
    connection.close()
    return polls


def _create(database: Database, name: str, begin: float, count: int) -> None:
    first = datetime.fromtimestamp(begin, timezone.utc) + timedelta(seconds=0.5)

    def create(session: Any) -> None:
        for number in range(count):
            due = first + timedelta(seconds=number / DUE_PER_SECOND)
            trigger_store.create_single(
                session,
                trigger_name=f"{name} {number}",
                process_name="fleet",
                next_run=to_site(due, database.zone),
                due_at=due,
                process_path="main.py",
                process_args="",
                is_git_repo=False,
                is_blocking=False,
                priority=0,
            )

    database.write(create)


def _allowed_connections(target: Target) -> tuple[int, int]:
    """Return how many connections the fleet may poll over, and the server's ``max_connections``."""
    connection = target.raw()
    query = """SELECT current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"""
    most, reserved, used = connection.execute(query).fetchone()
    connection.close()
    free = most - reserved - used - _ROOM_FOR_OTHERS - _PROCESSES * _CLAIMING_CONNECTIONS
    return max(_PROCESSES, min(MOST_CONNECTIONS, free)), most


def _server_seconds() -> float:
    """Return the processor time of the database's processes on this machine so far; 0 if it runs elsewhere."""
    spent = 0.0
    for process in psutil.process_iter(["name", "cpu_times"]):
        if process.info["name"] == "postgres" and process.info["cpu_times"] is not None:
            spent += process.info["cpu_times"].user + process.info["cpu_times"].system
    return spent


def _run(target: Target, plan: _Plan) -> tuple[list[float], float, float, list[str]]:
    """Return the milliseconds of each claim, polls per second, used cores of the server, and errors."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_work, args=(target, plan, number, results)) for number in range(_PROCESSES)]
    for worker in workers:
        worker.start()
    # Connections that close take their processor time with them: look while all are open.
    time.sleep(max(0.0, plan.begin + 0.2 - time.time()))
    begun, spent = time.monotonic(), _server_seconds()
    time.sleep(max(0.0, plan.begin + plan.seconds - 0.7 - time.time()))
    cores = (_server_seconds() - spent) / (time.monotonic() - begun)
    collected = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    times = [one for _, found, _, _ in collected for one in found]
    polls = sum(count for _, _, count, _ in collected) / plan.seconds
    return times, polls, cores, [error for *_, found in collected for error in found]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def fleet(target: Target, *, schedulers: int, seconds: float) -> Iterator[Figure]:
    """Let a fleet poll while triggers fall due, first with raw claims and then with ours."""
    database = Database(target.url)
    statements = _statements_of_a_poll(database)
    allowed, most = _allowed_connections(target)
    connections = allowed // _PROCESSES
    polls = schedulers / (connections * _PROCESSES)
    measured: dict[str, tuple[list[float], float, float, list[str]]] = {}
    count = int((seconds - 1.5) * DUE_PER_SECOND)
    for make in ("raw", "ours"):
        begin = time.time() + _LEAD_SECONDS
        _create(database, make, begin, count)
        target.run("ANALYZE")
        plan = _Plan(statements, connections, polls, ours=make == "ours", begin=begin, seconds=seconds)
        measured[make] = _run(target, plan)
        # The next part begins without anything active.
        database.write(lambda session: session.execute(sa.update(Job).values(status="DONE")))
    each = sa.select(sa.func.count()).where(Job.trigger_name.like("ours %")).group_by(Job.trigger_id)
    jobs = database.read(lambda session: session.execute(each).scalars().all())
    database.close()
    (raw, raw_polls, raw_cores, raw_errors), (ours, our_polls, our_cores, errors) = measured["raw"], measured["ours"]
    what = f"{schedulers:,} schedulers poll once a second"
    over = f"{connections * _PROCESSES} connections x {polls:.1f} polls a second"
    if allowed < MOST_CONNECTIONS:
        over += f" (max_connections is {most})"
    outcome = f"{sum(jobs) - len(jobs)} duplicates, {count - len(jobs)} lost, {len(errors) + len(raw_errors)} errors"
    outcome += "".join(f" ({error})" for error in (errors + raw_errors)[:1])
    beside = "raw claim statement on the driver, same load"
    yield Figure(
        f"{what}: a claim", target.kind, "median ms", _percentile(ours, 50), _percentile(raw, 50), beside, over
    )
    p99 = _percentile(ours, 99)
    words = f"{'OVER the limit' if p99 > LIMIT_MS else 'limit'} {LIMIT_MS}; {outcome}"
    yield Figure(f"{what}: a claim", target.kind, "p99 ms", p99, _percentile(raw, 99), beside, words)
    note = f"{our_polls:,.0f} and {raw_polls:,.0f} polls a second; {DUE_PER_SECOND} triggers fall due in each"
    yield Figure(f"{what}: the server", target.kind, "cores", our_cores, raw_cores, "the part with raw claims", note)
