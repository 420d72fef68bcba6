"""The command ``run``: one trigger, here and now, as its own exit status."""

from __future__ import annotations

import json
import signal
import sys
from io import StringIO
from typing import Any

import pytest
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import CommitOutcomeUnknownError
from OpenOrchestrator.common.settings import load_settings
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import scheduler_options
from OpenOrchestrator.scheduler.recovery.unfollowed import UNFOLLOWED
from OpenOrchestrator.scheduler.single_run import SingleRun

pytestmark = pytest.mark.kinds("sqlite")


def run(site: Site, *words: str, **environment: str) -> tuple[int, str, str]:
    process = site.call("run", *words, **environment)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def test_it_runs_a_trigger_that_is_not_due_and_shows_its_output(site: Site) -> None:
    code = "import sys; print('to out'); print('to err', file=sys.stderr)"
    trigger_id = site.scheduled("hourly", site.robot("hourly", code), cron="0 * * * *", due_in=3000)
    status, output, errors = run(site, "hourly")
    assert (status, output) == (0, "to out\n")
    assert "to err\n" in errors
    assert 'Started "hourly"' in errors
    job = site.job("hourly")
    assert job.status is JobStatus.DONE
    assert job.scheduler_name.endswith(")")
    assert " (run " in job.scheduler_name
    assert site.output(job.id, "stdout") == "to out\n"
    assert site.status(trigger_id) is TriggerStatus.IDLE


@pytest.mark.parametrize("code", [3, 255])
def test_its_exit_status_is_the_robots(site: Site, code: int) -> None:
    site.single("failing", site.robot("failing", f"import sys; sys.exit({code})"), due_in=3600)
    assert run(site, "failing")[0] == code
    assert site.job("failing").exit_code == code
    assert site.errors("process failing")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX matter")
def test_a_signal_is_shown_as_shells_do(site: Site) -> None:
    site.single("crash", site.robot("crash", "import os; os.kill(os.getpid(), 11)"))
    assert run(site, "crash")[0] == 128 + 11


def test_a_robot_that_cannot_start_is_status_1(site: Site) -> None:
    site.single("gone", str(site.folder / "gone.py"))
    status, output, errors = run(site, "gone")
    assert (status, output) == (1, "")
    assert "gone.py" in errors
    assert site.job("gone").status is JobStatus.FAILED


def test_what_cannot_run_is_said_in_one_line(site: Site) -> None:
    path = site.robot("robot", "print('no')")
    site.single("paused", path, process_status=TriggerStatus.PAUSED)
    site.single("elsewhere", path, scheduler_whitelist=["another machine"])
    for name, words in (("nobody", "no trigger named"), ("paused", "Paused"), ("elsewhere", "another machine")):
        status, output, errors = run(site, name)
        assert (status, output) == (1, "")
        assert errors.startswith("Error: ")
        assert errors.count("\n") == 1
        assert words in errors
    assert site.jobs() == []


def test_the_whitelist_goes_by_the_name_of_this_machines_scheduler(site: Site) -> None:
    site.single("here", site.robot("robot", "print('yes')"), scheduler_whitelist=["worker 7"])
    assert run(site, "here", OpenOrchestratorName="worker 7")[:2] == (0, "yes\n")


def test_json(site: Site) -> None:
    site.single("robot", site.robot("robot", "print('to out'); import sys; sys.exit(4)"))
    status, output, errors = run(site, "robot", "--json")
    assert status == 4
    assert "to out" in errors
    assert json.loads(output) == {
        "job_id": str(site.job("robot").id),
        "status": "FAILED",
        "exit_code": 4,
        "reason": "exit code 4",
    }


def test_output_comes_live(site: Site) -> None:
    site.single("talker", site.gated_robot("talker", "gate"))
    process = site.call("run", "talker")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    site.open("gate")
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "through the gate\n")


def test_its_end_is_stored_although_nobody_reads_what_it_shows(site: Site) -> None:
    """As after Ctrl+S, or in a pager; who reads on gets everything, and the exit status."""
    code = "for number in range(20_000): print('x' * 60)\nimport sys; sys.exit(4)"
    site.single("talker", site.robot("talker", code))
    process = site.call("run", "talker")
    job = site.await_job("talker", JobStatus.FAILED)
    assert site.errors("process talker")
    assert process.poll() is None
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (4, f"{'x' * 60}\n" * 20_000)
    assert site.output(job.id) == output


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C cannot be sent to a single process there")
def test_ctrl_c_ends_the_wait_for_a_terminal_that_is_halted(site: Site) -> None:
    site.single("talker", site.robot("talker", "for number in range(20_000): print('x' * 60)"))
    process = site.call("run", "talker")
    site.await_job("talker", JobStatus.DONE)
    assert process.stderr is not None
    while 'Ended "talker"' not in process.stderr.readline():
        assert process.poll() is None

    def ended() -> bool:  # asked again: the first one may come before the wait, and is about the robot then
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_for("its end", ended)
    assert process.returncode in (0, -signal.SIGINT)  # the last one may come when Python is about to be gone
    assert "pieces of the output were not shown" in process.stderr.read()
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C cannot be sent to a single process there")
def test_ctrl_c_kills_the_robot(site: Site) -> None:
    trigger_id = site.single("long", site.gated_robot("long", "gate"))
    process = site.call("run", "long")
    site.await_start("long")
    site.await_job("long", JobStatus.RUNNING)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    job = site.job("long")
    assert (job.status, job.reason) == (JobStatus.KILLED, "interrupted at the terminal")
    assert site.status(trigger_id) is TriggerStatus.KILLED
    wait_for("no process", lambda: not site.robot_processes())


def test_an_admin_can_kill_it(site: Site) -> None:
    trigger_id = site.single("long", site.gated_robot("long", "gate"))
    process = site.call("run", "long")
    site.await_start("long")
    site.set_status(trigger_id, TriggerStatus.KILLING)
    _, errors = process.communicate(timeout=30)
    assert "as asked" in errors
    assert site.job("long").reason == "killed on request"


def test_a_scheduler_of_this_machine_leaves_it_alone(site: Site) -> None:
    site.single("long", site.gated_robot("long", "gate"))
    process = site.call("run", "long", OpenOrchestratorName="worker")
    site.await_start("long")
    site.await_job("long", JobStatus.RUNNING)
    assert "Took over" not in site.once().log
    assert process.poll() is None
    site.open("gate")
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert site.job("long").status is JobStatus.DONE


def test_a_claim_that_was_saved_without_anybody_knowing_is_given_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_id = site.single("trigger", site.robot("robot", "print('never')"))
    options = scheduler_options(load_settings(name="here", workspace=site.workspace, python=sys.executable))
    real = trigger_claims.claim_by_name

    def saved_unheard(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        raise CommitOutcomeUnknownError("cut")

    monkeypatch.setattr(trigger_claims, "claim_by_name", saved_unheard)
    made = SingleRun(
        site.database, options, crypto_key=site.key, events=Events(StringIO()), on_record=lambda _record: None
    )
    with pytest.raises(CommitOutcomeUnknownError):
        made.run("trigger")
    job = site.job("trigger")
    assert (job.status, job.reason) == (JobStatus.KILLED, UNFOLLOWED)
    assert site.status(trigger_id) is TriggerStatus.IDLE
