"""What the tests of robot host and launcher share: starting a robot of ``robots/`` and waiting for what it does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from OpenOrchestrator.database.statuses import SecretPassing
from OpenOrchestrator.scheduler.runs.robot_command import LaunchSpec
from OpenOrchestrator.scheduler.runs.run_directory import ExitInfo, OutputRecord, RunDirectory, find_runs

ROBOTS = Path(__file__).with_name("robots")
CONNECTION_STRING = "postgresql+psycopg://robot:Hem%40meligt7@db.example/oo"
PASSWORD = "Hem@meligt7"
KEY = "dGhpcyBpcyBhIGtleSBmb3IgdGVzdHMgb25seSEhISE="

T = TypeVar("T")


def spec_for(
    robot: str | Path,
    arguments: str = "",
    *,
    job_id: UUID | None = None,
    passing: SecretPassing = SecretPassing.ENVIRONMENT,
    timeout: float | None = None,
    grace: float = 5.0,
    soft: float = 0,
    output_limit: int = 1_000_000,
) -> LaunchSpec:
    """A start of one of the robots beside the tests."""
    return LaunchSpec(
        job_id=job_id or uuid4(),
        trigger_id=uuid4(),
        process_name="Tested process",
        process_arguments=arguments,
        file=ROBOTS / robot,
        passing=passing,
        connection_string=CONNECTION_STRING,
        crypto_key=KEY,
        timeout=timeout,
        grace=grace,
        soft=soft,
        output_limit=output_limit,
    )


def eventually(look: Callable[[], T | None], what: str, *, seconds: float = 30.0) -> T:
    """Return what ``look`` finds as soon as it is true, or fail saying what did not come."""
    give_up_at = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= give_up_at:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.005)


def end_of(run: RunDirectory, *, seconds: float = 30.0) -> ExitInfo:
    """Wait for the end of a run."""
    return eventually(run.read_exit, f"end of {run.path.name}: {_host_log(run)}", seconds=seconds)


def records_of(run: RunDirectory) -> list[OutputRecord]:
    """Everything in the output of a run so far."""
    records: list[OutputRecord] = []
    offset = 0
    while True:
        more, offset_now = run.read_output(offset)
        if offset_now == offset:
            return records
        records += more
        offset = offset_now


def text_of(run: RunDirectory, stream: str = "stdout") -> str:
    """What a robot wrote to one stream so far."""
    text = "".join(record.text for record in records_of(run) if record.stream == stream and record.cut is None)
    return text.replace("\r\n", "\n") if sys.platform == "win32" else text


def wait_for_text(run: RunDirectory, text: str, *, seconds: float = 30.0) -> None:
    """Wait until a robot has written this."""
    eventually(lambda: text in text_of(run), f"{text!r} in the output", seconds=seconds)


def is_running(pid: int) -> bool:
    """Whether a process exists and has not ended (a zombie has)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def end_all(workspace: Path) -> None:
    """End what a test that failed left running."""
    for run in find_runs(workspace):
        if run.read_exit() is None:
            run.kill_leftovers()


def _host_log(run: RunDirectory) -> str:
    try:
        return (run.path / "host.log").read_text() or f"files: {[path.name for path in run.path.iterdir()]}"
    except OSError as error:
        return str(error)
