"""The demo as people start it: a process with its scheduler, its robots and a git repository, watched from outside."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import psutil
import pytest
import sqlalchemy as sa

import OpenOrchestrator
from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, QueueElement, Scheduler, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus

T = TypeVar("T")

LONG_ENOUGH = 20
PATIENCE = 30.0


@dataclass
class Demo:
    """A demo that runs, and what can be seen of it from outside."""

    folder: Path
    process: subprocess.Popen[str]
    output_file: Path
    errors: str = ""
    databases: list[Database] = field(default_factory=list)

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self.output_file.read_text(encoding="utf-8")

    @property
    def database(self) -> Database:
        if not self.databases:
            self.databases.append(Database(f"sqlite+pysqlite:///{(self.folder / 'demo.db').as_posix()}"))
        return self.databases[0]

    def rows(self, query: sa.Select[tuple[T]]) -> list[T]:
        return list(self.database.read(lambda session: session.scalars(query).all()))

    def scheduler(self) -> psutil.Process:
        """Wait for the demo's scheduler to be at work, and return its process."""
        (row,) = wait_for(lambda: self.rows(sa.select(Scheduler).where(Scheduler.pid.is_not(None))))
        assert row.pid is not None
        return psutil.Process(row.pid)

    def app(self) -> psutil.Process:
        """Wait for the demo's app to answer, and return its process."""
        wait_for(lambda: self.app_processes() and self.health() == 200)
        return self.app_processes()[0]

    def app_processes(self) -> list[psutil.Process]:
        """Return the process that listens on the port of the newest link, if it is one of this demo's."""
        found = []
        for process in processes_of(self):
            with suppress(psutil.Error):
                ports = [
                    each.laddr.port for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN
                ]
                if self.links() and self.port in ports:
                    found.append(process)
        return found

    @property
    def port(self) -> int:
        """The port of the newest link."""
        match = re.search(r":(\d+)/", self.links()[-1])
        assert match
        return int(match[1])

    def links(self) -> list[str]:
        """Return the links that the app has printed, the newest last."""
        log = self.folder / "admin-app.log"
        return re.findall(r"(http://\S+/enter\?token=\S+)\s", log.read_text(encoding="utf-8")) if log.exists() else []

    def health(self) -> int:
        """Return what the app answers to monitors; 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def finish(self, seconds: float = PATIENCE) -> int:
        _, self.errors = self.process.communicate(timeout=seconds)
        return self.process.returncode

    def close(self) -> None:
        for database in self.databases:
            database.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=PATIENCE)


def wait_for(look: Callable[[], T]) -> T:
    """Return the first result that is something, while files and tables may not be there yet."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if found := look():
                return found
        except DatabaseError:
            pass
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)


def can_bind(listener: socket.socket, port: int) -> bool:
    """Take a port if nobody has it."""
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def start(folder: Path, *options: str) -> Demo:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().startswith(("openorchestrator", "nicegui_", "pytest_"))
    }
    data = str(folder.with_name(f"{folder.name} data"))
    environment |= {"XDG_DATA_HOME": data, "LOCALAPPDATA": data}
    output = folder.with_name(f"{folder.name} output.txt")
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "OpenOrchestrator", "demo", "--folder", str(folder), *options],
            cwd=Path(OpenOrchestrator.__file__).parent.parent,
            env=environment
            | {"OpenOrchestratorWhitelistedOnly": "true", "PYTHONUTF8": "1"},  # the first must not reach it
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            creationflags=subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0,
            start_new_session=sys.platform != "win32",
        )
    return Demo(folder, process, output)


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Start demos that are ended with the test."""
    started: list[Demo] = []

    def begin(*options: str) -> Demo:
        started.append(start(tmp_path / f"demo {len(started)}", *options))
        return started[-1]

    yield begin
    for demo in started:
        demo.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Demo]]:
    """Two demos that ran side by side to their end."""
    folder = tmp_path_factory.mktemp("demos")
    both = start(folder / "first", "--for", str(LONG_ENOUGH)), start(folder / "second", "--for", str(LONG_ENOUGH))
    for demo in both:
        demo.finish(LONG_ENOUGH + PATIENCE)
    yield both
    for demo in both:
        demo.close()


def processes_of(demo: Demo) -> list[psutil.Process]:
    """Return all processes that have the demo's folder in their arguments, or work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            places = [*process.cmdline(), process.cwd()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(demo.folder) in place for place in places):
            found.append(process)
    return found


