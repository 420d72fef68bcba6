"""The daemon as a process with real robots: what it starts, in which order, and how it stops."""

from __future__ import annotations

import errno
import json
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from io import StringIO
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DatabaseError,
    TransientDatabaseError,
)
from OpenOrchestrator.common.settings import load_settings
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.leases import LEASE_SECONDS, LEFT_LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import ownership, trigger_claims
from OpenOrchestrator.database.models import Job, Log, Scheduler, Trigger
from OpenOrchestrator.database.statuses import Access, JobStatus, LogLevel, TriggerStatus, UsedKind
from OpenOrchestrator.database.stores import jobs, keep_days, schedulers, triggers, uses
from OpenOrchestrator.database.stores.due_triggers import DueTrigger
from OpenOrchestrator.database.stores.keep_days import KeepDays
from OpenOrchestrator.scheduler import daemon as daemon_module
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.loop import shutdown
from OpenOrchestrator.scheduler.options import scheduler_options
from OpenOrchestrator.scheduler.presence import keeper
from OpenOrchestrator.scheduler.presence.lease_keeper import LeaseKeeper
from OpenOrchestrator.scheduler.runs import kill_requests
from OpenOrchestrator.scheduler.single_run import SingleRun
from OpenOrchestrator.scheduler.workspace import housekeeping
from OpenOrchestrator.scheduler.workspace.preparation import RobotPreparation

pytestmark = pytest.mark.kinds("sqlite")

FINE = "print('fine')"


def test_once_starts_what_is_due_and_says_whether_all_succeeded(site: Site) -> None:
    fine = site.single("fine", site.robot("fine", FINE))
    later = site.single("later", site.robot("later", FINE), due_in=3600)
    assert site.once().process.returncode == 0
    assert site.status(fine) is TriggerStatus.DONE
    assert site.status(later) is TriggerStatus.IDLE
    broken = site.single("broken", site.robot("broken", "import sys; sys.exit(3)"))
    assert site.once().process.returncode == 1
    assert site.status(broken) is TriggerStatus.FAILED
    assert (site.job("broken").exit_code, site.job("broken").reason) == (3, "exit code 3")
    assert site.once().process.returncode == 0  # a failed trigger runs again only after an admin enables it
    assert len(site.jobs()) == 2


def test_once_starts_each_trigger_once_even_if_it_is_due_again(site: Site) -> None:
    site.queue("queue", site.robot("robot", FINE), "orders")  # takes no element, so the queue stays full
    site.elements("orders", 2)
    assert site.once().process.returncode == 0
    assert len(site.jobs("queue")) == 1


