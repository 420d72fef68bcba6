"""A database with triggers, jobs, queues and schedulers in every state, for tests and for looking at screens."""

from __future__ import annotations

import random
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common.clock import Clock, SystemClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import (
    Base,
    Constant,
    Job,
    JobOutput,
    Log,
    QueueElement,
    QueueTrigger,
    ScheduledTrigger,
    Scheduler,
    SingleTrigger,
    SiteSetting,
)
from OpenOrchestrator.database.schema.revisions import head_revision
from OpenOrchestrator.database.statuses import Access, JobStatus, LogLevel, QueueStatus, TriggerStatus, UsedKind
from OpenOrchestrator.database.stores import uses

ZONE = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 23, 7, 12, tzinfo=timezone.utc)
"""Monday 23 November 2026, 08:12 in Copenhagen."""


def empty_database(url: str, clock: Clock) -> Database:
    """Return a new database with all tables, stamped, in Copenhagen's time."""
    database = Database(url, clock=clock, create=True, patience_seconds=1)
    Base.metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": head_revision()})
        connection.execute(sa.insert(SiteSetting).values(name="timezone", value="Europe/Copenhagen"))
    return database


def site(instant: datetime) -> datetime:
    return instant.astimezone(ZONE).replace(tzinfo=None)


def add_trigger(database: Database, kind: type[Any], **values: Any) -> UUID:
    """Store a trigger and return its id; everything that is not given has a plain value."""
    given = {
        "trigger_name": "Invoices",
        "process_name": "finance/invoices",
        "process_path": "C:\\robots\\invoices\\main.py",
        "process_args": "",
        "is_git_repo": False,
        "is_blocking": True,
        "process_status": TriggerStatus.IDLE,
        **values,
    }
    trigger = kind(id=values.get("id", uuid4()), **{key: value for key, value in given.items() if key != "id"})
    trigger_id = trigger.id

    def work(session: Any) -> UUID:
        session.add(trigger)
        return trigger_id

    return database.write(work)


def add_jobs(database: Database, trigger_id: UUID, name: str, outcomes: str, *, last: datetime, **values: Any) -> None:
    """Store one job for each letter (d done, f failed, t timed out, l lost, k killed, r running), an hour apart."""
    letters = {
        "d": JobStatus.DONE,
        "f": JobStatus.FAILED,
        "t": JobStatus.TIMED_OUT,
        "l": JobStatus.LOST,
        "k": JobStatus.KILLED,
        "r": JobStatus.RUNNING,
        "s": JobStatus.STARTING,
    }
    given = {"process_name": "finance/invoices", "scheduler_name": "RPA-VM-01", **values}
    jobs = []
    for number, letter in enumerate(outcomes):
        start = last - timedelta(hours=len(outcomes) - 1 - number)
        status = letters[letter]
        ended = status not in (JobStatus.RUNNING, JobStatus.STARTING)
        jobs.append(
            Job(
                id=uuid4(),
                trigger_id=trigger_id,
                trigger_name=name,
                status=status,
                start_time=site(start),
                started_at=start,
                end_time=site(start + timedelta(minutes=4)) if ended else None,
                exit_code=None if not ended else 0 if status is JobStatus.DONE else 1,
                reason=None if status is JobStatus.DONE or not ended else "The robot ended with exit code 1.",
                commit_sha="a41f9c27be02d1e0a41f9c27be02d1e0a41f9c27",
                **given,
            )
        )
    database.write(lambda session: session.add_all(jobs))