def test_two_demos_side_by_side_both_succeed(pair: tuple[Demo, Demo]) -> None:
    for demo in pair:
        assert demo.process.returncode == 0, demo.errors + demo.output
        assert "Every example robot succeeded." in demo.output


def test_each_robot_has_run_and_the_queue_is_worked_through(pair: tuple[Demo, Demo]) -> None:
    for demo in pair:
        jobs = demo.rows(sa.select(Job))
        assert {job.trigger_name for job in jobs} == {"Order report", "Order worker", "Order intake"}
        assert {job.status for job in jobs} == {JobStatus.DONE}
        triggers = {trigger.trigger_name: trigger.process_status for trigger in demo.rows(sa.select(Trigger))}
        assert triggers == {
            "Order report": TriggerStatus.IDLE,
            "Order worker": TriggerStatus.IDLE,
            "Order intake": TriggerStatus.DONE,
        }
        elements = demo.rows(sa.select(QueueElement))
        assert len(elements) == 24
        assert [e.reference for e in elements if e.status is not QueueStatus.DONE] == ["P-004"]


def test_the_git_robot_ran_at_the_commit_of_its_repository(pair: tuple[Demo, Demo]) -> None:
    demo = pair[0]
    head = subprocess.run(
        ["git", "-C", str(demo.folder / "order_intake"), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (job,) = demo.rows(sa.select(Job).where(Job.trigger_name == "Order intake"))
    assert job.commit_sha == head
    assert head[:12] in demo.output


def test_the_output_tells_what_happened_in_plain_lines(pair: tuple[Demo, Demo]) -> None:
    for text in (
        "Order report: Info: The corner shop:",
        "Order worker: Error: P-004: Jens ordered nothing.",
        "Order intake: Info: Put 12 orders into the queue.",
        "Order worker: Done after",
        "Queue Orders: 23 Done, 1 Failed",
    ):
        assert text in pair[0].output
    assert "\x1b" not in pair[0].output


def test_no_secret_is_shown_or_kept_in_a_log(pair: tuple[Demo, Demo]) -> None:
    for demo in pair:
        settings = (demo.folder / ".env").read_text(encoding="utf-8")
        key = re.search(r"OpenOrchestratorKey='([^']+)'", settings)
        assert key
        log = (demo.folder / "scheduler.log").read_text(encoding="utf-8")
        app_log = (demo.folder / "admin-app.log").read_text(encoding="utf-8")
        for text in (demo.output, demo.errors, log, app_log):
            assert key[1] not in text
            assert "correct horse" not in text
        assert "works on sqlite" in log


def test_nothing_of_a_demo_is_left_running(pair: tuple[Demo, Demo]) -> None:
    for demo in pair:
        assert processes_of(demo) == []


def test_it_says_how_to_go_on_and_that_works(pair: tuple[Demo, Demo]) -> None:
    demo = pair[0]
    command = re.search(r'^  (?P<python>.+) -m OpenOrchestrator run "(?P<trigger>[^"]+)"', demo.output, re.MULTILINE)
    assert command
    named = command["python"].strip('"')
    python = sys.executable if named == "python" else named
    done = subprocess.run(
        [python, "-m", "OpenOrchestrator", "run", command["trigger"]],
        cwd=demo.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_app_shows_the_demo_to_whoever_opens_its_link(demos: Callable[..., Demo]) -> None:
    demo = demos("--no-browser")
    demo.app()
    wait_for(lambda: f"works once: {demo.links()[-1]}" in demo.output)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    first = demo.links()[-1]
    with opener.open(first, timeout=PATIENCE) as answer:
        assert answer.status == 200
        assert "OpenOrchestrator" in answer.read().decode("utf-8")
    # It is used: whoever comes without a session gets the next one.
    stranger = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    stranger.addheaders = [("Accept", "text/html")]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        stranger.open(urllib.parse.urljoin(first, "/"), timeout=PATIENCE)
    wait_for(lambda: len(demo.links()) > 1 and f"works once: {demo.links()[-1]}" in demo.output)
    demo.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
    assert demo.finish() == 0


def test_an_app_that_cannot_start_makes_the_demo_fail_and_say_so(demos: Callable[..., Demo], tmp_path: Path) -> None:
    (tmp_path / "demo 0 data").write_text("in the way of what the app keeps")
    demo = demos("--for", "60")
    assert demo.finish() == 1
    assert "The admin app ended by itself" in demo.errors
    assert "admin-app.log" in demo.errors
    assert processes_of(demo) == []


def test_an_app_that_dies_makes_the_demo_fail_and_say_so(demos: Callable[..., Demo]) -> None:
    demo = demos("--for", "60")
    demo.app().kill()
    assert demo.finish() == 1
    assert "The admin app ended by itself" in demo.errors


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that makes a process stand still")
def test_an_app_that_stands_still_makes_the_demo_fail_and_say_so(demos: Callable[..., Demo]) -> None:
    demo = demos("--for", "4")
    app = demo.app()
    app.suspend()
    assert demo.finish(2 * PATIENCE) == 1
    assert "The admin app does not answer." in demo.errors
    assert not app.is_running()


def test_a_port_that_is_taken_makes_way_for_the_next(demos: Callable[..., Demo]) -> None:
    with socket.socket() as taken:
        if sys.platform != "win32":
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_for(lambda: can_bind(taken, 34538))  # another test's demo may still have it
        taken.listen()
        demo = demos("--no-browser")
        demo.app()
        assert demo.port != 34538


def test_ctrl_c_stops_the_scheduler_and_the_app_and_says_where_the_files_are(demos: Callable[..., Demo]) -> None:
    demo = demos()
    scheduler = demo.scheduler()
    app = demo.app()
    demo.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
    assert demo.finish() == 0
    assert not scheduler.is_running()
    assert not app.is_running()
    assert str(demo.folder) in demo.output
    assert "Traceback" not in demo.output + demo.errors
    assert processes_of(demo) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends the console's programs at the second Ctrl+Break")
def test_a_second_ctrl_c_does_not_wait_for_a_robot_without_end(demos: Callable[..., Demo]) -> None:
    demo = demos()
    app = demo.app()
    robot = demo.folder / "endless.py"
    robot.write_text("import time\nwhile True:\n    time.sleep(1)\n")
    trigger = SingleTrigger(
        id=uuid4(),
        trigger_name="Endless",
        process_name="endless",
        process_path=str(robot),
        process_args="",
        process_status=TriggerStatus.IDLE,
        is_git_repo=False,
        is_blocking=False,
        next_run=datetime(2026, 1, 1),
    )
    demo.database.write(lambda session: session.add(trigger))
    runs = sa.select(Job).where(Job.trigger_name == "Endless", Job.status == JobStatus.RUNNING)
    wait_for(lambda: demo.rows(runs))
    demo.process.send_signal(signal.SIGINT)
    wait_for(lambda: not app.is_running())
    assert demo.rows(runs), "the scheduler waits for it"
    demo.process.send_signal(signal.SIGINT)
    assert demo.finish() == 0
    assert "The scheduler was killed before it had stopped, and its robots with it." in demo.errors
    wait_for(lambda: not processes_of(demo))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process could receive")
def test_a_request_to_end_stops_the_scheduler_as_well(demos: Callable[..., Demo]) -> None:
    demo = demos("--for", "60")
    scheduler = demo.scheduler()
    demo.process.terminate()
    assert demo.finish() == 130
    assert not scheduler.is_running()


def test_an_element_that_fails_makes_the_demo_fail_and_say_so(demos: Callable[..., Demo]) -> None:
    demo = demos("--for", "8")
    last = sa.select(QueueElement).where(QueueElement.reference == "P-012")
    wait_for(lambda: demo.rows(last))
    spoil = sa.update(QueueElement).where(QueueElement.reference == "P-012").values(data="broken")
    demo.database.write(lambda session: session.execute(spoil))
    assert demo.finish() == 1
    assert 'Elements in the queue "Orders": 2 Failed instead of 1.' in demo.errors
    assert 'Elements in the queue "Orders": 22 Done instead of 23.' in demo.errors
    assert "succeeded" not in demo.output


def test_a_scheduler_that_dies_makes_the_demo_fail_and_say_so(demos: Callable[..., Demo]) -> None:
    demo = demos("--for", "60")
    demo.scheduler().kill()
    assert demo.finish() == 1
    assert "The scheduler ended by itself" in demo.errors
    assert "scheduler.log" in demo.errors


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    demo = start(tmp_path, "--for", "5")
    assert demo.finish() == 1
    assert "not empty" in demo.errors
    assert "Traceback" not in demo.errors
