"""The managed environments of a workspace: made once, shared by all runs that need the same, deleted when unused.

Owns everything below ``managed/`` in the workspace, which may be deleted at any time no robot runs; it is made again.
Any number of threads and processes may use it at the same time.

There, for each key (of all that an environment depends on):
``<key>.json``, the record: which folder holds the environment. Written when that is complete, and not before;
``<key>-<number>/``, an environment, made where it stays, because environments cannot be moved;
``<key>-<number>.building``, while it is made: whoever finds that under the lock of its key knows that its maker died;
``<key>-<number>.users/<job id>.json``, marks of the runs that use it;
``<key>.failed``, why it could not be made the last time;
``lock``, held for moments by whoever reads or writes records and marks; ``locks/``, held while one is made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.shortage import is_shortage
from OpenOrchestrator.scheduler.processes.marked_processes import kill_marked
from OpenOrchestrator.scheduler.runs.services import StartWatch
from OpenOrchestrator.scheduler.workspace import environment_build, files, install_steps, interpreters
from OpenOrchestrator.scheduler.workspace.environment_marks import Marks
from OpenOrchestrator.scheduler.workspace.file_lock import locked
from OpenOrchestrator.scheduler.workspace.interpreters import RobotPython, python_of, tool_folders, tools_of
from OpenOrchestrator.scheduler.workspace.requirement_files import RequirementFiles
from OpenOrchestrator.scheduler.workspace.uv_program import FindUv, failure_of, find_uv

FAILED_SECONDS = 60.0
"""For how long after a failure the same environment is not tried again: a storm of runs fails at once."""

BUILDING, FAILED, RECORD, USERS = ".building", ".failed", ".json", ".users"

_FORMAT = 1
_FOLDER, _CACHE = "managed", "packages"
_LOCK_SECONDS = 120.0
_BUILD_LOCK_LOOK_SECONDS = 0.2
_KEY_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """An environment that somebody wants.

    Attributes:
        requirements: What is to be in it.
        python: The interpreter it is made from.
        label: For whom, for lists: the path or repository of a robot.
        secrets: Texts that must not be shown.
    """

    requirements: RequirementFiles
    python: str
    label: str
    secrets: Sequence[str] = ()


class ManagedEnvironments:
    """The managed environments of one workspace.

    Args:
        root: Root of the workspace.
        find_uv: Returns the program uv.
        clock: Seconds since the epoch.
    """

    def __init__(self, root: Path, *, find_uv: FindUv = find_uv, clock: Callable[[], float] = time.time) -> None:
        self.folder = root.absolute() / _FOLDER
        self.cache = root.absolute() / _CACHE
        self._find_uv = find_uv
        self._clock = clock
        self.marks = Marks(root, clock=clock)

    def provide(
        self, wanted: Wanted, job_id: UUID, watch: StartWatch, *, insist: bool = False, anew: bool = False
    ) -> RobotPython:
        """Return what runs a robot in its environment, which is marked as used by the job until ``release``.

        Made if it is not there; of several that want the same at the same time, one makes it and the others wait.

        Args:
            wanted: Which.
            job_id: The job.
            watch: Told how it is made, and asked whether to go on.
            insist: Make it also if that failed a moment ago.
            anew: Make it also if it is there; runs that use the old one keep that.

        Raises:
            LaunchError: It cannot be made; says why.
            StartUnwantedError: The watch said so.
        """
        asked_at = self._clock()
        try:
            key = self.key_of(wanted)
            self._make_folders()
            if not anew and (python := self._take(key, wanted, job_id)) is not None:
                return python
            with self._build_lock(key, wanted, watch):
                if python := self._take(key, wanted, job_id, since=asked_at if anew else None):
                    return python
                if not insist:
                    self._refuse_if_failed(key, asked_at)
                self._build(key, wanted, watch)
                python = self._take(key, wanted, job_id)
        except (OSError, TimeoutError, subprocess.SubprocessError) as error:
            if is_shortage(error):
                raise
            raise LaunchError(
                f"The environment of the robot cannot be made in {self.folder}: {error}. Make room there, or choose "
                "another folder with the setting OpenOrchestratorWorkspace."
            ) from error
        if python is None:
            raise LaunchError(f"The environment of the robot was deleted from {self.folder} while it was made.")
        return python

    def key_of(self, wanted: Wanted) -> str:
        """Return what an environment is called: the same for all that depends on the same.

        Raises:
            LaunchError: The interpreter cannot be used.
        """
        own = interpreters.package_folders() if interpreters.is_own(wanted.python) else []
        content = {
            "format": _FORMAT,
            "requirements": wanted.requirements.digest,
            "python": [wanted.python, interpreters.identity_of(wanted.python)],
            "scheduler": own,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_KEY_DIGITS]

    def release(self, job_id: UUID) -> None:
        """Take note that the run of a job uses its environment no longer."""
        self.marks.release(self.folder, job_id)

    @contextlib.contextmanager
    def locked(self, timeout: float = _LOCK_SECONDS) -> Iterator[None]:
        """Hold the lock of all records and marks.

        Raises:
            TimeoutError: Others held it all the time.
        """
        with locked(self.folder / "lock", timeout=timeout):
            yield

    def lock_of(self, key: str) -> Path:
        """Return the lock file that is held while an environment is made; some keys share one."""
        return self.folder / "locks" / key[:2]

    def uv(self) -> str | None:
        """Return the program uv; None if there is none."""
        return self._find_uv()

    def end_makers(self, key: str) -> None:
        """End what a dead maker left working, and delete what it made. The lock of the key is held."""
        unfinished = list(self.folder.glob(f"{key}-*{BUILDING}"))
        if unfinished:
            kill_marked(install_steps.MARK_VARIABLE, self._mark(key))
        for note in unfinished:
            files.remove_tree(note.with_suffix(""))
            files.unlink(note)

    def _make_folders(self) -> None:
        (self.folder / "locks").mkdir(mode=0o700, parents=True, exist_ok=True)

    def _take(self, key: str, wanted: Wanted, job_id: UUID, *, since: float | None = None) -> RobotPython | None:
        """Mark the environment as used, and return it; None if it has to be made, or was before ``since``."""
        record = self.folder / f"{key}{RECORD}"
        with self.locked():
            content = files.read_json(record)
            environment = self.folder / str(content.get("folder"))
            if not content or not python_of(environment).is_file():
                return None
            if since is not None and _number(content.get("built_at")) < since:
                return None
            self.marks.set(environment, job_id)
            os.utime(record)
        return RobotPython(str(python_of(environment)), (str(tools_of(environment)), *tool_folders(wanted.python)))

    @contextlib.contextmanager
    def _build_lock(self, key: str, wanted: Wanted, watch: StartWatch) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            waits = False
            while True:
                try:
                    stack.enter_context(locked(self.lock_of(key), timeout=_BUILD_LOCK_LOOK_SECONDS))
                    break
                except TimeoutError:
                    if not waits:
                        waits = True
                        watch.say(
                            f"Waiting for another run that makes an environment ({wanted.requirements.file.name})."
                        )
                    watch.require_wanted()
            yield

    def _refuse_if_failed(self, key: str, asked_at: float) -> None:
        """Fail as a maker did that this run waited for, or that was here a moment ago."""
        failure = files.read_json(self.folder / f"{key}{FAILED}")
        failed_at = _number(failure.get("at"))
        now = self._clock()
        if failure and (failed_at >= asked_at or 0 <= now - failed_at < FAILED_SECONDS):
            raise LaunchError(
                f"{failure.get('reason')} (That was found {max(0.0, now - failed_at):.0f} s ago by another run, and is "
                f"tried again {FAILED_SECONDS:.0f} s after that.)"
            )

    def _build(self, key: str, wanted: Wanted, watch: StartWatch) -> None:
        self.end_makers(key)
        environment = self.folder / f"{key}-{uuid4().hex[:8]}"
        building = environment.with_name(f"{environment.name}{BUILDING}")
        files.write_json(building, {"made_for": wanted.label})
        began = time.monotonic()
        name, version = wanted.requirements.file.name, interpreters.identity_of(wanted.python)["version"]
        uv, failure = self._find_uv(), None
        if uv is not None and (failure := failure_of(uv)) is not None:
            watch.say(f"uv cannot be started on this machine, so this goes without it: {failure} ({uv}).")
            uv = None
        by = "uv" if uv else "pip"
        watch.say(f"Making the environment from {name} with {by}, for Python {version}.")
        try:
            theirs = environment_build.build(
                environment,
                wanted.requirements,
                wanted.python,
                uv=uv,
                uv_failure=failure,
                cache=self.cache,
                mark=self._mark(key),
                secrets=wanted.secrets,
                watch=watch,
            )
            seconds, size = time.monotonic() - began, size_of(environment)
            content: dict[str, Any] = {
                "folder": environment.name,
                "source": name,
                "made_for": wanted.label,
                "python": version,
                "built_at": self._clock(),
                "seconds": round(seconds, 1),
                "bytes": size,
                "openorchestrator": theirs,
            }
            with self.locked():
                files.write_json(self.folder / f"{key}{RECORD}", content)
                files.unlink(building)
                files.unlink(self.folder / f"{key}{FAILED}")
        except BaseException as error:
            with contextlib.suppress(OSError):  # found under its lock by the next who makes or prunes
                files.remove_tree(environment)
                files.unlink(building)
            if isinstance(error, LaunchError):
                files.write_json(
                    self.folder / f"{key}{FAILED}",
                    {"at": self._clock(), "reason": str(error), "source": name, "made_for": wanted.label},
                )
            raise
        brought = f"with OpenOrchestrator {theirs} of its own" if theirs else "which sees the scheduler's packages"
        if theirs is None and not interpreters.is_own(wanted.python):
            brought = "without OpenOrchestrator"
        watch.say(f"The environment was made in {seconds:.1f} s ({size / 1e6:.0f} MB), {brought}.")

    def _mark(self, key: str) -> str:
        return str(self.folder / key)


def size_of(folder: Path) -> int:
    """Return how many bytes the files of a folder hold; those that are gone meanwhile count as none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118  (tens of thousands of files)
    return total


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