def fill(database: Database, now: datetime) -> None:
    """Store the triggers, jobs, queues, logs and schedulers of a site on a Monday morning."""
    rows: list[tuple[str, str, str | None, TriggerStatus, int, list[str], str, timedelta, timedelta | None]] = [
        (
            "Fakturafordeling",
            "finance/fakturafordeling",
            "0 6-17 * * 1-5",
            TriggerStatus.FAILED,
            10,
            ["RPA-VM-01", "RPA-VM-03"],
            "ddddfddfdffff",
            timedelta(minutes=12),
            timedelta(minutes=48),
        ),
        (
            "Debitoropfølgning",
            "finance/debitor",
            "0 22 * * *",
            TriggerStatus.FAILED,
            0,
            ["RPA-VM-03"],
            "dddddddddddfff",
            timedelta(hours=10),
            timedelta(hours=14),
        ),
        (
            "Skolefravær ugebreve",
            "skole/fravaer-breve",
            "0 5 * * 1",
            TriggerStatus.PAUSING,
            -1,
            ["RPA-VM-08"],
            "ddddddkddddddd",
            timedelta(hours=3, minutes=6),
            timedelta(days=7),
        ),
        (
            "Flytteanmeldelser til folkeregister",
            "borger/flytning",
            "*/30 * * * *",
            TriggerStatus.PAUSED,
            0,
            [],
            "dddddddddfffff",
            timedelta(hours=12),
            timedelta(hours=-11),
        ),
        (
            "Bankafstemning",
            "finance/bankafstemning",
            "30 5 * * 1-5",
            TriggerStatus.RUNNING,
            0,
            ["RPA-VM-02"],
            "dddddddddddddr",
            timedelta(hours=2, minutes=41),
            timedelta(hours=21),
        ),
        (
            "Sygefravær til refusion",
            "loen/sygefravaer",
            "0 7 * * *",
            TriggerStatus.RUNNING,
            0,
            ["RPA-VM-05"],
            "dddddddddddddr",
            timedelta(hours=1, minutes=8),
            timedelta(hours=23),
        ),
        (
            "Lønkontrol",
            "loen/kontrol",
            "0 6 * * *",
            TriggerStatus.RUNNING,
            10,
            ["RPA-VM-06"],
            "dddddfddddfdfr",
            timedelta(hours=2),
            timedelta(hours=22),
        ),
        (
            "Journalisering af bopælsattester",
            "borger/bopaelsattest",
            "30 8,13 * * *",
            TriggerStatus.IDLE,
            0,
            ["RPA-VM-07"],
            "ddddddddddddll",
            timedelta(hours=9),
            timedelta(minutes=18),
        ),
        (
            "Månedsafslutning kontrol",
            "finance/maanedskontrol",
            "30 7 LW * *",
            TriggerStatus.IDLE,
            10,
            ["økonomi-gui"],
            "dddddddddddddd",
            timedelta(days=26),
            timedelta(minutes=-42),
        ),
        (
            "ERP password rotation",
            "drift/password-rotation",
            "0 2 1 * *",
            TriggerStatus.IDLE,
            -1,
            ["RPA-VM-01"],
            "ddddddddddkddd",
            timedelta(days=22),
            timedelta(days=8),
        ),
    ]
    for name, process, expression, status, priority, where, outcomes, ago, ahead in rows:
        assert ahead is not None
        _add_trigger_with_jobs(
            database,
            ScheduledTrigger,
            outcomes,
            now - ago,
            trigger_name=name,
            process_name=process,
            process_status=status,
            cron_expr=expression,
            next_run=site(now + ahead),
            due_at=now + ahead,
            priority=priority,
            scheduler_whitelist=where,
        )
    queues = [
        (
            "Aktindsigt dispatcher",
            "jura/aktindsigt",
            "aktindsigt-bilag",
            TriggerStatus.RUNNING,
            "dddtdddtddtdtr",
            timedelta(minutes=51),
            ["RPA-VM-04"],
        ),
        (
            "Fakturaer indgående",
            "finance/faktura-indlaes",
            "fakturaer-indgående",
            TriggerStatus.RUNNING,
            "ddddddfdddddds",
            timedelta(minutes=4),
            ["RPA-VM-03", "RPA-VM-04"],
        ),
        (
            "Bopælsattester",
            "borger/bopaelsattest",
            "bopælsattester",
            TriggerStatus.IDLE,
            "dddddddddddddd",
            timedelta(minutes=1),
            [],
        ),
    ]
    for name, process, queue, status, outcomes, ago, where in queues:
        _add_trigger_with_jobs(
            database,
            QueueTrigger,
            outcomes,
            now - ago,
            trigger_name=name,
            process_name=process,
            process_status=status,
            queue_name=queue,
            min_batch_size=1,
            scheduler_whitelist=where,
        )
        _fill_queue(database, queue, now)
    add_trigger(
        database,
        SingleTrigger,
        trigger_name="Genindlæsning af CVR-stamdata",
        process_name="finance/cvr-stamdata",
        next_run=site(now + timedelta(hours=12, minutes=48)),
        priority=-1,
    )
    schedulers = [
        Scheduler(
            machine_name=f"RPA-VM-0{number}",
            last_update=site(now - (timedelta(hours=9, minutes=12) if number == 7 else timedelta(seconds=3))),
            heartbeat_at=now - (timedelta(hours=9, minutes=12) if number == 7 else timedelta(seconds=3)),
            version="4.0.0",
            slots=32,
            running_jobs=1,
            host_name=f"rpa-vm-0{number}.kommune.example",
            latest_trigger="Lønkontrol",
            latest_trigger_time=site(now - timedelta(hours=2)),
        )
        for number in range(1, 9)
    ]
    constants = [Constant(name="ERP address", value="https://erp.kommune.example", changed_at=site(now))]
    database.write(lambda session: session.add_all([*schedulers, *constants]))
    _fill_logs(database, now)
    _fill_uses(database, site(now).date())


