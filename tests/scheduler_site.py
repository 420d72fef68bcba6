"""A site for tests of the scheduler: a database, a folder of robots, and daemons as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psutil
import sqlalchemy as sa

from OpenOrchestrator.common.crypto_util import generate_key
from OpenOrchestrator.common.settings import setting_names
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import (
    Job,
    JobOutput,
    Log,
    QueueElement,
    QueueTrigger,
    ScheduledTrigger,
    SingleTrigger,
    Trigger,
)
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, TriggerStatus

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 30.0
JOB_VARIABLE = "OPENORCHESTRATOR_JOB"

T = TypeVar("T")

_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), nullable=False))


def wait_for(
    what: str, look: Callable[[], T | None], *, seconds: float = PATIENCE_SECONDS, context: Callable[[], str] = str
) -> T:
    """Look until there is an answer that counts as true, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}\n{context()}")
        time.sleep(0.02)


class Daemon:
    """A scheduler as users start it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def await_line(self, words: str, *, seconds: float = PATIENCE_SECONDS) -> None:
        wait_for(f"the line {words!r}", lambda: words in self.log, seconds=seconds, context=lambda: self.log)

    def await_up(self) -> Daemon:
        def is_up() -> bool:
            assert self.process.poll() is None or "works on" in self.log, self.log
            return "works on" in self.log

        wait_for("the scheduler", is_up, context=lambda: self.log)
        return self

    def await_end(self, *, seconds: float = PATIENCE_SECONDS) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the scheduler did not end within {seconds:g} s\n{self.log}") from None

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


class Site:
    """A database made for one test, with robots and schedulers that end with it.

    Args:
        database: Has all tables.
        folder: Empty.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.key = generate_key().decode()
        self.workspace = folder / "workspace"
        self.daemons: list[Daemon] = []
        with database.connection(writing=True) as connection:
            _VERSION.create(connection, checkfirst=True)
            connection.execute(sa.delete(_VERSION))
            connection.execute(sa.insert(_VERSION).values(version_num=revisions.head_revision()))

    def close(self) -> None:
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        for process in self.robot_processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        with self.database.connection(writing=True) as connection:
            _VERSION.drop(connection)
        self.database.close()

    # What is in it

    def robot(self, name: str, code: str, *, ours: bool = False) -> str:
        """Write a robot, one that uses the OpenOrchestrator under test if ``ours``, and return its path."""
        path = self.folder / f"{name}.py"
        find_ours = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n" if ours else ""
        path.write_text(find_ours + textwrap.dedent(code), encoding="utf-8")
        return str(path)

    def gated_robot(self, name: str, gate: str, *, code: int = 0) -> str:
        """Write a robot that notes its start in ``<name>.started`` and stays until the file ``gate`` is there."""
        return self.robot(
            name,
            f"""
            import os, sys, time
            with open("{name}.started", "a") as file:
                file.write(f"{{os.getpid()}} {{sys.argv[-1]}}\\n")
            print("waiting", flush=True)
            deadline = time.monotonic() + 60
            while not os.path.exists("{gate}") and time.monotonic() < deadline:
                time.sleep(0.02)
            print("through the gate", flush=True)
            sys.exit({code})
            """,
        )

    def starts(self, name: str) -> list[str]:
        """Return a line "<pid> <job id>" for each start of a gated robot."""
        path = self.folder / f"{name}.started"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def open(self, gate: str) -> None:
        (self.folder / gate).touch()

    def single(self, name: str, path: str, *, due_in: float = -1, **values: Any) -> UUID:
        due = datetime.now(timezone.utc) + timedelta(seconds=due_in)
        next_run = due.astimezone(self.database.zone).replace(tzinfo=None)
        return self._add(SingleTrigger(**self._common(name, path, values), next_run=next_run, due_at=due))

    def scheduled(self, name: str, path: str, *, cron: str = "* * * * *", due_in: float = -1, **values: Any) -> UUID:
        due = datetime.now(timezone.utc) + timedelta(seconds=due_in)
        next_run = due.astimezone(self.database.zone).replace(tzinfo=None)
        return self._add(
            ScheduledTrigger(**self._common(name, path, values), cron_expr=cron, next_run=next_run, due_at=due)
        )

    def queue(self, name: str, path: str, queue_name: str, *, min_batch_size: int = 1, **values: Any) -> UUID:
        return self._add(
            QueueTrigger(**self._common(name, path, values), queue_name=queue_name, min_batch_size=min_batch_size)
        )

    def elements(self, queue_name: str, count: int) -> list[UUID]:
        """Add new elements to a queue."""
        elements = [QueueElement(queue_name=queue_name, reference=str(number)) for number in range(count)]
        self.database.write(lambda session: session.add_all(elements))
        return [element.id for element in elements]

    def jobs(self, trigger_name: str | None = None) -> Sequence[Job]:
        query = sa.select(Job).order_by(Job.start_time, Job.id)
        if trigger_name is not None:
            query = query.where(Job.trigger_name == trigger_name)
        return self.database.read(lambda session: session.scalars(query).all())

    def job(self, trigger_name: str) -> Job:
        (job,) = self.jobs(trigger_name)
        return job

    def await_job(self, trigger_name: str, *statuses: JobStatus, seconds: float = PATIENCE_SECONDS) -> Job:
        """Wait until the only job of a trigger has one of these statuses, or has ended if none is given."""

        def look() -> Job | None:
            jobs = self.jobs(trigger_name)
            assert len(jobs) < 2, [(job.status, job.reason) for job in jobs]
            if jobs and (jobs[0].status in statuses if statuses else jobs[0].status not in ACTIVE_JOB_STATUSES):
                return jobs[0]
            return None

        return wait_for(f"the job of {trigger_name!r}", look, seconds=seconds, context=self.state)

    def await_start(self, name: str, count: int = 1) -> None:
        """Wait until a gated robot runs and its scheduler knows that."""
        wait_for(f"start {count} of {name}", lambda: len(self.starts(name)) >= count, context=self.state)

    def status(self, trigger_id: UUID) -> TriggerStatus:
        query = sa.select(Trigger.process_status).where(Trigger.id == trigger_id)
        return self.database.read(lambda session: session.scalars(query).one())

    def set_status(self, trigger_id: UUID, status: TriggerStatus) -> None:
        update = sa.update(Trigger).where(Trigger.id == trigger_id).values(process_status=status)
        self.database.write(lambda session: session.execute(update))

    def output(self, job_id: UUID, stream: str | None = None) -> str:
        query = sa.select(JobOutput).where(JobOutput.job_id == job_id).order_by(JobOutput.sequence)
        records = self.database.read(lambda session: session.scalars(query).all())
        text = "".join(record.text for record in records if stream in (None, record.stream))
        return text.replace("\r\n", "\n") if sys.platform == "win32" else text

    def errors(self, process_name: str) -> list[Log]:
        query = sa.select(Log).where(Log.process_name == process_name).order_by(Log.log_time)
        return list(self.database.read(lambda session: session.scalars(query).all()))

    def robot_processes(self) -> list[psutil.Process]:
        """Return all living processes, hosts included, of the runs of this site."""
        ids = {str(job.id) for job in self.jobs()}
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(JOB_VARIABLE) in ids and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def state(self) -> str:
        """Return all that helps to understand a failure."""
        lines = [f"{job.trigger_name}: {job.status} {job.reason} {job.exit_code}" for job in self.jobs()]
        return "\n".join(lines + [daemon.log for daemon in self.daemons])

    # Schedulers

    def environment(self, **more: str) -> dict[str, str]:
        hidden = {name.upper() for name in setting_names().values()}
        inherited = {name: value for name, value in os.environ.items() if name.upper() not in hidden}
        return {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
            "OpenOrchestratorConnString": self.database.connection_string,
            "OpenOrchestratorKey": self.key,
            "OpenOrchestratorWorkspace": str(self.workspace),
            **more,
        }

    def daemon(
        self,
        *options: str,
        name: str = "worker",
        within: Sequence[str] = (),
        log: int | None = None,
        **environment: str,
    ) -> Daemon:
        """Start a scheduler without waiting for it.

        Args:
            options: Of the command.
            name: Of the scheduler.
            within: A command that starts it.
            log: A descriptor for its log lines instead of a file.
            environment: More variables.
        """
        path = self.folder / f"scheduler{len(self.daemons)}.log"
        with path.open("wb") as stream:
            process = subprocess.Popen(
                [
                    *within,
                    *(sys.executable, "-m", "OpenOrchestrator", "s", "--name", name, "--poll-interval", "0.2"),
                    *options,
                ],
                cwd=self.folder,
                env=self.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream if log is None else log,
                start_new_session=True,
            )
        daemon = Daemon(process, path)
        self.daemons.append(daemon)
        return daemon

    def once(self, *options: str, seconds: float = PATIENCE_SECONDS, **environment: str) -> Daemon:
        """Let a scheduler start what is due and wait for its end."""
        daemon = self.daemon("--once", *options, **environment)
        daemon.await_end(seconds=seconds)
        return daemon

    def call(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command of ours with pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "OpenOrchestrator", *words],
            cwd=self.folder,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def _common(self, name: str, path: str, values: dict[str, Any]) -> dict[str, Any]:
        return {
            "trigger_name": name,
            "process_name": f"process {name}",
            "process_path": path,
            "process_args": "",
            "is_git_repo": False,
            "is_blocking": False,
            "process_status": TriggerStatus.IDLE,
            **values,
        }

    def _add(self, trigger: Trigger) -> UUID:
        self.database.write(lambda session: session.add(trigger))
        return trigger.id
