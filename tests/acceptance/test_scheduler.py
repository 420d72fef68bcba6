"""Scheduler, robots and database together, as a site runs them: on every kind of database where it matters."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from scheduler_site import Site, wait_for
from sqlalchemy.engine import make_url

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Credential, Job, QueueElement, Trigger
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus, TriggerStatus

ROBOT = """
    from OpenOrchestrator.database.queues import QueueStatus
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    connection = OrchestratorConnection.create_connection_from_args()
    connection.log_info(f"arguments {connection.process_arguments}")
    credential = connection.get_credential("mail")
    greeting = connection.get_constant("greeting").value
    connection.log_trace(f"{greeting} {credential.username} {len(credential.password)}")
    while element := connection.get_next_queue_element("orders"):
        print("element", element.reference, flush=True)
        connection.set_queue_element_status(element.id, QueueStatus.DONE, "worked")
    """


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    made = Site(Database(database.connection_string), tmp_path)
    yield made
    made.close()


def rows(site: Site, model: Any) -> list[Any]:
    return list(site.database.read(lambda session: session.scalars(sa.select(model)).all()))


def test_triggers_start_robots_that_work_with_the_database(site: Site) -> None:
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    credential = Credential(
        name="mail", username="robot", password=crypto_util.encrypt("s3cret", site.key), changed_at=now
    )
    constant = Constant(name="greeting", value="hej", changed_at=now)
    site.database.write(lambda session: session.add_all([credential, constant]))
    path = site.robot("worker", ROBOT, ours=True)
    ids = {
        "queue": site.queue("queue", path, "orders", process_args="æøå 日本"),
        "scheduled": site.scheduled("scheduled", path, cron="0 0 1 1 *"),
        "single": site.single("single", path),
    }
    site.elements("orders", 5)
    assert site.once(seconds=60).process.returncode == 0, site.state()
    assert {name: site.status(trigger_id) for name, trigger_id in ids.items()} == {
        "queue": TriggerStatus.IDLE,
        "scheduled": TriggerStatus.IDLE,
        "single": TriggerStatus.DONE,
    }
    for name in ids:
        job = site.job(name)
        assert (job.status, job.exit_code, job.attempt) == (JobStatus.DONE, 0, 1)
        assert job.host_pid is not None
        assert job.started_at is not None
        assert job.end_time is not None
        assert (job.due_at is None) is (name == "queue")
        logs = {log.log_message: log for log in site.errors(f"process {name}")}
        assert all(log.job_id == job.id for log in logs.values())
        assert set(logs) == {f"arguments {'æøå 日本' if name == 'queue' else ''}", "hej robot 6"}
    assert {element.status for element in rows(site, QueueElement)} == {QueueStatus.DONE}
    shown = "".join(site.output(site.job(name).id) for name in ids)
    assert sorted(shown.split()) == sorted(["element"] * 5 + list("01234"))
    (scheduled,) = [trigger for trigger in rows(site, Trigger) if trigger.id == ids["scheduled"]]
    assert (scheduled.next_run.month, scheduled.next_run.day, scheduled.next_run.hour) == (1, 1, 0)


def test_a_robot_that_fails_leaves_its_reason_everywhere(site: Site) -> None:
    code = """
        from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

        connection = OrchestratorConnection.create_connection_from_args()
        connection.get_next_queue_element("orders")
        raise RuntimeError(f"cannot go on with {connection.get_constant('nothing')}")
        """
    trigger_id = site.queue("queue", site.robot("broken", code, ours=True), "orders")
    site.elements("orders", 1)
    assert site.once(seconds=60).process.returncode == 1
    job = site.job("queue")
    assert (job.status, job.reason) == (
        JobStatus.FAILED,
        "OpenOrchestrator.common.errors.NotFoundError: No constant with name 'nothing' was found.",
    )
    assert site.status(trigger_id) is TriggerStatus.FAILED
    (message,) = [log for log in site.errors("process queue") if log.log_level is LogLevel.ERROR]
    assert message.job_id == job.id
    assert "Traceback" in message.log_message
    (element,) = rows(site, QueueElement)
    assert element.status is QueueStatus.ABANDONED
    assert "No constant with name 'nothing'" in element.message


def test_several_schedulers_start_each_trigger_once_and_recover_from_kill_9(site: Site) -> None:
    for number in range(12):
        site.single(f"trigger {number}", site.gated_robot(f"robot{number}", "gate"))
    first, second = (site.daemon("--max-jobs", "8", name=f"worker {number}") for number in range(2))
    wait_for(
        "all robots", lambda: sum(len(site.starts(f"robot{number}")) for number in range(12)) == 12, context=site.state
    )
    wait_for("their pids", lambda: all(job.host_pid for job in site.jobs()), context=site.state)
    first.kill()
    site.open("gate")
    third = site.daemon("--max-jobs", "8", name="worker 0")
    wait_for("all ends", lambda: all(job.status is JobStatus.DONE for job in site.jobs()), context=site.state)
    assert len(site.jobs()) == 12
    assert all(len(site.starts(f"robot{number}")) == 1 for number in range(12))
    for daemon in (second, third):
        daemon.stop()
        assert daemon.await_end() == 0


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.kinds("sqlite")
def test_robots_from_git_by_branch_tag_and_commit(site: Site) -> None:
    repository = site.folder / "repository"
    (repository / "src").mkdir(parents=True)
    git(repository, "init")
    commits = {}
    for name in ("first", "second", "third"):
        (repository / "src" / "main.py").write_text(f"import os; print('{name}', os.path.isfile('main.py'))")
        git(repository, "add", ".")
        git(repository, "commit", "-m", name)
        commits[name] = git(repository, "rev-parse", "HEAD")
        if name == "first":
            git(repository, "tag", "v1")
    git(repository, "branch", "old", commits["second"])
    url = repository.as_uri()
    wanted = {"head": (None, "third"), "tag": ("v1", "first"), "branch": ("old", "second")}
    wanted["commit"] = (commits["second"], "second")
    for name, (reference, _) in wanted.items():
        site.single(name, url, is_git_repo=True, git_branch=reference)
    site.single("no such branch", url, is_git_repo=True, git_branch="nowhere")
    site.once(seconds=60)
    for name, (_, expected) in wanted.items():
        job = site.job(name)
        assert job.status is JobStatus.DONE, site.state()
        assert site.output(job.id) == f"{expected} True\n"
        assert job.commit_sha == commits[expected]
    failed = site.job("no such branch")
    assert failed.status is JobStatus.FAILED
    assert "nowhere" in (failed.reason or "")


class Line:
    """A line to a server that can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accept()

    def cut(self) -> None:
        with suppress(OSError):  # wakes the thread that accepts; closing alone would let it accept once more
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accept()

    def _accept(self) -> None:
        listener = self._listener

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    server = socket.create_connection(self._server)
                    with self._lock:
                        self._ends += [client, server]
                    for pair in ((client, server), (server, client)):
                        threading.Thread(target=self._forward, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    @staticmethod
    def _forward(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def line_to(url: str) -> Iterator[tuple[Line, str]]:
    server = make_url(url)
    line = Line(server.host or "127.0.0.1", server.port or 5432)
    try:
        yield line, server.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    finally:
        line.cut()


@pytest.mark.kinds("postgresql")
def test_an_outage_of_the_database_costs_nothing(site: Site) -> None:
    with line_to(site.database.connection_string) as (line, url):
        site.single("across", site.gated_robot("across", "gate1", code=6))
        site.single("long", site.gated_robot("long", "gate2"))
        daemon = site.daemon(OpenOrchestratorConnString=url).await_up()
        for name in ("across", "long"):
            site.await_start(name)
            site.await_job(name, JobStatus.RUNNING)
        line.cut()
        site.open("gate1")  # ends while the database is away
        daemon.await_line("No contact with the database")
        daemon.await_line('"across" cannot be stored yet', seconds=60)
        site.single("new", site.robot("new", "print(1)"))
        assert site.job("across").status is JobStatus.RUNNING
        line.mend()
        daemon.await_line("In contact with the database again", seconds=60)
        assert site.await_job("across", JobStatus.FAILED).exit_code == 6
        site.await_job("new", JobStatus.DONE)
        assert "through the gate" in site.output(site.job("across").id)
        site.open("gate2")
        site.await_job("long", JobStatus.DONE)
        assert [len(site.starts(name)) for name in ("across", "long")] == [1, 1]
        daemon.stop()
        assert daemon.await_end() == 0
    assert len(rows(site, Job)) == 3
