"""One run as its directory: what its robot host wrote, seen from the scheduler.

Owns reading and asking: who owns the run, what the robot wrote so far, how it ended, and the request to stop. Works
the same for a run that this process started and for one found after a restart. Knows no database and starts nothing.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from OpenOrchestrator.common.private_files import make_folder
from OpenOrchestrator.scheduler.host import robot_session, run_files
from OpenOrchestrator.scheduler.processes.marked_processes import find_marked, kill_all
from OpenOrchestrator.scheduler.processes.process_identity import Sight, process_identity, sight_of

_READ_BYTES = 4 * 1024 * 1024
_REMOVE_PATIENCE = 2.0
_PASS_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class HostInfo:
    """Who owns a run.

    Attributes:
        host_pid: Process id of the robot host.
        host_started: Its start as ``psutil.Process.create_time`` gives it, seconds since the epoch.
        identity: What tells this process from others of the same id; None if its system could not tell.
        robot_pid: Process id of the robot, or None while it has not been started.
        started_at: When the robot was started, aware UTC, or None.
    """

    host_pid: int
    host_started: float
    identity: str | None
    robot_pid: int | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExitInfo:
    """How a run ended.

    Attributes:
        exit_code: Exit status of the robot; negative signal number on POSIX; None when it was never started.
        signal: Name of the signal that ended it, or None.
        ended_at: When the robot had ended, aware UTC.
        timed_out: Whether it ran out of time and was stopped for that.
        stopped: The reason it was asked to stop for, or None when it ended by itself.
        output_error: Why its output is incomplete, or None. (A cut at the limit is no error; it is in the output.)
        error: Why no robot was started, or None.
        survivors: Processes of the run that could not be ended.
        asked_at: When it was asked to come to an end by itself, aware UTC; None if it was not.
        ended: What it took then: the words of ``robot_stop``.
    """

    exit_code: int | None
    signal: str | None
    ended_at: datetime
    timed_out: bool = False
    stopped: str | None = None
    output_error: str | None = None
    error: str | None = None
    survivors: tuple[int, ...] = ()
    asked_at: datetime | None = None
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """A piece of what a robot wrote.

    Attributes:
        sequence: Number of the record in its run, from 1.
        written_at: When, aware UTC.
        stream: ``stdout`` or ``stderr``.
        text: Redacted text, at most 16,000 characters.
        cut: On the record that says so, how many bytes are missing at this place; otherwise None.
    """

    sequence: int
    written_at: datetime
    stream: str
    text: str
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The directory of one run. Any number of processes may look at it at the same time.

    Attributes:
        path: The directory; its name is the id of the job.
    """

    path: Path

    @property
    def job_id(self) -> UUID:
        """The job this run belongs to."""
        return UUID(self.path.name)

    @classmethod
    def create(cls, workspace: Path, job_id: UUID) -> RunDirectory:
        """Make the directory for the only run of a job, readable for this user alone, with room for its exit.

        Args:
            workspace: Root of the workspace; made if missing.
            job_id: The job.

        Raises:
            FileExistsError: The job has, or had, a run. It must not get a second one.
            OSError: The disk is full or not writable. Nothing is left behind.
        """
        path = run_root(workspace) / str(job_id)
        make_folder(path.parent)
        path.mkdir(mode=0o700)
        run = cls(path)
        try:
            run_files.reserve_exit(path)
        except OSError:
            run.remove()
            raise
        return run

    def read_host(self) -> HostInfo | None:
        """Return who owns the run, or None if its launcher died before it had written that (then no robot started).

        Raises:
            OSError: The file is there and cannot be read.
        """
        content = run_files.read_json(self.path / run_files.HOST_FILE)
        if content is None:
            return None
        started_at = content.get("started_at")
        return HostInfo(
            host_pid=content["host_pid"],
            host_started=content["host_started"],
            identity=content.get("identity"),
            robot_pid=content.get("robot_pid"),
            started_at=None if started_at is None else datetime.fromisoformat(started_at),
        )

    def write_host(self, pid: int) -> dict[str, Any]:
        """Record the process that will own the run, before it is allowed to start a robot.

        Args:
            pid: The robot host, alive and a child of this process.

        Returns:
            What was written; the host writes it again, with the robot.

        Raises:
            OSError: The disk is full or not writable.
            psutil.NoSuchProcess: The host died at once.
        """
        content = {
            "host_pid": pid,
            "host_started": psutil.Process(pid).create_time(),
            "identity": process_identity(pid),
        }
        run_files.write_json(self.path / run_files.HOST_FILE, content)
        return content

    def read_exit(self) -> ExitInfo | None:
        """Return how the run ended, or None while it has not.

        Raises:
            OSError: The file is there and cannot be read.
        """
        content = run_files.read_json(self.path / run_files.EXIT_FILE)
        if content is None:
            return None
        return ExitInfo(
            exit_code=content.get("exit_code"),
            signal=content.get("signal"),
            ended_at=datetime.fromisoformat(content["ended_at"]),
            timed_out=bool(content.get("timed_out")),
            stopped=content.get("stopped"),
            output_error=content.get("output_error"),
            error=content.get("error"),
            survivors=tuple(content.get("survivors") or ()),
            asked_at=_instant(content.get("asked_at")),
            ended=content.get("ended"),
        )

    def read_asked(self) -> datetime | None:
        """Return when the host asked the robot to come to an end by itself, aware UTC; None if it did not.

        Raises:
            OSError: The file is there and cannot be read.
        """
        return _instant((run_files.read_json(self.path / run_files.ASKED_FILE) or {}).get("asked_at"))

    def read_output(self, offset: int = 0) -> tuple[list[OutputRecord], int]:
        """Return the records from a place in the output on, and the place to continue from.

        At most about 4 MB a call; when the returned place equals the given one, there is nothing new. A record that
        is being written is not returned yet. A line that is no record (a disk that lost power) is passed over.

        Args:
            offset: 0, or what an earlier call returned.

        Raises:
            OSError: The output is there and cannot be read.
        """
        try:
            with (self.path / run_files.OUTPUT_FILE).open("rb") as file:
                file.seek(offset)
                data = file.read(_READ_BYTES)
        except FileNotFoundError:
            return [], offset
        complete = data[: data.rfind(b"\n") + 1]
        records = [record for line in complete.split(b"\n") if (record := _parse_record(line)) is not None]
        return records, offset + len(complete)

    def request_stop(self, reason: str, grace: float) -> None:
        """Ask the host to stop the robot: softly first, then by killing everything. Asking again may shorten that.

        Args:
            reason: Stored with the exit of the run; the first reason counts.
            grace: Seconds between the soft stop and the kill; 0 kills at once.

        Raises:
            OSError: The disk is full or the directory is gone.
        """
        run_files.write_json(self.path / run_files.STOP_FILE, {"reason": reason, "grace": grace})

    def keep_log(self, content: dict[str, Any]) -> None:
        """Keep an Error message about this run that is not stored yet.

        Raises:
            OSError: The disk is full or the directory is gone.
        """
        run_files.write_json(self.path / run_files.KEPT_LOG_FILE, content)

    def kept_log(self) -> dict[str, Any] | None:
        """Return the message that is kept, None without any.

        Raises:
            OSError: It is there and cannot be read.
        """
        return run_files.read_json(self.path / run_files.KEPT_LOG_FILE)

    def drop_log(self) -> None:
        """Keep that message no longer.

        Raises:
            OSError: It cannot be deleted.
        """
        (self.path / run_files.KEPT_LOG_FILE).unlink(missing_ok=True)

    def host_alive(self) -> bool:
        """Whether the process that owns the run still lives; another process with the same id does not count.

        Of one that was started in another container or boot only the mark in its environment can be looked for.

        Raises:
            OSError: Who owns it cannot be read.
        """
        host = self.read_host()
        if host is None:
            return False
        sight = sight_of(host.host_pid, host.identity)
        return sight is Sight.ALIVE or (sight is Sight.UNKNOWN and bool(self.leftovers()))

    def leftovers(self) -> list[psutil.Process]:
        """Return all living processes of this run, the host included.

        Those that carry its mark in their environment, those in the session of its robot, and those below them. Looks
        at every process of the machine twice (some 20 ms each). Not found is what has left the session and the mark
        and lost its parent.
        """
        marked = {process.pid: process for process in find_marked(run_files.JOB_VARIABLE, self.path.name)}
        for pid in robot_session.members(self._read_session(), beside=marked) - marked.keys():
            with contextlib.suppress(psutil.NoSuchProcess):
                marked[pid] = psutil.Process(pid)
        return list(marked.values())

    def kill_leftovers(self) -> list[int]:
        """End all processes of this run that ``leftovers`` finds, the host included, without grace.

        For a run whose host is gone; a living host is better asked with ``request_stop``, because it records the end.

        Returns:
            Ids of those that are still there after five seconds.
        """
        return kill_all(self.leftovers)

    def _read_session(self) -> object:
        try:
            return (run_files.read_json(self.path / run_files.HOST_FILE) or {}).get("session")
        except OSError:
            # Then the mark has to do.
            return None

    def remove(self) -> bool:
        """Delete the directory, once the run is settled.

        Waits a moment for a host that is about to end and still has a file open, which Windows minds.

        Returns:
            Whether it is gone.
        """
        give_up_at = time.monotonic() + _REMOVE_PATIENCE
        while True:
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return True
            if time.monotonic() >= give_up_at:
                return False
            time.sleep(_PASS_PAUSE)


def run_root(workspace: Path) -> Path:
    """Return the folder in a workspace that holds the run directories."""
    return workspace / "runs"


def find_runs(workspace: Path) -> list[RunDirectory]:
    """Return the runs that have a directory in this workspace, ended or not, oldest first."""
    try:
        found = [path for path in run_root(workspace).iterdir() if _is_job_id(path.name) and path.is_dir()]
    except FileNotFoundError:
        return []
    return [RunDirectory(path) for path in sorted(found, key=_modified)]


def _parse_record(line: bytes) -> OutputRecord | None:
    try:
        content = json.loads(line)
        return OutputRecord(
            sequence=content["n"],
            written_at=datetime.fromisoformat(content["t"]),
            stream=content["s"],
            text=content["x"],
            cut=content.get("cut"),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _is_job_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
