"""Pictures of the screen where a robot that drives it failed: when they are taken, and by what."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from bench import Bench, Lines
from scheduler_site import Site

from OpenOrchestrator.database.statuses import AttachmentOwner, JobStatus
from OpenOrchestrator.database.stores import attachments
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs import screenshots
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.screenshots import (
    FRESH,
    Camera,
    CameraError,
    MssCamera,
    Screenshots,
    screenshots_for,
)
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

NOW = datetime(2026, 11, 23, 8, 12, tzinfo=timezone.utc)
PNG = b"\x89PNG\r\n\x1a\n"
FAILED = Ending(JobStatus.FAILED, 1, "exit code 1")


class PaintedCamera:
    """The twin of a camera: paints a picture, or fails as it is told."""

    def __init__(self, error: Exception | None = None, *, is_there: bool = True) -> None:
        self.error = error
        self.is_there = is_there
        self.taken = 0

    def take(self, path: Path) -> None:
        self.taken += 1
        if self.error is not None:
            raise self.error
        path.write_bytes(PNG + b"painted")


class Album:
    """Where pictures get to."""

    def __init__(self, camera: Camera, error: Exception | None = None) -> None:
        self.lines = Lines()
        self.pictures: dict[UUID, bytes] = {}
        self._error = error
        self.screenshots = Screenshots(
            self._attach,
            Events(self.lines),  # type: ignore[arg-type]
            lambda: NOW,
            camera=camera,
        )

    def _attach(self, job_id: UUID, path: Path) -> None:
        if self._error is not None:
            raise self._error
        assert path.name == "screenshot.png"
        self.pictures[job_id] = path.read_bytes()

    def said(self) -> str:
        self.screenshots._events.flush()
        return self.lines.text


def job_of(*, needs_screen: bool = False, is_blocking: bool = False) -> SupervisedJob:
    return SupervisedJob(
        job_id=uuid4(),
        fence=1,
        trigger_name="Invoices",
        process_name="p",
        is_blocking=is_blocking,
        timeout_seconds=None,
        needs_screen=needs_screen,
    )


@pytest.mark.parametrize("job", [job_of(needs_screen=True), job_of(is_blocking=True)])
@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.TIMED_OUT])
def test_a_robot_that_drives_the_screen_and_fails_has_a_picture(
    tmp_path: Path, job: SupervisedJob, status: JobStatus
) -> None:
    album = Album(PaintedCamera())
    picture = album.screenshots.take(job, Ending(status), NOW, tmp_path)
    album.screenshots.attach(job, picture)
    assert album.pictures == {job.job_id: PNG + b"painted"}
    assert album.said() == ""


@pytest.mark.parametrize(
    ("job", "ending", "ended_at", "camera"),
    [
        (job_of(), FAILED, NOW, PaintedCamera()),
        (job_of(needs_screen=True), Ending(JobStatus.DONE, 0), NOW, PaintedCamera()),
        (job_of(needs_screen=True), Ending(JobStatus.KILLED, None, "on request"), NOW, PaintedCamera()),
        (job_of(is_blocking=True), FAILED, None, PaintedCamera()),
        (job_of(is_blocking=True), FAILED, NOW - FRESH - timedelta(seconds=1), PaintedCamera()),
        (job_of(is_blocking=True), FAILED, NOW, PaintedCamera(is_there=False)),
    ],
)
def test_nothing_is_taken_of_others(
    tmp_path: Path, job: SupervisedJob, ending: Ending, ended_at: datetime | None, camera: PaintedCamera
) -> None:
    album = Album(camera)
    assert album.screenshots.take(job, ending, ended_at, tmp_path) is None
    assert (camera.taken, album.said()) == (0, "")


def test_what_goes_wrong_is_told_and_raises_nothing(tmp_path: Path) -> None:
    job = job_of(needs_screen=True)
    album = Album(PaintedCamera(CameraError("no desktop")))
    album.screenshots.attach(job, album.screenshots.take(job, FAILED, NOW, tmp_path))
    assert 'Failed while taking a screenshot for "Invoices": ' in album.said()
    assert "no desktop" in album.said()
    album = Album(PaintedCamera(), error=OSError("no room"))
    album.screenshots.attach(job, album.screenshots.take(job, FAILED, NOW, tmp_path))
    assert 'Failed while storing the screenshot for "Invoices": ' in album.said()


# --- the camera and its twin


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen to look at: that of Windows, or one of Xvfb."""
    if importlib.util.find_spec(screenshots.PACKAGE) is None:
        pytest.skip("needs the package mss")
    if sys.platform == "win32":
        yield
        return
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        pytest.skip("needs Xvfb")
    reading, writing = os.pipe()
    command = [xvfb, "-displayfd", str(writing), "-screen", "0", "320x200x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            monkeypatch.setenv("DISPLAY", f":{told.readline().strip()}")
        yield
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(params=["painted", "mss"])
def camera(request: pytest.FixtureRequest) -> Camera:
    if request.param == "painted":
        return PaintedCamera()
    request.getfixturevalue("screen")
    return MssCamera()


def test_a_camera_stores_a_picture(camera: Camera, tmp_path: Path) -> None:
    assert camera.is_there
    camera.take(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(PNG)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a screen of its own")
@pytest.mark.parametrize("kind", ["painted", "mss"])
def test_a_camera_without_a_screen_says_so(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":9999")
    camera: Camera = PaintedCamera(CameraError("no screen")) if kind == "painted" else MssCamera()
    with pytest.raises(CameraError):  # without mss, because there is none
        camera.take(tmp_path / "picture.png")


# --- within a run


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("error", [None, RuntimeError("broken")])
def test_a_run_that_fails_has_a_picture_and_a_camera_that_breaks_changes_nothing(
    site: Site, error: Exception | None
) -> None:
    camera = PaintedCamera(error)
    bench = Bench(site)
    bench.screenshots = screenshots_for(site.database, bench.events, camera=camera)
    site.single("trigger", site.robot("robot", "raise SystemExit(3)"), is_blocking=True)
    run = bench.start()
    bench.await_end()
    assert camera.taken == 1
    files = site.database.read(lambda s: attachments.find(s, AttachmentOwner.JOB, run.job.job_id))
    assert [(each.name, each.media_type) for each in files] == ([] if error else [("screenshot.png", "image/png")])
    assert site.job("trigger").status is JobStatus.FAILED
    assert not list(site.workspace.rglob("screenshot.png"))
