"""A disk that fills up under the database: the scheduler lives, and says on the job what is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scheduler_site import Site, wait_for
from sqlalchemy.engine import make_url

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler.runs.run_directory import find_runs

pytestmark = pytest.mark.kinds("sqlite")

LINES = 400
CHATTY = f"for number in range({LINES}): print(number, 'x' * 10_000, flush=True)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is full after 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    if sys.platform != "linux" or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def site(database: Database, disk: Path, tmp_path: Path) -> Iterator[Site]:
    shutil.copyfile(str(make_url(database.connection_string).database), disk / "database.db")
    made = Site(Database(f"sqlite+pysqlite:///{(disk / 'database.db').as_posix()}"), tmp_path)
    yield made
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    made.close()


def test_a_full_disk_under_the_database(site: Site, disk: Path) -> None:
    site.single("chatty", site.robot("chatty", CHATTY))
    daemon = site.daemon().await_up()
    daemon.await_line('Output of "chatty" cannot be stored for now')
    (directory,) = find_runs(site.workspace)
    wait_for("the end of the robot", directory.read_exit)
    assert daemon.process.poll() is None
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    job = site.await_job("chatty", JobStatus.DONE)
    assert job.exit_code == 0
    is_complete = len(site.output(job.id).splitlines()) == LINES
    assert is_complete is (job.reason is None)
    assert job.reason is None or "its output is incomplete" in job.reason
    assert daemon.process.poll() is None
    site.single("next", site.robot("next", "print('fine')"))
    site.await_job("next", JobStatus.DONE)
    daemon.kill()
    assert site.once().process.returncode == 0
    assert len(site.output(job.id).splitlines()) == LINES
    assert find_runs(site.workspace) == []
