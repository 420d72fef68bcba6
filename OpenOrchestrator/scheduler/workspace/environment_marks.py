"""Marks of runs on the environment they use, so that nobody deletes it under them.

Owns when such a mark counts no longer. A mark outlives its scheduler, however that died, because a robot does; it does
not last for ever, because somebody has to be there who needs it: the run, or who prepares it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.scheduler.processes.process_identity import Sight, process_identity, sight_of
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, run_root
from OpenOrchestrator.scheduler.workspace import files

_SUFFIX = ".users"
_HANDOVER_SECONDS = 600.0
_OUT_OF_SIGHT_SECONDS = 7 * 86400.0


class Marks:
    """The marks in one workspace. The caller holds the lock under which environments are deleted.

    Args:
        root: Root of the workspace, where the runs are.
        clock: Seconds since the epoch.
    """

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._root = root.absolute()
        self._clock = clock

    def set(self, environment: Path, job_id: UUID) -> None:
        """Note that a job uses an environment; this process prepares it."""
        folder = _marks_of(environment)
        folder.mkdir(mode=0o700, exist_ok=True)
        pid = os.getpid()
        files.write_json(folder / f"{job_id}.json", {"pid": pid, "identity": process_identity(pid)})

    def release(self, folder: Path, job_id: UUID) -> None:
        """Delete the marks of a job on all environments in a folder."""
        for mark in folder.glob(f"*{_SUFFIX}/{job_id}.json"):
            files.unlink(mark)

    def users(self, environment: Path) -> list[UUID]:
        """Return the jobs that use an environment; marks that count no longer are deleted."""
        found = []
        for mark in sorted(_marks_of(environment).glob("*.json")):
            try:
                job_id = UUID(mark.stem)
                since = mark.stat().st_mtime
            except (ValueError, FileNotFoundError):
                continue  # no mark, or released meanwhile
            if self._counts(job_id, mark, self._clock() - since):
                found.append(job_id)
            else:
                files.unlink(mark)
        return found

    def forget(self, environment: Path) -> None:
        """Delete the place of the marks of an environment that is gone."""
        files.remove_tree(_marks_of(environment))

    def _counts(self, job_id: UUID, mark: Path, seconds: float) -> bool:
        run = RunDirectory(run_root(self._root) / str(job_id))
        if seconds < _HANDOVER_SECONDS:
            return not (run.path.is_dir() and run.read_exit() is not None)
        if not run.path.is_dir():
            # It is still prepared, or its scheduler waits for the database; or nobody needs it any more.
            maker = files.read_json(mark)
            return _sight(maker.get("pid"), maker.get("identity")) is Sight.ALIVE
        if run.read_exit() is not None:
            return False
        host = run.read_host()
        if host is None:
            return False
        sight = sight_of(host.host_pid, host.identity)
        if sight is Sight.ALIVE or run.leftovers():
            return True
        # A host of another container or boot cannot be seen from here.
        return sight is Sight.UNKNOWN and seconds < _OUT_OF_SIGHT_SECONDS


def _sight(pid: object, identity: object) -> Sight:
    if not isinstance(pid, int) or not isinstance(identity, str):
        return Sight.UNKNOWN
    return sight_of(pid, identity)


def _marks_of(environment: Path) -> Path:
    return environment.with_name(f"{environment.name}{_SUFFIX}")
