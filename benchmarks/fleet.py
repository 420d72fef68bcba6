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
from collections.abc import Callable, Iterator
from contextlib import suppress
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
    """

    statements: tuple[tuple[str, Any], ...]
    connections: int
    polls: float
    ours: bool
    seconds: float


class _Start:
    """Lets all processes of a fleet begin at once, when all of them are connected.

    Args:
        context: Makes what processes share.
    """

    def __init__(self, context: Any) -> None:
        self._ready = context.Semaphore(0)
        self._begin = context.Value("d", 0.0)
        self._is_set = context.Event()

    def wait(self) -> float:
        """Say that this process is ready, and return when to begin, on the clock of all processes (``time.time``)."""
        self._ready.release()
        self._is_set.wait()
        return float(self._begin.value)

    def await_all(self) -> None:
        """Return when all processes are ready."""
        for _ in range(_PROCESSES):
            self._ready.acquire()

    def set(self, begin: float) -> None:
        """Tell all processes when to begin."""
        self._begin.value = begin
        self._is_set.set()


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


def _work(target: Target, plan: _Plan, start: _Start, results: Any) -> None:
    """Be one process of the fleet: a thread for each connection."""
    database = Database(target.url, pool_size=_CLAIMING_CONNECTIONS)
    trigger_claims.due_triggers(database, scheduler_name="fleet")  # loads what the first poll loads
    times: list[float] = []
    counts: list[int] = []
    errors: list[str] = []
    connections: list[Any] = []

    def note_error(error: Exception) -> None:
        errors.append(f"{type(error).__name__}: {error}"[:200])

    try:
        connections += (target.raw() for _ in range(plan.connections))
    except Exception as error:  # noqa: BLE001  (every error counts against the figure)
        note_error(error)
    begin = start.wait()

    def poll_on(connection: Any) -> None:
        try:
            counts.append(_poll_on(connection, plan, begin, database, times))
        except Exception as error:  # noqa: BLE001  (as above)
            note_error(error)

    threads = [threading.Thread(target=poll_on, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    results.put((times, sum(counts), errors))


def _poll_on(connection: Any, plan: _Plan, begin: float, database: Database, times: list[float]) -> int:
    """Poll over one connection until the time is over, claim what is due, and return how many polls that were."""
    identity = Identity(f"fleet {uuid.uuid4()}")
    zone = database.zone
    connection.autocommit = False
    cursor = connection.cursor()
    interval = 1 / plan.polls
    wanted = begin + random.uniform(0, interval)
    polls = 0

    def note(begun: float) -> None:
        if time.time() > begin + _WARM_UP_SECONDS:
            times.append((time.perf_counter() - begun) * 1000)

    while wanted < begin + plan.seconds:
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


def _server(target: Target) -> psutil.Process | None:
    """Return the main process of the database's server; None if it runs on another machine."""
    connection = target.raw()
    (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    try:
        backend = psutil.Process(pid)
        return backend.parent() if backend.name() == "postgres" else None
    except psutil.NoSuchProcess:
        return None
    finally:
        connection.close()


def _seconds_of(server: psutil.Process | None) -> float:
    """Return the processor time of a server's processes so far; 0 if it runs elsewhere."""
    spent = 0.0
    for process in () if server is None else (server, *server.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def _run(target: Target, plan: _Plan, create: Callable[[float], None]) -> tuple[list[float], float, float, list[str]]:
    """Return the milliseconds of each claim, polls per second, used cores of the server, and errors."""
    context = multiprocessing.get_context("spawn")
    results, start = context.Queue(), _Start(context)
    workers = [context.Process(target=_work, args=(target, plan, start, results)) for _ in range(_PROCESSES)]
    for worker in workers:
        worker.start()
    start.await_all()
    begin = time.time() + _LEAD_SECONDS
    create(begin)
    start.set(begin)
    # Connections that close take their processor time with them: look while all are open.
    time.sleep(max(0.0, begin + 0.2 - time.time()))
    server = _server(target)
    begun, spent = time.monotonic(), _seconds_of(server)
    time.sleep(max(0.0, begin + plan.seconds - 0.7 - time.time()))
    cores = (_seconds_of(server) - spent) / (time.monotonic() - begun)
    collected = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    times = [one for found, _, _ in collected for one in found]
    polls = sum(count for _, count, _ in collected) / plan.seconds
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

        def create(begin: float) -> None:
            _create(database, make, begin, count)  # noqa: B023  (called before the next turn)
            target.run("ANALYZE")

        plan = _Plan(statements, connections, polls, ours=make == "ours", seconds=seconds)
        measured[make] = _run(target, plan, create)
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
