"""From a due trigger to a supervisor: what happens when this process can follow no more runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from bench import Bench
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.errors import CommitOutcomeUnknownError, ConnectionFailedError
from OpenOrchestrator.common.settings import load_settings
from OpenOrchestrator.database.lifecycle import runs as run_writes
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.scheduler.claiming.claiming import Claiming
from OpenOrchestrator.scheduler.claiming.poison import Poison
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.loop import dispatch as module
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.dispatch import Dispatch
from OpenOrchestrator.scheduler.loop.run_table import RunTable
from OpenOrchestrator.scheduler.options import SchedulerOptions, scheduler_options
from OpenOrchestrator.scheduler.recovery import unfollowed as unfollowed_module
from OpenOrchestrator.scheduler.recovery.unfollowed import UNFOLLOWED, Unfollowed
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.runs.services import Services

pytestmark = pytest.mark.kinds("sqlite")


class Fleet:
    """A dispatch with its table of runs."""

    def __init__(self, bench: Bench) -> None:
        site = bench.site
        self.bench = bench
        self.runs = RunTable(Bell())
        services = Services(
            database=site.database,
            events=bench.events,
            contact=bench.contact,
            prepare=lambda run, watch: bench.prepare(run, watch),  # noqa: PLW0108  (a test replaces it)
            on_over=self.runs.remove,
        )
        options: SchedulerOptions = scheduler_options(load_settings(name="bench", workspace=site.workspace))
        claiming = Claiming(site.database, bench.identity, options, Poison(site.database, bench.events))
        self.unfollowed = Unfollowed(
            site.database,
            bench.identity,
            bench.events,
            followed=lambda: [job.job_id for job in self.runs.jobs()],
        )
        self.dispatch = Dispatch(site.database, claiming, self.runs, services, self.unfollowed)

    def start_due(self) -> None:
        self.dispatch.start(self.dispatch.choose(self.dispatch.look().due))

    def await_ends(self) -> None:
        wait_for("the ends", lambda: not self.runs.supervisors(), context=lambda: self.bench.lines.text)


@pytest.fixture
def fleet(site: Site) -> Fleet:
    return Fleet(Bench(site))


def refuse_threads(monkeypatch: pytest.MonkeyPatch, how_many: int) -> None:
    """Let the first threads of runs not be started."""
    real = threading.Thread.start
    left = [how_many]

    def start(self: threading.Thread) -> None:
        if self.name.startswith("run ") and left[0] > 0:
            left[0] -= 1
            raise RuntimeError("can't start new thread")
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)


def test_a_run_without_a_thread_is_given_back_and_holds_up_no_other(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fleet.bench.site
    first = site.single("first", site.robot("first", "print(1)"), priority=9)
    site.single("second", site.robot("second", "print(2)"))
    refuse_threads(monkeypatch, 1)
    fleet.start_due()
    fleet.await_ends()
    assert site.job("second").status is JobStatus.DONE
    job = site.job("first")
    assert (job.status, job.reason) == (JobStatus.KILLED, module.NO_MEANS)
    assert site.status(first) is TriggerStatus.IDLE
    assert "can't start new thread" in fleet.bench.lines.text
    assert not fleet.dispatch.has_room(), "not at once again"
    monkeypatch.setattr(module, "elapsed", lambda: 1e12)
    assert fleet.dispatch.has_room()
    fleet.start_due()
    fleet.await_ends()
    assert site.status(first) is TriggerStatus.DONE


def test_pauses_without_means_grow_and_begin_anew_after_a_while(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(module, "elapsed", lambda: now[0])

    def pause() -> float:
        fleet.dispatch.rest()
        began = now[0]
        fleet.dispatch.rest()  # of another run, at the same time
        while not fleet.dispatch.has_room():
            now[0] += 1
        return now[0] - began

    assert [pause() for _ in range(6)] == [5, 10, 20, 30, 30, 30]
    now[0] += module.LONGEST_CROWDED_SECONDS
    assert pause() == 5


def test_a_run_that_cannot_be_given_back_holds_up_no_other_either(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fleet.bench.site
    site.single("first", site.robot("first", "print(1)"), priority=9)
    site.single("second", site.robot("second", "print(2)"))
    refuse_threads(monkeypatch, 1)

    def away(*_: Any, **__: Any) -> bool:
        raise ConnectionFailedError("away")

    monkeypatch.setattr(run_writes, "give_back", away)
    fleet.start_due()
    fleet.await_ends()
    assert site.job("second").status is JobStatus.DONE
    assert site.job("first").status is JobStatus.STARTING

    monkeypatch.undo()  # the database is back
    fleet.dispatch.look_after_runs()

    assert (site.job("first").status, site.job("first").reason) == (JobStatus.KILLED, UNFOLLOWED)


def test_a_claim_that_was_saved_without_anybody_knowing_is_given_back_and_started(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fleet.bench.site
    trigger_id = site.single("trigger", site.robot("robot", "print(1)"))
    real = trigger_claims.claim

    def saved_unheard(*arguments: Any) -> None:
        real(*arguments)
        raise CommitOutcomeUnknownError("cut")

    fleet.dispatch.look_after_runs()
    with monkeypatch.context() as patch:
        patch.setattr(trigger_claims, "claim", saved_unheard)
        with pytest.raises(CommitOutcomeUnknownError):
            fleet.start_due()
    assert (site.job("trigger").status, site.status(trigger_id)) == (JobStatus.STARTING, TriggerStatus.RUNNING)

    fleet.dispatch.look_after_runs()
    fleet.start_due()
    fleet.await_ends()

    lost, run = site.jobs("trigger")
    assert (lost.status, lost.reason) == (JobStatus.KILLED, UNFOLLOWED)
    assert (run.status, run.attempt) == (JobStatus.DONE, 1)


def test_a_claim_that_is_saved_later_is_found_by_a_later_look(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    site = fleet.bench.site
    trigger_id = site.single("trigger", site.robot("robot", "print(1)"))
    now = [0.0]
    monkeypatch.setattr(unfollowed_module, "elapsed", lambda: now[0])
    fleet.dispatch.look_after_runs()
    fleet.bench.claim()  # by this scheduler, and not known to the table of runs
    fleet.dispatch.look_after_runs()
    assert site.status(trigger_id) is TriggerStatus.RUNNING, "not looked for at every turn"
    now[0] = unfollowed_module.LOOK_SECONDS
    fleet.dispatch.look_after_runs()
    assert site.status(trigger_id) is TriggerStatus.IDLE


def test_a_run_that_is_being_prepared_is_not_given_back(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    site = fleet.bench.site
    site.single("trigger", site.robot("robot", "print(1)"))
    prepared = threading.Event()
    real = fleet.bench.prepare

    def prepare(run: Any, watch: Any) -> Any:
        assert prepared.wait(60)
        return real(run, watch)

    fleet.bench.prepare = prepare
    fleet.start_due()
    fleet.unfollowed.look_soon()
    fleet.dispatch.look_after_runs()
    assert site.job("trigger").status is JobStatus.STARTING
    prepared.set()
    fleet.await_ends()
    assert [job.status for job in site.jobs("trigger")] == [JobStatus.DONE]


def test_what_fails_before_the_thread_gives_the_run_back_too(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    site = fleet.bench.site
    trigger_id = site.single("first", site.robot("first", "print(1)"))

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Events, "claimed", fail)
        fleet.start_due()
    assert fleet.runs.supervisors() == []
    assert site.status(trigger_id) is TriggerStatus.IDLE


def test_a_robot_of_an_earlier_start_is_followed_as_soon_as_there_is_a_thread(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fleet.bench.site
    site.single("trigger", site.gated_robot("robot", "gate"))
    earlier = fleet.bench.start()
    site.await_start("robot")
    site.await_job("trigger", JobStatus.RUNNING)
    earlier.detach()
    fleet.bench.await_end()
    (folder,) = (site.workspace / "runs").iterdir()
    refuse_threads(monkeypatch, 2)
    job = earlier.job
    fleet.dispatch.follow(job, RunDirectory(folder))
    assert [each.job for each in fleet.runs.supervisors()] == [job], "its lease is kept"
    assert not fleet.dispatch.has_room()
    fleet.dispatch.look_after_runs()
    site.open("gate")
    fleet.dispatch.look_after_runs()
    fleet.await_ends()
    assert site.job("trigger").status is JobStatus.DONE
    assert site.output(job.job_id) == "waiting\nthrough the gate\n"
    assert fleet.bench.lines.text.count("can't start new thread") == 1
    assert fleet.dispatch.has_room()
