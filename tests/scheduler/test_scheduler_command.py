"""The command ``scheduler`` at its edges: names, settings, log lines."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from uuid import uuid4

import pytest
import sqlalchemy as sa
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.settings import LogFormat
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import site_identity
from OpenOrchestrator.scheduler.events import Events

FINE = "print('fine')"


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("name", ["s", "-s"])
def test_its_old_names_still_work(site: Site, name: str) -> None:
    site.single("trigger", site.robot("robot", FINE))
    process = site.call(name, "--once", "--name", "old")
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert site.job("trigger").scheduler_name == "old"


@pytest.mark.kinds("sqlite")
def test_settings_from_the_environment_and_from_a_file(site: Site) -> None:
    site.single("trigger", site.robot("robot", FINE), scheduler_whitelist=["from file"])
    site.single("anybody's", site.robot("robot", FINE))
    environment = site.environment(OpenOrchestratorWhitelistedOnly="true")
    del environment["OpenOrchestratorKey"]
    (site.folder / ".env").write_text(
        f"OpenOrchestratorKey={site.key}\nOpenOrchestratorName=from file\nOpenOrchestratorLogFormat=json\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "OpenOrchestrator", "scheduler", "--once"],
        cwd=site.folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [job.trigger_name for job in site.jobs()] == ["trigger"]
    assert all(json.loads(line)["message"] for line in done.stderr.splitlines())
    assert done.stdout == ""


@pytest.mark.kinds("sqlite")
def test_its_first_line_says_which_site_it_works_on(site: Site) -> None:
    site.database.write(lambda session: site_identity.store(session, name="PRØVE", colour="green"))
    daemon = site.daemon(OpenOrchestratorLogFormat="json").await_up()
    daemon.stop()
    assert daemon.await_end() == 0
    first = json.loads(daemon.log.splitlines()[0])
    assert f"works on PRØVE ({site.database.masked_connection_string}): up to" in first["message"]
    assert (first["event"], first["site"]) == ("started_up", "PRØVE")


@pytest.mark.kinds("sqlite")
def test_robots_run_with_the_python_that_was_chosen(site: Site) -> None:
    python = site.folder / "python"
    python.write_text(f'#!/bin/sh\necho chosen\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    site.single("trigger", site.robot("robot", FINE))
    if sys.platform == "win32":
        pytest.skip("a shell script stands for another Python")
    assert site.once("--python", str(python)).process.returncode == 0
    assert site.output(site.job("trigger").id) == "chosen\nfine\n"


@pytest.mark.kinds("sqlite")
@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to a single process there")
def test_ctrl_c_stops_it_like_a_service_stop(site: Site) -> None:
    import signal

    site.single("running", site.gated_robot("running", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("running")
    daemon.process.send_signal(signal.SIGINT)
    daemon.await_line("Stopping. 1 robot running.")
    site.open("gate")
    assert daemon.await_end() == 0
    assert site.job("running").status is JobStatus.DONE


@pytest.mark.kinds("sqlite")
def test_a_name_whose_scheduler_was_killed_is_free_at_once_on_the_same_machine(site: Site) -> None:
    site.daemon().await_up().kill()
    query = sa.select(Scheduler.instance).where(Scheduler.machine_name == "worker")
    first = site.database.read(lambda session: session.scalars(query).one())
    assert first is not None
    site.daemon().await_up()
    wait_for("the new one", lambda: site.database.read(lambda session: session.scalars(query).one()) != first)


# Log lines


def test_each_event_is_one_line_whatever_is_in_it() -> None:
    text, as_json = StringIO(), StringIO()
    for stream, log_format in ((text, LogFormat.TEXT), (as_json, LogFormat.JSON)):
        events = Events(stream, log_format=log_format)
        events.claimed(uuid4(), 'tri"gger\nwith\r\nlines \u2603', late_seconds=0.0123, attempt=2)
        events.poisoned("other", "bad\nreason")
    assert text.getvalue().count("\n") == 2
    assert "12 ms after it was due, attempt 2" in text.getvalue()
    first, second = map(json.loads, as_json.getvalue().splitlines())
    assert (first["event"], first["trigger"]) == ("claimed", 'tri"gger\nwith\r\nlines \u2603')
    assert second["level"] == "ERROR"


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_no_line_holds_a_secret(log_format: LogFormat) -> None:
    stream = StringIO()
    events = Events(stream, log_format=log_format, secrets=["s3cret"])
    events.failed(uuid4(), "s3cret", status="Failed", reason="it said s3cret", exit_code=1, seconds=61)
    assert "s3cret" not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_a_stream_that_is_gone_does_not_stop_the_scheduler() -> None:
    stream = StringIO()
    stream.close()
    Events(stream).stopped(0)
    Events(None).stopped(0)

    class Narrow(StringIO):
        encoding = "ascii"  # type: ignore[assignment]

    narrow = Narrow()
    Events(narrow).poisoned("\u2603", "cold")
    assert "\\u2603" in narrow.getvalue()


def test_durations_are_readable() -> None:
    stream = StringIO()
    events = Events(stream)
    for seconds in (0.04, 75, 3 * 3600 + 62):
        events.ended(uuid4(), "t", exit_code=0, seconds=seconds)
    assert [line.split(" after ")[1].split(" (")[0] for line in stream.getvalue().splitlines()] == [
        "0.0 s",
        "1 min 15 s",
        "3 h 1 min 2 s",
    ]
