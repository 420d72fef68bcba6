"""The books of a chaos run: each fault that is planted is found, by its own name and by no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from benchmarks.chaos.books import Books, Check, ElementRow, JobRow, TriggerRow, compare
from benchmarks.chaos.effects import Effects, Note, read_effects
from benchmarks.chaos.workload import Orders
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus, TriggerType

DUE = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


class Run:
    """A run in which all went well: one element done by one worker, one single trigger, one due time."""

    def __init__(self) -> None:
        self.element, self.worker, self.single, self.scheduled = (uuid4() for _ in range(4))
        self.worker_job, self.single_job, self.scheduled_job = (uuid4() for _ in range(3))
        self.orders = Orders({self.element}, {self.single}, {(self.scheduled, DUE)})
        self.books = Books(
            elements={self.element: ElementRow(self.element, QueueStatus.DONE, "1", None, self.worker_job)},
            jobs={
                job.id: job
                for job in (
                    JobRow(self.worker_job, JobStatus.DONE, "machine-0", self.worker, None, None, 0, 9),
                    JobRow(self.single_job, JobStatus.DONE, "machine-1", self.single, DUE, None, 0, 9),
                    JobRow(self.scheduled_job, JobStatus.DONE, "machine-0", self.scheduled, DUE, None, 0, 9),
                )
            },
            triggers={
                trigger.id: trigger
                for trigger in (
                    TriggerRow(self.worker, "worker", TriggerType.QUEUE, TriggerStatus.IDLE),
                    TriggerRow(self.single, "single", TriggerType.SINGLE, TriggerStatus.DONE),
                    TriggerRow(self.scheduled, "scheduled", TriggerType.SCHEDULED, TriggerStatus.IDLE),
                )
            },
            outputs={self.single_job: "line 0\nline 1\nline 2\n"},
            logged={"chaos 1": 1},
        )
        self.notes = [
            self.note("begin", self.worker_job),
            self.note("logging", self.worker_job, message="chaos 1"),
            self.note("logged", self.worker_job, message="chaos 1"),
            *self.worked("token"),
            self.note("end", self.worker_job),
            self.note("begin", self.single_job),
            self.note("end", self.single_job),
            self.note("begin", self.scheduled_job),
            self.note("making", self.scheduled_job, reference="made"),
            self.note("end", self.scheduled_job),
        ]

    def note(self, kind: str, job: UUID, **facts: str) -> Note:
        return Note(kind, float(len(getattr(self, "notes", ()))), "trigger", str(job), facts, "file")

    def worked(self, token: str) -> list[Note]:
        facts = {"element": str(self.element), "token": token}
        took, effect = (self.note(kind, self.worker_job, **facts) for kind in ("took", "effect"))
        return [took, effect, self.note("accepted", self.worker_job, **facts, status="DONE")]

    def change_element(self, **values: object) -> None:
        element = replace(self.books.elements[self.element], **values)  # type: ignore[arg-type]
        self.books = replace(self.books, elements={**self.books.elements, element.id: element})

    def change_job(self, job_id: UUID, **values: object) -> None:
        job = replace(self.books.jobs[job_id], **values)  # type: ignore[arg-type]
        self.books = replace(self.books, jobs={**self.books.jobs, job.id: job})

    def change_trigger(self, trigger_id: UUID, status: TriggerStatus) -> None:
        trigger = replace(self.books.triggers[trigger_id], status=status)
        self.books = replace(self.books, triggers={**self.books.triggers, trigger.id: trigger})

    def drop(self, *kinds: str, job: UUID | None = None) -> None:
        self.notes = [note for note in self.notes if note.kind not in kinds or (job and note.job != str(job))]

    def found(self, *, at_rest: bool = True) -> set[str]:
        effects = Effects(list(self.notes))
        return {finding.check for finding in compare(self.books, self.orders, effects, at_rest=at_rest)}


@pytest.fixture
def run() -> Run:
    return Run()


def names(*checks: Check) -> set[str]:
    return {check.value for check in checks}


def test_nothing_is_found_where_all_went_well(run: Run) -> None:
    assert run.found() == set()


def test_a_loss_with_a_reason_is_no_fault(run: Run) -> None:
    run.change_element(status=QueueStatus.ABANDONED, message="Its job ended.")
    run.drop("accepted")
    run.change_job(run.worker_job, status=JobStatus.LOST, reason="not heard of")
    run.change_job(run.single_job, status=JobStatus.KILLED, reason="killed on request")
    run.change_trigger(run.single, TriggerStatus.KILLED)
    run.drop("begin", "end", job=run.single_job)
    assert run.found() == set()


def test_doubles(run: Run) -> None:
    run.notes += run.worked("another token")
    assert run.found() == names(Check.HANDED_OUT_TWICE, Check.EFFECT_TWICE, Check.FINISHED_TWICE)


def test_a_job_with_two_robots(run: Run) -> None:
    run.notes.append(run.note("begin", run.scheduled_job))
    assert run.found() == names(Check.ROBOT_TWICE)


@pytest.mark.parametrize(("trigger", "check"), [("single", Check.RUN_TWICE), ("scheduled", Check.DUE_TWICE)])
def test_a_trigger_that_runs_again_for_the_same_due_time(run: Run, trigger: str, check: Check) -> None:
    job = JobRow(uuid4(), JobStatus.LOST, "machine-2", getattr(run, trigger), DUE, "lost", 20, 30)
    run.books = replace(run.books, jobs={**run.books.jobs, job.id: job})
    assert run.found() == set()  # a start that was lost before it had a robot
    run.notes.append(run.note("begin", job.id))
    assert run.found() == names(check)


@pytest.mark.parametrize(("count", "check"), [(0, Check.ELEMENT_GONE), (2, Check.MADE_TWICE)])
def test_elements_that_robots_add(run: Run, count: int, check: Check) -> None:
    made = [ElementRow(uuid4(), QueueStatus.ABANDONED, "made", "reason", None) for _ in range(count)]
    run.books = replace(run.books, elements={**run.books.elements, **{element.id: element for element in made}})
    run.notes.append(run.note("made", run.scheduled_job, reference="made"))
    assert run.found() == names(check)


def test_an_element_that_is_gone(run: Run) -> None:
    run.books = replace(run.books, elements={})
    assert run.found() == names(Check.ELEMENT_GONE)


def test_an_element_without_an_effect(run: Run) -> None:
    run.drop("effect")
    assert run.found() == names(Check.DONE_WITHOUT_EFFECT)


@pytest.mark.parametrize(
    ("status", "job_status", "check"),
    [
        (QueueStatus.NEW, JobStatus.DONE, Check.ELEMENT_LEFT),
        (QueueStatus.IN_PROGRESS, JobStatus.DONE, Check.ELEMENT_STUCK),
        (QueueStatus.ABANDONED, JobStatus.DONE, Check.NO_REASON),
    ],
)
def test_an_element_that_did_not_come_to_its_end(
    run: Run, status: QueueStatus, job_status: JobStatus, check: Check
) -> None:
    run.change_element(status=status)
    run.change_job(run.worker_job, status=job_status)
    assert run.found() == names(check, Check.FINISH_LOST)


def test_an_element_under_a_job_that_has_not_ended(run: Run) -> None:
    run.change_element(status=QueueStatus.IN_PROGRESS)
    run.change_job(run.worker_job, status=JobStatus.RUNNING, ended=None)
    run.drop("accepted")
    assert run.found() == names(Check.ELEMENT_HELD, Check.JOB_STUCK)


def test_what_was_cut_off_is_not_lost(run: Run) -> None:
    run.change_element(status=QueueStatus.IN_PROGRESS)
    run.drop("accepted")
    run.change_job(run.worker_job, status=JobStatus.RUNNING, ended=None)
    run.change_trigger(run.worker, TriggerStatus.RUNNING)
    waiting = ElementRow(uuid4(), QueueStatus.NEW, "2", None, None)
    jobs = {job_id: job for job_id, job in run.books.jobs.items() if job_id == run.worker_job}
    run.books = replace(run.books, jobs=jobs, elements={**run.books.elements, waiting.id: waiting})
    run.change_trigger(run.single, TriggerStatus.IDLE)
    run.notes = [note for note in run.notes if note.job == str(run.worker_job)]
    assert run.found(at_rest=False) == set()
    assert run.found() == names(
        Check.ELEMENT_HELD, Check.ELEMENT_LEFT, Check.JOB_STUCK, Check.SINGLE_LOST, Check.DUE_LOST
    )


def test_what_was_accepted_is_demanded_of_whoever_was_cut_off_too(run: Run) -> None:
    run.change_trigger(run.worker, TriggerStatus.RUNNING)
    run.change_element(status=QueueStatus.IN_PROGRESS)
    run.books = replace(run.books, logged={})
    assert run.found(at_rest=False) == names(
        Check.TRIGGER_STUCK, Check.ELEMENT_STUCK, Check.FINISH_LOST, Check.LOG_LOST
    )
    run.change_trigger(run.single, TriggerStatus.IDLE)
    assert Check.SINGLE_LOST.value in run.found(at_rest=False)  # its robot began


def test_an_end_without_a_reason(run: Run) -> None:
    run.change_job(run.scheduled_job, status=JobStatus.LOST)
    assert run.found() == names(Check.NO_REASON)


def test_single_triggers_that_are_lost(run: Run) -> None:
    run.change_trigger(run.single, TriggerStatus.IDLE)
    assert run.found() == names(Check.SINGLE_LOST)
    run.change_trigger(run.single, TriggerStatus.DONE)
    run.books = replace(run.books, jobs={k: v for k, v in run.books.jobs.items() if k != run.single_job})
    assert run.found() == names(Check.SINGLE_LOST)
    run.books = replace(run.books, triggers={k: v for k, v in run.books.triggers.items() if k != run.single})
    assert run.found() == names(Check.SINGLE_LOST)


def test_a_trigger_that_is_busy_with_nothing(run: Run) -> None:
    run.change_trigger(run.worker, TriggerStatus.RUNNING)
    assert run.found() == names(Check.TRIGGER_STUCK)


def test_a_due_time_that_is_lost(run: Run) -> None:
    run.change_job(run.scheduled_job, due_at=DUE.replace(hour=13))
    assert run.found() == names(Check.DUE_LOST)


def test_a_job_that_is_done_without_a_robot(run: Run) -> None:
    run.drop("begin", "end", job=run.single_job)
    assert run.found() == names(Check.JOB_WITHOUT_EFFECT, Check.SINGLE_LOST)


def test_output_that_is_cut_without_a_mark(run: Run) -> None:
    run.books = replace(run.books, outputs={run.single_job: "line 0\n"})
    assert run.found() == names(Check.OUTPUT_LOST)
    run.change_job(run.single_job, reason="its output is incomplete: disk full")
    assert run.found() == set()


@pytest.mark.parametrize(("count", "check"), [(0, Check.LOG_LOST), (2, Check.LOGGED_TWICE)])
def test_log_messages(run: Run, count: int, check: Check) -> None:
    run.books = replace(run.books, logged={"chaos 1": count})
    assert run.found() == names(check)


def test_the_notes_of_a_robot_that_was_killed_while_it_wrote(tmp_path: Path) -> None:
    line = '{"kind": "took", "at": 2.5, "trigger": "t", "job": "j", "element": "e", "token": "x"}\n'
    (tmp_path / "j-1.jsonl").write_text(line + line[:20])
    effects = read_effects(tmp_path)
    assert [(note.kind, note.at, note.facts["token"]) for note in effects.by_element["e"]] == [("took", 2.5, "x")]
    assert effects.by_job["j"] == effects.notes