def _fill_uses(database: Database, today: date) -> None:
    constant, queue = ("ERP address", UsedKind.CONSTANT), ("fakturaer-indgående", UsedKind.QUEUE)
    used = {
        uses.Use(kind, name, process, access): today - timedelta(days=ago)
        for (name, kind), process, access, ago in (
            (constant, "finance/cvr-stamdata", Access.READ, 0),
            (constant, "finance/invoices", Access.READ, 3),
            (constant, "A process that is run by hand", Access.WRITE, 40),
            (queue, "finance/invoices", Access.READ, 0),
            (queue, "finance/cvr-stamdata", Access.READ, 1),
            (queue, "A process that is run by hand", Access.WRITE, 2),
        )
    }
    database.change_aside(lambda connection: uses.find_missing(connection, used), uses.note)


def _add_trigger_with_jobs(database: Database, kind: type[Any], outcomes: str, last: datetime, **values: Any) -> None:
    """Store a trigger that ran last at an instant, with the outcomes of its runs as for ``add_jobs``."""
    trigger = add_trigger(database, kind, last_run=site(last), **values)
    scheduler = (values["scheduler_whitelist"] or ["RPA-VM-02"])[0]
    process = values["process_name"]
    add_jobs(
        database, trigger, values["trigger_name"], outcomes, last=last, process_name=process, scheduler_name=scheduler
    )


def _fill_queue(database: Database, queue: str, now: datetime) -> None:
    rng = random.Random(queue)
    elements = []
    for number in range(60):
        status = rng.choices(list(QueueStatus), weights=(4, 1, 10, 1, 1))[0]
        created = now - timedelta(minutes=5 * number)
        elements.append(
            QueueElement(
                queue_name=queue,
                status=status,
                reference=f"2026-{118800 + number}",
                data=f'{{"faktura": {{"nummer": "2026-{118800 + number}", "beløb": {rng.randint(100, 90000)}}}}}',
                created_date=site(created),
                start_date=site(created + timedelta(minutes=1)) if status is not QueueStatus.NEW else None,
                end_date=site(created + timedelta(minutes=2))
                if status.name in ("DONE", "FAILED", "ABANDONED")
                else None,
                message="CVR-nummer 00000000 findes ikke i stamdata" if status is QueueStatus.FAILED else None,
                created_by="Fakturaer indgående",
            )
        )
    database.write(lambda session: session.add_all(elements))


def _fill_logs(database: Database, now: datetime) -> None:
    def work(session: Any) -> None:
        jobs = session.scalars(sa.select(Job).order_by(Job.start_time.desc()).limit(12)).all()
        for number, job in enumerate(jobs):
            for line in range(6):
                bad = job.status is JobStatus.FAILED and line == 5
                text = (
                    'Traceback (most recent call last):\n  File "robot/main.py", line 41, in run\n    handle(element)\n'
                    "ErpLogonError: Password has expired for user RPA_FIN (code 182)"
                    if bad
                    else f"Element 2026-{118800 + number * 6 + line} fordelt til afdeling 4120"
                )
                session.add(
                    Log(
                        log_time=job.start_time + timedelta(seconds=20 * line),
                        log_level=LogLevel.ERROR if bad else LogLevel.INFO if line % 2 else LogLevel.TRACE,
                        process_name=job.process_name,
                        job_id=job.id,
                        log_message=text,
                    )
                )
                session.add(
                    JobOutput(
                        job_id=job.id,
                        sequence=line + 1,
                        stream="stderr" if bad else "stdout",
                        written_at=now - timedelta(seconds=60 - line),
                        text=text + "\n",
                    )
                )

    database.write(work)


def main(path: str) -> None:
    """Make a sample database as of now: ``python -m tests.ui.sample sample.db``."""
    Path(path).unlink(missing_ok=True)
    clock = SystemClock()
    database = empty_database(f"sqlite+pysqlite:///{path}", clock)
    fill(database, clock.utc_now())
    database.close()


__all__ = ["NOW", "ZONE", "add_jobs", "add_trigger", "empty_database", "fill", "site"]

if __name__ == "__main__":
    main(sys.argv[1])