def test_more_than_the_free_slots_wait_for_their_turn_by_priority(site: Site) -> None:
    path = site.robot("robot", FINE)
    for name, priority in (("low", 0), ("high", 9), ("middle", 5)):
        site.single(name, path, priority=priority)
    assert site.once("--max-jobs", "1").process.returncode == 0
    assert [job.trigger_name for job in site.jobs()] == ["high", "middle", "low"]
    ends = [job.end_time for job in site.jobs()]
    starts = [job.start_time for job in site.jobs()]
    assert all(end is not None and end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_a_blocking_trigger_is_alone_and_is_not_starved(site: Site) -> None:
    site.single("first", site.gated_robot("first", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("first")
    blocking = site.single("blocking", site.gated_robot("blocking", "gate2"), is_blocking=True, priority=5)
    lower = site.single("lower", site.gated_robot("lower", "gate"), priority=1)
    higher = site.single("higher", site.gated_robot("higher", "gate"), priority=9)
    site.await_start("higher")
    assert site.status(blocking) is TriggerStatus.IDLE
    site.open("gate")
    site.await_start("blocking")
    assert site.status(lower) is TriggerStatus.IDLE
    assert site.status(higher) is TriggerStatus.DONE
    site.open("gate2")
    site.await_job("lower", JobStatus.DONE)
    daemon.stop()
    assert daemon.await_end() == 0


def test_whitelists(site: Site) -> None:
    path = site.robot("robot", FINE)
    site.single("mine", path, scheduler_whitelist=["worker", "other"])
    site.single("not mine", path, scheduler_whitelist=["other"])
    site.single("anybody's", path)
    assert site.once("--whitelisted-only").process.returncode == 0
    assert {job.trigger_name for job in site.jobs()} == {"mine"}
    assert site.once().process.returncode == 0
    assert {job.trigger_name for job in site.jobs()} == {"mine", "anybody's"}


def test_poisoned_triggers_are_told_once_and_everything_else_runs(site: Site) -> None:
    path = site.robot("robot", FINE)
    bad_cron = site.scheduled("bad cron", path, cron="every now and then")
    bad_status = site.single("bad status", path)
    with site.database.connection(writing=True) as connection:
        connection.exec_driver_sql(f"UPDATE Triggers SET process_status = 'ASLEEP' WHERE id = '{bad_status.hex}'")
    daemon = site.daemon("--poll-interval", "0.05").await_up()
    for number in range(3):
        site.single(f"fine {number}", path)
        site.await_job(f"fine {number}", JobStatus.DONE)
    assert daemon.log.count('Trigger "bad cron" is set aside') == 1
    assert daemon.log.count('Trigger "bad status" is set aside') == 1
    (message,) = site.errors("process bad cron")
    assert message.log_level is LogLevel.ERROR
    assert "every now and then" in message.log_message
    # Repaired, it runs.
    update = sa.text("UPDATE Scheduled_Triggers SET cron_expr = '0 0 1 1 *' WHERE id = :id")
    site.database.write(lambda session: session.execute(update, {"id": bad_cron.hex}))
    site.await_job("bad cron", JobStatus.DONE)


def test_a_trigger_deleted_while_its_job_runs(site: Site) -> None:
    trigger_id = site.single("doomed", site.gated_robot("doomed", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("doomed")
    for table in ("Single_Triggers", "Triggers"):
        delete = sa.text(f"DELETE FROM {table} WHERE id = :id")
        site.database.write(lambda session, delete=delete: session.execute(delete, {"id": trigger_id.hex}))
    site.open("gate")
    site.await_job("doomed", JobStatus.DONE)
    site.single("next", site.robot("next", FINE))
    site.await_job("next", JobStatus.DONE)
    assert daemon.process.poll() is None


def test_a_robot_that_cannot_be_started_fails_with_the_reason_in_its_log(site: Site) -> None:
    trigger_id = site.single("gone", str(site.folder / "gone.py"))
    repository = site.single("no repository", str(site.folder / "nothing"), is_git_repo=True)
    assert site.once().process.returncode == 1
    for trigger, name in ((trigger_id, "gone"), (repository, "no repository")):
        job = site.job(name)
        assert (job.status, job.exit_code) == (JobStatus.FAILED, None)
        assert site.status(trigger) is TriggerStatus.FAILED
        (message,) = site.errors(f"process {name}")
        assert message.job_id == job.id
        assert job.reason is not None
        assert job.reason in message.log_message


def test_kill_request_ends_the_whole_tree(site: Site) -> None:
    code = """
        import os, subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        open("tree.started", "w").close()
        time.sleep(60)
        """
    trigger_id = site.single("tree", site.robot("tree", code))
    daemon = site.daemon().await_up()
    wait_for("the tree", (site.folder / "tree.started").exists)
    site.await_job("tree", JobStatus.RUNNING)
    site.set_status(trigger_id, TriggerStatus.KILLING)
    job = site.await_job("tree", JobStatus.KILLED)
    assert job.reason == "killed on request"
    assert site.status(trigger_id) is TriggerStatus.KILLED
    assert site.robot_processes() == []
    assert 'Killing "tree" as asked' in daemon.log


def test_a_robot_whose_trigger_was_deleted_is_killed_on_request(site: Site) -> None:
    trigger_id = site.single("orphan", site.gated_robot("orphan", "gate"))
    site.daemon().await_up()
    site.await_start("orphan")
    job = site.await_job("orphan", JobStatus.RUNNING)
    assert site.database.write(lambda session: triggers.delete(session, trigger_id))
    assert site.database.write(lambda session: jobs.request_kill(session, job.id, now=site.database.utc_now()))
    assert site.await_job("orphan", JobStatus.KILLED).reason == "killed on request"
    assert site.robot_processes() == []


def test_pausing_takes_effect_when_the_robot_has_ended(site: Site) -> None:
    trigger_id = site.scheduled("pausing", site.gated_robot("pausing", "gate"))
    site.daemon().await_up()
    site.await_start("pausing")
    site.set_status(trigger_id, TriggerStatus.PAUSING)
    site.open("gate")
    site.await_job("pausing", JobStatus.DONE)
    assert site.status(trigger_id) is TriggerStatus.PAUSED


def test_a_robot_that_runs_too_long_times_out(site: Site) -> None:
    trigger_id = site.single("slow", site.robot("slow", "import time; time.sleep(60)"), timeout_seconds=1)
    assert site.once().process.returncode == 1
    job = site.job("slow")
    assert job.status is JobStatus.TIMED_OUT
    assert job.reason == "stopped: it ran longer than its time limit of 1 s"
    assert site.status(trigger_id) is TriggerStatus.FAILED


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX matter")
def test_exit_codes_and_signals_are_stored_as_they_were(site: Site) -> None:
    for name, code in (
        ("255", "import sys; sys.exit(255)"),
        ("segv", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"),
    ):
        site.single(name, site.robot(f"robot{name}", code))
    site.once()
    assert (site.job("255").exit_code, site.job("255").reason) == (255, "exit code 255")
    assert (site.job("segv").exit_code, site.job("segv").reason) == (-11, "ended by signal SIGSEGV")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('why')", "ValueError: why"),
        (
            """
            import subprocess, sys
            subprocess.run([sys.executable, "-c", "import sys; print('begin'); {}['why']"], check=True)
            """,
            "KeyError: 'why'",
        ),
        (
            """
            import sys, traceback
            sys.excepthook = lambda *error: print("".join(traceback.format_exception(*error)), "Mail was sent.")
            import os
            raise ValueError(os.environ["OpenOrchestratorKey"])
            """,
            "ValueError: ***",
        ),
        (
            """
            import sys
            from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

            connection = OrchestratorConnection.create_connection_from_args()
            connection.log_error("first")
            connection.log_error("The invoice is missing.")
            sys.exit(1)
            """,
            "The invoice is missing.",
        ),
    ],
)
def test_the_reason_is_what_the_robot_says_about_its_end(site: Site, code: str, reason: str) -> None:
    site.single("broken", site.robot("broken", code, ours="connection" in code))
    site.once()
    assert (site.job("broken").exit_code, site.job("broken").reason) == (1, reason)


def test_output_of_every_kind_is_stored_and_hurts_nobody(site: Site) -> None:
    code = """
        import sys
        sys.stdout.buffer.write(b"bad \\xff utf-8 and \\x00 nul\\n")
        sys.stdout.flush()
        sys.stderr.write("e" * 70_000 + "\\n")
        sys.stderr.write("the last words\\n")
        sys.exit(1)
        """
    site.single("noisy", site.robot("noisy", code))
    site.once()
    job = site.job("noisy")
    assert "\x00" not in site.output(job.id)
    assert "bad \ufffd utf-8" in site.output(job.id, "stdout")
    assert site.output(job.id, "stderr").count("e" * 1000) == 70
    (message,) = site.errors("process noisy")
    assert message.job_id == job.id
    assert message.log_message.startswith("the last words\n")
    assert message.log_message.endswith("the last words")


def test_output_is_there_while_the_robot_runs(site: Site) -> None:
    site.single("talker", site.gated_robot("talker", "gate"))
    site.daemon().await_up()
    job = site.await_job("talker", JobStatus.RUNNING)
    wait_for("output", lambda: "waiting" in site.output(job.id), context=site.state)
    assert site.job("talker").status is JobStatus.RUNNING
    site.open("gate")
    site.await_job("talker", JobStatus.DONE)
    assert "through the gate" in site.output(job.id)


def test_no_secret_in_output_log_lines_or_messages(site: Site) -> None:
    code = """
        import os, sys
        print(sys.argv)
        print(os.environ["OpenOrchestratorKey"], file=sys.stderr)
        raise ValueError(os.environ["OpenOrchestratorKey"])
        """
    site.single("leaky", site.robot("leaky", code))
    daemon = site.once()
    job = site.job("leaky")
    assert site.output(job.id)
    (message,) = site.errors("process leaky")
    for text in (daemon.log, site.output(job.id), message.log_message, job.reason or ""):
        assert site.key not in text
    assert "ValueError: ***" in message.log_message


def test_stop_waits_for_running_robots_and_starts_no_more(site: Site) -> None:
    site.single("running", site.gated_robot("running", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("running")
    daemon.stop()
    daemon.await_line("Stopping. 1 robot running.")
    late = site.single("late", site.robot("late", FINE))
    site.open("gate")
    assert daemon.await_end() == 0
    assert site.job("running").status is JobStatus.DONE
    assert site.status(late) is TriggerStatus.IDLE
    assert "Stopped." in daemon.log


def test_a_second_stop_leaves_robots_running_and_the_next_start_takes_them_over(site: Site) -> None:
    site.single("running", site.gated_robot("running", "gate"))
    daemon = site.daemon().await_up()
    site.await_start("running")
    daemon.stop()
    daemon.await_line("Stopping. 1 robot running.")
    daemon.stop()
    assert daemon.await_end() == 0
    assert "1 robot left running" in daemon.log
    assert site.job("running").status is JobStatus.RUNNING
    second = site.daemon().await_up()
    second.await_line('Took over "running"')
    site.open("gate")
    job = site.await_job("running", JobStatus.DONE)
    assert (job.exit_code, site.starts("running")) == (0, [f"{site.starts('running')[0].split()[0]} {job.id}"])
    assert "through the gate" in site.output(job.id)


def test_stop_can_leave_robots_at_once(site: Site) -> None:
    site.single("running", site.gated_robot("running", "gate", code=4))
    daemon = site.daemon("--on-stop", "leave").await_up()
    site.await_start("running")
    before = site.await_job("running", JobStatus.RUNNING).lease_until
    daemon.stop()
    assert daemon.await_end() == 0
    after = site.job("running").lease_until
    assert before is not None
    assert after is not None
    assert after > before  # the whole lease is there for the restart
    site.open("gate")  # it ends while nobody looks
    wait_for("its end", lambda: not site.robot_processes())
    site.daemon().await_up()
    assert site.await_job("running", JobStatus.FAILED).exit_code == 4


@pytest.mark.parametrize(("trouble", "tries_needed"), [("locked", 12), ("away", 3), ("locked", None), ("away", None)])
def test_robots_that_are_left_get_their_longer_lease_as_soon_as_it_can_be_stored_or_it_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, trouble: str, tries_needed: int | None
) -> None:
    real, stop = ownership.extend, LeaseKeeper.stop
    steps: list[str] = []

    def stop_keeping(lease_keeper: LeaseKeeper) -> None:
        stop(lease_keeper)
        steps.append("stopped keeping")

    def hindered(
        database: Database, identity: Identity, job_ids: Collection[UUID], *, seconds: float = LEASE_SECONDS
    ) -> ownership.Extension:
        if seconds != LEFT_LEASE_SECONDS:
            return real(database, identity, job_ids, seconds=seconds)
        steps.append("prolong")
        if tries_needed is not None and steps.count("prolong") > tries_needed:
            return real(database, identity, job_ids, seconds=seconds)
        if trouble == "away":
            raise ConnectionFailedError("away")
        return ownership.Extension(frozenset(), frozenset(job_ids))

    monkeypatch.setattr(ownership, "extend", hindered)
    monkeypatch.setattr(LeaseKeeper, "stop", stop_keeping)
    if tries_needed is None:
        monkeypatch.setattr(shutdown, "PROLONG_SECONDS", 0.1)
    site.single("running", site.gated_robot("running", "gate"))
    lines = StringIO()
    with running_here(site, lines, on_stop="leave"):
        site.await_start("running")
        job = site.await_job("running", JobStatus.RUNNING)
    lease = site.job("running").lease_until
    assert lease is not None
    now = site.database.read(lambda session: session.scalar(sa.select(DatabaseUtcNow())))
    was_stored = lease > now + timedelta(seconds=LEFT_LEASE_SECONDS / 2)
    assert was_stored is (tries_needed is not None)
    assert ("Start this scheduler again at once" in lines.getvalue()) is not was_stored
    assert (f"(job {job.id})." in lines.getvalue().partition("longer lease could not")[2]) is not was_stored
    assert steps[:2] == ["stopped keeping", "prolong"], "else the lease might be made shorter again"
    monkeypatch.undo()
    site.open("gate")
    with running_here(site):
        site.await_job("running", JobStatus.DONE)


def test_stop_can_kill_robots(site: Site) -> None:
    trigger_id = site.single("running", site.gated_robot("running", "gate"))
    daemon = site.daemon(OpenOrchestratorOnStop="kill").await_up()
    site.await_start("running")
    daemon.stop()
    assert daemon.await_end() == 0
    job = site.job("running")
    assert (job.status, job.reason) == (JobStatus.KILLED, "killed because its scheduler was stopped")
    assert site.status(trigger_id) is TriggerStatus.KILLED
    assert site.robot_processes() == []


def test_a_second_scheduler_of_the_same_name_is_refused(site: Site) -> None:
    first = site.daemon().await_up()
    second = site.daemon()
    assert second.await_end() == 1
    assert second.log.startswith("Error: A scheduler named 'worker' is already running")
    assert second.log.count("\n") == 1
    other = site.daemon(name="other").await_up()
    for daemon in (first, other):
        daemon.stop()
        assert daemon.await_end() == 0
    # Both gave their names back, so nobody has to wait for a lease.
    site.daemon("--once").await_end()
    assert site.daemons[-1].process.returncode == 0


def test_the_list_of_schedulers_shows_it(site: Site) -> None:
    site.single("running", site.gated_robot("running", "gate"))
    daemon = site.daemon("--max-jobs", "7").await_up()
    site.await_start("running")
    query = sa.select(Scheduler).where(Scheduler.machine_name == "worker")
    row = site.database.read(lambda session: session.scalars(query).one())
    assert (row.slots, row.latest_trigger, row.pid) == (7, "running", daemon.process.pid)
    assert row.latest_trigger_time is not None
    assert row.instance is not None
    site.open("gate")
    daemon.stop()
    daemon.await_end()
    assert site.database.read(lambda session: session.scalars(query).one()).instance is None


def test_log_lines_tell_the_life_of_a_run(site: Site) -> None:
    site.single("told", site.robot("told", FINE))
    daemon = site.once("--log-format", "json")
    lines = [json.loads(line) for line in daemon.log.splitlines()]
    job = site.job("told")
    about = [line["event"] for line in lines if line.get("job") == str(job.id)]
    assert about == ["claimed", "started", "ended"]
    started = next(line for line in lines if line["event"] == "started")
    assert started["pid"] > 0
    assert started["trigger"] == "told"
    ended = next(line for line in lines if line["event"] == "ended")
    assert ended["exit_code"] == 0
    assert ended["seconds"] >= 0
    assert [line["event"] for line in lines][-1] == "stopped"


def test_many_due_at_once_all_run(site: Site) -> None:
    path = site.robot("robot", FINE)
    for number in range(30):
        site.single(f"trigger {number}", path)
    assert site.once(seconds=60).process.returncode == 0
    assert len({job.trigger_id for job in site.jobs()}) == len(site.jobs()) == 30


def test_an_unknown_revision_is_refused(site: Site) -> None:
    site.database.write(lambda session: session.execute(sa.text("UPDATE alembic_version SET version_num = 'future'")))
    daemon = site.once()
    assert daemon.process.returncode == 1
    assert daemon.log.startswith("Error: ")
    assert "future" in daemon.log


def test_a_job_of_a_run_starts_only_once_for_a_due_time(site: Site) -> None:
    path = site.robot("robot", FINE)
    trigger_id = site.scheduled("scheduled", path, cron="0 0 1 1 *")
    daemons = [site.daemon(name=f"worker {number}").await_up() for number in range(2)]
    site.await_job("scheduled", JobStatus.DONE)
    for daemon in daemons:
        daemon.stop()
        daemon.await_end()
    query = sa.select(sa.func.count()).select_from(Job).where(Job.trigger_id == trigger_id)
    assert site.database.read(lambda session: session.scalar(query)) == 1
    status = sa.select(Trigger.process_status).where(Trigger.id == trigger_id)
    assert site.database.read(lambda session: session.scalar(status)) is TriggerStatus.IDLE


def test_a_queue_robot_that_takes_no_elements_does_not_spin(site: Site) -> None:
    site.queue("queue", site.robot("robot", FINE), "orders")
    site.elements("orders", 1)
    site.daemon("--poll-interval", "0.05").await_up()
    wait_for("three runs", lambda: len(site.jobs("queue")) >= 3, context=site.state)
    starts = [job.start_time for job in site.jobs("queue")]
    first, second = ((later - earlier).total_seconds() for earlier, later in pairwise(starts[:3]))
    assert first > 2  # the rests between end and start are of 2 and 4 seconds
    assert second > 4


# The daemon in a thread of this process, where its parts can be made to fail


@contextmanager
def running_here(site: Site, lines: StringIO | None = None, **settings: Any) -> Iterator[daemon_module.Daemon]:
    options = scheduler_options(
        load_settings(
            **{"name": "here", "workspace": site.workspace, "poll_interval": 0.1, "python": sys.executable, **settings}
        )
    )
    made = daemon_module.Daemon(site.database, options, crypto_key=site.key, events=Events(lines))
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        for _ in range(2):
            made.request_stop()
        thread.join(30)
        assert not thread.is_alive()


def test_a_trigger_that_cannot_be_claimed_is_set_aside(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = trigger_claims.claim
    tried: list[str] = []

    def refuse_one(database: Any, identity: Any, due: Sequence[DueTrigger]) -> Any:
        if any(trigger.name == "bad" for trigger in due):
            tried.append(due[0].name if len(due) == 1 else "many")
            raise DatabaseError("refused")
        return real(database, identity, due)

    monkeypatch.setattr(trigger_claims, "claim", refuse_one)
    path = site.robot("robot", FINE)
    site.single("bad", path)
    site.single("good", path)
    with running_here(site):
        site.await_job("good", JobStatus.DONE)
        site.single("good too", path)
        site.await_job("good too", JobStatus.DONE)
    assert tried == ["many", "bad"]
    (message,) = site.errors("process bad")
    assert "cannot be claimed: refused" in message.log_message


def test_it_wakes_for_every_due_time_however_seldom_it_polls(site: Site) -> None:
    path = site.robot("robot", FINE)
    for number in range(12):
        site.single(f"trigger {number}", path, due_in=1 + 0.07 * number)
    with running_here(site, poll_interval=60):
        for number in range(12):
            job = site.await_job(f"trigger {number}", JobStatus.DONE)
            assert job.due_at is not None
            assert job.started_at is not None
            assert job.due_at <= job.started_at


def test_an_unforeseen_error_does_not_end_the_loop(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = trigger_claims.due_triggers
    errors = [ZeroDivisionError("a defect"), DatabaseError("a hiccup")]

    def fail_first(*arguments: Any, **named: Any) -> Any:
        if errors:
            raise errors.pop(0)
        return real(*arguments, **named)

    monkeypatch.setattr(trigger_claims, "due_triggers", fail_first)
    site.single("trigger", site.robot("robot", FINE))
    with running_here(site):
        site.await_job("trigger", JobStatus.DONE)
    assert errors == []


def test_a_slow_preparation_delays_nobody_and_is_given_back_on_stop(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RobotPreparation.__call__
    go_on = threading.Event()

    def slow(self: RobotPreparation, run: Any, watch: Any) -> Any:
        if run.trigger_name == "slow":
            go_on.wait(60)
        return real(self, run, watch)

    monkeypatch.setattr(RobotPreparation, "__call__", slow)
    slow_id = site.single("slow", site.robot("slow", "open('slow.started', 'w')"), priority=1)
    with running_here(site):
        site.await_job("slow", JobStatus.STARTING)
        site.single("quick", site.robot("quick", FINE))
        site.await_job("quick", JobStatus.DONE)
    assert site.status(slow_id) is TriggerStatus.IDLE
    job = site.job("slow")
    assert (job.status, job.reason) == (JobStatus.KILLED, "its scheduler was stopped before the robot was started")
    go_on.set()
    wait_for("the thread", lambda: not any(str(job.id) in thread.name for thread in threading.enumerate()))
    assert not (site.folder / "slow.started").exists()


def test_nothing_is_kept_of_a_run_that_another_scheduler_took_over(site: Site) -> None:
    site.single("trigger", site.gated_robot("robot", "gate"))
    with running_here(site) as made:
        site.await_start("robot")
        site.await_job("trigger", JobStatus.RUNNING)
        assert len(made._preparation._prepared) == 1
        taken_over = sa.update(Job).values(fence=Job.fence + 1, owner=uuid4())
        site.database.write(lambda session: session.execute(taken_over))
        site.open("gate")
        wait_for("the end", lambda: not made._runs.supervisors())
        wait_for("nothing kept", lambda: not made._preparation._prepared)


def test_a_name_taken_by_another_daemon_stops_this_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "KEEP_SECONDS", 0.1)
    options = scheduler_options(load_settings(name="here", workspace=site.workspace, poll_interval=0.1))
    made = daemon_module.Daemon(site.database, options, crypto_key=site.key, events=Events(None))
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(made.run()))
    thread.start()
    query = sa.select(Scheduler.instance).where(Scheduler.machine_name == "here")
    wait_for("its row", lambda: site.database.read(lambda session: session.scalars(query).one_or_none()))
    take = sa.update(Scheduler).values(instance=site.single("x", "x.py", due_in=3600))
    site.database.write(lambda session: session.execute(take))
    thread.join(30)
    assert statuses == [1]


def test_a_daemon_forgets_what_has_long_not_been_used_and_deletes_what_is_not_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "FIRST_SECONDS", 0.1)
    today = site.database.site_now().date()
    days = {"recent": today - timedelta(days=uses.KEPT_DAYS), "old": today - timedelta(days=uses.KEPT_DAYS + 2)}
    used = {uses.Use(UsedKind.QUEUE, name, "p", Access.READ): day for name, day in days.items()}
    assert site.database.change_aside(lambda connection: uses.find_missing(connection, used), uses.note)
    old = Log(log_time=datetime(2020, 1, 1), log_level=LogLevel.INFO, process_name="p", log_message="old")
    site.database.write(lambda session: session.add(old))
    site.database.write(lambda session: keep_days.write(session, KeepDays(logs=30)))
    with running_here(site):
        wait_for("the old use to go", lambda: set(last_reads(site.database)) == {"recent"})
        wait_for("the old log to go", lambda: site.database.read(lambda session: session.get(Log, old.id)) is None)


def last_reads(database: Database) -> dict[str, date]:
    return database.read(lambda session: uses.last_reads(session, UsedKind.QUEUE))


def test_files_that_cannot_be_read_at_the_start_end_it_and_a_shortage_does_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[OSError] = []

    def recover(*_arguments: Any, **_named: Any) -> Iterator[Any]:
        if troubles:
            raise troubles.pop()
        return iter(())

    monkeypatch.setattr(daemon_module, "recover", recover)
    options = scheduler_options(load_settings(name="here", workspace=site.workspace, poll_interval=0.1))
    troubles.append(PermissionError(errno.EACCES, "Permission denied"))
    made = daemon_module.Daemon(site.database, options, crypto_key=site.key, events=Events(None))
    with pytest.raises(ConfigurationError, match="cannot be read: Permission denied"):
        made.run()
    troubles.append(OSError(errno.EMFILE, "Too many open files"))
    with running_here(site):
        site.single("trigger", site.robot("robot", "print('fine')"))
        site.await_job("trigger", JobStatus.DONE)
    assert not troubles


def test_a_database_that_goes_away_while_robots_are_taken_over_is_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        site.single(f"trigger {number}", site.gated_robot(f"robot{number}", "gate"))
    daemon = site.daemon(name="here").await_up()
    for number in range(2):
        site.await_start(f"robot{number}")
        site.await_job(f"trigger {number}", JobStatus.RUNNING)
    daemon.kill()
    real = ownership.adopt
    calls: list[Any] = []

    def away_at_the_second(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise ConnectionFailedError("away")
        return real(*arguments)

    monkeypatch.setattr(ownership, "adopt", away_at_the_second)
    with running_here(site):
        wait_for("both", lambda: len(calls) == 3)
        site.open("gate")
        for number in range(2):
            site.await_job(f"trigger {number}", JobStatus.DONE)
    assert all(len(site.starts(f"robot{number}")) == 1 for number in range(2))


def test_a_locked_row_of_one_job_keeps_a_restart_from_none_of_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        site.single(f"trigger {number}", site.gated_robot(f"robot{number}", f"gate{number}"))
    daemon = site.daemon(name="here").await_up()
    locked = site.await_job("trigger 0", JobStatus.RUNNING).id
    site.await_job("trigger 1", JobStatus.RUNNING)
    for number in range(2):
        site.await_start(f"robot{number}")
    daemon.kill()
    real = ownership.adopt
    let_go = threading.Event()

    def locked_for_now(database: Database, identity: Identity, job_id: UUID, fence: int) -> int | None:
        if job_id == locked and not let_go.is_set():
            raise TransientDatabaseError("canceling statement due to lock timeout")
        return real(database, identity, job_id, fence)

    monkeypatch.setattr(ownership, "adopt", locked_for_now)
    with running_here(site):
        site.open("gate1")
        site.await_job("trigger 1", JobStatus.DONE)
        assert site.job("trigger 0").status is JobStatus.RUNNING
        let_go.set()
        site.open("gate0")
        site.await_job("trigger 0", JobStatus.DONE)
    assert all(len(site.starts(f"robot{number}")) == 1 for number in range(2))


def test_a_locked_row_of_its_name_is_waited_for_at_the_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = schedulers.enroll
    tries: list[int] = []

    def locked_twice(*arguments: Any, **more: Any) -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise TransientDatabaseError("canceling statement due to lock timeout")
        real(*arguments, **more)

    monkeypatch.setattr(schedulers, "enroll", locked_twice)
    site.single("trigger", site.robot("robot", FINE))
    lines = StringIO()
    with running_here(site, lines):
        site.await_job("trigger", JobStatus.DONE)
    assert lines.getvalue().count("No contact with the database") == 1
    assert "lock timeout" in lines.getvalue()
    assert "In contact with the database again" in lines.getvalue()


def test_a_locked_row_of_its_name_ends_a_scheduler_that_runs_once_or_is_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any, **__: Any) -> None:
        raise TransientDatabaseError("canceling statement due to lock timeout")

    monkeypatch.setattr(schedulers, "enroll", locked)
    for once in (True, False):
        options = scheduler_options(load_settings(name="here", workspace=site.workspace), once=once)
        made = daemon_module.Daemon(site.database, options, crypto_key=site.key, events=Events(None))
        if once:
            with pytest.raises(TransientDatabaseError):
                made.run()
        else:
            made.request_stop()
            assert made.run() == 0


@pytest.mark.parametrize("meanwhile", ["once", "stopping", "run at a terminal"])
def test_what_nobody_foresaw_does_not_end_a_scheduler_that_has_robots(
    site: Site, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    failed: list[str] = []

    def no_memory(*_: Any) -> None:
        if site.starts("robot") and not (site.folder / "gate").exists():
            failed.append(meanwhile)
            raise MemoryError

    monkeypatch.setattr(kill_requests, "carry_out", no_memory)
    options = scheduler_options(
        load_settings(name="here", workspace=site.workspace, poll_interval=0.1, python=sys.executable),
        once=meanwhile == "once",
    )
    site.single("trigger", site.gated_robot("robot", "gate"))
    lines = StringIO()
    events = Events(lines)
    made: daemon_module.Daemon | SingleRun
    if meanwhile == "run at a terminal":
        made = SingleRun(site.database, options, crypto_key=site.key, events=events, on_record=lambda _record: None)
        thread = threading.Thread(target=made.run, args=("trigger",))
    else:
        made = daemon_module.Daemon(site.database, options, crypto_key=site.key, events=events)
        thread = threading.Thread(target=made.run)
    thread.start()
    site.await_start("robot")
    if meanwhile == "stopping":
        made.request_stop()
        wait_for("the stop", lambda: "Stopping." in lines.getvalue())
        failed.clear()
    wait_for("failures", lambda: len(failed) > 2)
    assert thread.is_alive()
    site.open("gate")
    site.await_job("trigger", JobStatus.DONE)
    if meanwhile != "once":
        made.request_stop()
    thread.join(30)
    assert not thread.is_alive()
    assert "MemoryError" in lines.getvalue()
