"""What was on the screen when a robot that drives it failed, as a file of its job.

Owns when a picture is taken. It is taken by the scheduler, which is in the same session as its robots: a robot that
crashed cannot. Whatever goes wrong with it is told, and changes nothing about the run.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import AttachmentOwner, JobStatus
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

FILE_NAME = "screenshot.png"
PACKAGE = "mss"
CAMERA_SECONDS = 20.0
"""How long the camera may take: a desktop that does not answer must not hold up the end of a run."""

FRESH = timedelta(seconds=30)
"""A robot that ended longer ago left nothing to see: somebody else may be at the screen by now."""

_MOST_WORDS = 300


def screenshots_for(database: Database, events: Events, *, camera: Camera | None = None) -> Screenshots:
    """Return what takes the pictures of a scheduler and stores them in its database."""

    def attach(job_id: UUID, path: Path) -> None:
        # Few runs have pictures, and what moves files need not be loaded for the others.
        from OpenOrchestrator.database.stores import attachment_files  # noqa: PLC0415

        attachment_files.attach(database, AttachmentOwner.JOB, job_id, path)

    return Screenshots(attach, events, database.utc_now, camera=camera)


class CameraError(OpenOrchestratorError):
    """No picture could be taken."""


class Camera(Protocol):
    """Takes pictures of all screens."""

    @property
    def is_there(self) -> bool:
        """Whether there is what takes them; else nobody wants any."""

    def take(self, path: Path) -> None:
        """Store a picture as PNG.

        Raises:
            CameraError: If that fails; there may be a file that is none.
        """


class MssCamera:
    """Takes them with the package mss, in a process of its own.

    Args:
        seconds: How long it may take.
    """

    def __init__(self, *, seconds: float = CAMERA_SECONDS) -> None:
        self._seconds = seconds

    @property
    def is_there(self) -> bool:
        """Whether the package is installed."""
        return importlib.util.find_spec(PACKAGE) is not None

    def take(self, path: Path) -> None:
        """Store a picture as PNG."""
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        command = [sys.executable, "-m", "OpenOrchestrator.scheduler.runs.camera", str(path)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._seconds,
                check=False,
                creationflags=flags,
            )
        except subprocess.TimeoutExpired as error:
            raise CameraError(f"the desktop did not answer within {self._seconds:g} seconds") from error
        except OSError as error:
            raise CameraError(f"no process could be started for it: {error}") from error
        if done.returncode != 0 or not path.is_file():
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise CameraError(words[-1][:_MOST_WORDS] if words else f"exit code {done.returncode}")


class Screenshots:
    """Takes pictures for the runs of one scheduler. Safe to use from several threads.

    Args:
        attach: Stores a file with a job.
        events: Told what goes wrong.
        now: Tells the time, aware.
        camera: Takes them.
    """

    def __init__(
        self,
        attach: Callable[[UUID, Path], object],
        events: Events,
        now: Callable[[], datetime],
        *,
        camera: Camera | None = None,
    ) -> None:
        self._attach = attach
        self._events = events
        self._now = now
        self._camera: Camera = camera or MssCamera()

    def take(self, job: SupervisedJob, ending: Ending, ended_at: datetime | None, folder: Path) -> Path | None:
        """Take a picture if this is the end of a robot that drove the screen and failed, just now.

        Args:
            job: Its job.
            ending: How it ended.
            ended_at: When, aware; None if that is not known.
            folder: Where the picture is kept until it is attached.

        Returns:
            The picture; None if there is none.
        """
        if not (job.needs_screen or job.is_blocking) or ending.status not in (JobStatus.FAILED, JobStatus.TIMED_OUT):
            return None
        if ended_at is None or self._now() - ended_at > FRESH or not self._camera.is_there:
            return None
        path = folder / FILE_NAME
        try:
            self._camera.take(path)
        except Exception as error:  # noqa: BLE001  (whatever it is, the end of the run comes first)
            self._events.unexpected(f'taking a screenshot for "{job.trigger_name}"', error)
            return None
        return path

    def attach(self, job: SupervisedJob, picture: Path | None) -> None:
        """Store a picture with its job, whose end is stored."""
        if picture is None:
            return
        try:
            self._attach(job.job_id, picture)
        except Exception as error:  # noqa: BLE001  (the run itself is over)
            self._events.unexpected(f'storing the screenshot for "{job.trigger_name}"', error)
