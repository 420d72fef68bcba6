"""The machines of a run: each a real scheduler with a workspace and a link of its own, and the robots it started.

Owns starting and signalling these processes. Decides nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from benchmarks.chaos.links import Link
from OpenOrchestrator.common.settings import setting_names

ROOT = Path(__file__).parents[2]
JOB_VARIABLE = "OPENORCHESTRATOR_JOB"
_HOST_PROGRAM = "robot_host.py"


@dataclass(frozen=True, slots=True)
class RunProcess:
    """A process of a run.

    Attributes:
        pid: Its id.
        job_id: The job it carries the mark of.
        is_host: Whether it is the robot host, and not the robot or one of its children.
    """

    pid: int
    job_id: str
    is_host: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A scheduler that ended without having been killed.

    Attributes:
        at: When that was seen, seconds since the epoch.
        status: Its exit status.
        was_up: Whether it had begun to work.
        words: The end of its log.
        has_former: Whether an earlier one of its name that was replaced while it hung lives still. One has to end.
    """

    at: float
    machine: str
    status: int
    was_up: bool
    words: str
    has_former: bool = False


class Machine:
    """One scheduler's machine.

    Args:
        name: Of the scheduler.
        folder: Made for its workspace and logs.
        link: Its way to the database; None for a database that is a file.
        url: Connection string, which leads through the link.
        key: Crypto key.
        max_jobs: Robots at once.
    """

    def __init__(self, name: str, folder: Path, link: Link | None, *, url: str, key: str, max_jobs: int) -> None:
        self.name = name
        self.folder = folder
        self.link = link
        self.workspace = folder / "workspace"
        self.log = folder / "scheduler.log"
        folder.mkdir()
        hidden = {variable.upper() for variable in setting_names().values()}
        self._environment = {
            **{variable: value for variable, value in os.environ.items() if variable.upper() not in hidden},
            "PYTHONPATH": str(ROOT),
            "OpenOrchestratorConnString": url,
            "OpenOrchestratorKey": key,
            "OpenOrchestratorWorkspace": str(self.workspace),
        }
        self._command = [
            *(sys.executable, "-m", "OpenOrchestrator", "s", "--name", name, "--log-format", "json"),
            *("--max-jobs", str(max_jobs), "--on-stop", "wait"),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._former: list[subprocess.Popen[bytes]] = []
        self._log_began = 0
        self._was_up = False
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the scheduler; None if there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the scheduler; one that is hung stays beside it."""
        if self._process is not None:
            self._former.append(self._process)
        self._log_began = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1
        self._was_up = False

    def kill(self) -> None:
        """Kill -9 the scheduler; its robots go on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def kill_everything(self) -> list[str]:
        """Kill the scheduler, all robot hosts and all robots, as a power failure does; return their jobs."""
        self.kill()
        jobs = set()
        for process in self.processes():
            jobs.add(process.job_id)
            signal_process(process.pid, signal.SIGKILL)
        return sorted(jobs)

    def suspend(self) -> None:
        """Stop the scheduler's process where it is."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, and a former one that hangs too."""
        for process in [self._process, *self._former]:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """Ask all schedulers of this machine to end when their robots have ended."""
        for process in [self._process, *self._former]:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def await_end(self, deadline: float) -> bool:
        """Wait until they have ended, at most until then (monotonic); kill them otherwise and return False."""
        stopped = True
        for process in [self._process, *self._former]:
            if process is None:
                continue
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                stopped = False
        self._process, self._former = None, []
        return stopped

    def take_end(self) -> Ended | None:
        """Return how the scheduler ended if it did so by itself since the last call.

        If the one before it still lives, because a successor was refused, that is the scheduler again.
        """
        self._former = [process for process in self._former if process.poll() is None]
        if self._process is None or self._process.poll() is None:
            return None
        status, self._process = self._process.returncode, self._former.pop() if self._former else None
        self._was_up = self._process is not None
        text = self._last_words()
        return Ended(
            time.time(),
            self.name,
            status,
            was_up='"started_up"' in text,
            words=text[-600:].strip(),
            has_former=self._process is not None,
        )

    def is_up(self) -> bool:
        """Tell whether the scheduler works on the database."""
        if self._process is None:
            return False
        self._was_up = self._was_up or '"started_up"' in self._last_words()
        return self._was_up

    def memory(self) -> float:
        """Return the resident memory of the scheduler in MB; 0 if there is none."""
        with suppress(psutil.Error):
            if self._process is not None:
                return float(psutil.Process(self._process.pid).memory_info().rss) / 1e6
        return 0.0

    def processes(self) -> list[RunProcess]:
        """Return the living hosts and robots that belong to run directories of this machine, oldest job id first."""
        return [one for one in marked_processes() if (self.workspace / "runs" / one.job_id).exists()]

    def run_directories(self) -> list[str]:
        """Return the run directories that are there, and what is in them, as evidence."""
        root = self.workspace / "runs"
        found = []
        for path in sorted(root.iterdir()) if root.exists() else []:
            files = ", ".join(sorted(file.name for file in path.iterdir()))
            changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone().isoformat(timespec="milliseconds")
            found.append(f"{self.name}: {path.name}, last changed {changed}, holds {files or 'nothing'}")
        return found

    def events(self) -> Iterator[dict[str, str]]:
        """Yield what its schedulers logged; a line that is no JSON, such as of a traceback, as ``event`` none."""
        if not self.log.exists():
            return
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                content = json.loads(line)
            except ValueError:
                content = {"event": "", "message": line}
            if isinstance(content, dict):
                yield content

    def _last_words(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self._log_began)
            return file.read().decode("utf-8", "replace")


def marked_processes() -> list[RunProcess]:
    """Return all living processes of this machine that carry the mark of a job, in the order of their jobs."""
    found = []
    for process in psutil.process_iter():
        try:
            job = process.environ().get(JOB_VARIABLE)
            if job and process.status() != psutil.STATUS_ZOMBIE:
                is_host = any(part.endswith(_HOST_PROGRAM) for part in process.cmdline())
                found.append(RunProcess(process.pid, job, is_host))
        except (psutil.Error, OSError):
            continue
    return sorted(found, key=lambda one: (one.job_id, not one.is_host, one.pid))


def signal_process(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
