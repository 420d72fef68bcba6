"""Why a trigger is not running: what comes first, and what keeps each scheduler from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from OpenOrchestrator.database.lifecycle.screens import Holder
from OpenOrchestrator.database.lifecycle.selection import Candidate
from OpenOrchestrator.database.lifecycle.waiting import ActiveJob, Cause, Facts, KnownScheduler, Reason, in_short, why
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.database.stores.cordons import Mark
from OpenOrchestrator.database.stores.queue_pauses import QueuePause
from OpenOrchestrator.database.stores.site_pause import SitePause

OWN = UUID(int=1)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)
SITE_NOW = datetime(2026, 6, 1, 14, 0)
ZONE = ZoneInfo("Europe/Copenhagen")


def candidate(trigger_id: UUID = OWN, name: str = "Invoices", **values: Any) -> Candidate:
    standard: dict[str, Any] = {"priority": 0, "is_blocking": False, "whitelist": (), "due_at": NOW}
    return Candidate(trigger_id=trigger_id, name=name, type=TriggerType.SINGLE, **{**standard, **values})


def job(
    scheduler: str = "worker-1", name: str = "Letters", *, blocking: bool = False, of: UUID | None = None
) -> ActiveJob:
    return ActiveJob(UUID(int=7), of or uuid4(), scheduler, name, SITE_NOW - timedelta(minutes=5), blocking)


def scheduler(name: str = "worker-1", *, live: bool = True, slots: int | None = 2) -> KnownScheduler:
    return KnownScheduler(name, live, SITE_NOW - timedelta(hours=1), slots)


IDLE = Facts(trigger_id=OWN, name="Invoices", status=TriggerStatus.IDLE, zone=ZONE)


def due(*others: Candidate, **values: Any) -> Facts:
    own = candidate(**values)
    return replace(IDLE, due=own, candidates=(own, *others), schedulers=(scheduler(),))


def only(facts: Facts) -> Reason:
    (reason,) = why(facts)
    return reason


@pytest.mark.parametrize(
    ("facts", "cause", "words"),
    [
        (replace(IDLE, unreadable="its column priority holds 'x'"), Cause.UNREADABLE, "holds 'x'"),
        (replace(IDLE, status=TriggerStatus.RUNNING, jobs=(job(of=OWN),)), Cause.RUNS, "since 2026-06-01 13:55:00"),
        (replace(IDLE, status=TriggerStatus.PAUSED), Cause.PAUSED, "It is paused. Enable it."),
        (replace(IDLE, status=TriggerStatus.FAILED), Cause.HELD, "failed. Enable it."),
        (replace(IDLE, status=TriggerStatus.KILLED), Cause.HELD, "was killed. Enable it."),
        (replace(IDLE, status=TriggerStatus.DONE), Cause.HAS_RUN, "runs once"),
        (replace(IDLE, status=TriggerStatus.PAUSING), Cause.HELD, "no job of it runs"),
        (replace(IDLE, status=None), Cause.HELD, "Its status is none"),
        (
            replace(IDLE, queue="Orders", waiting=1, wanted=5),
            Cause.QUEUE_TOO_SHORT,
            "Orders has 1 New element, and it starts at 5",
        ),
        (replace(IDLE, queue="Orders", waiting=5, wanted=5, rests_until=NOW), Cause.RESTS, "until 2026-06-01 14:00:00"),
        (
            replace(IDLE, queue="Orders", queue_pause=QueuePause(since=NOW, by="Bo", reason="SAP is down", until=None)),
            Cause.QUEUE_PAUSED,
            "Orders is paused since 2026-06-01 14:00:00 by Bo (SAP is down). Resume the queue.",
        ),
        (
            replace(IDLE, queue="Orders", queue_pause=QueuePause(since=NOW, by=None, reason="Night", until=NOW)),
            Cause.QUEUE_PAUSED,
            "(Night), until 2026-06-01 14:00:00.",
        ),
        (replace(IDLE, next_due=NOW), Cause.NOT_DUE, "before 2026-06-01 14:00:00"),
        (IDLE, Cause.NOTHING, "Nothing hinders it"),
    ],
)
def test_what_is_said_of_the_trigger_itself(facts: Facts, cause: Cause, words: str) -> None:
    reason = only(facts)
    assert reason.cause is cause
    assert words in reason.words


def test_a_pause_says_who_since_when_why_and_until_when() -> None:
    paused = replace(
        IDLE,
        status=TriggerStatus.PAUSED,
        paused_by="Anna",
        paused_since=SITE_NOW,
        pause_reason="the bank is closed",
        paused_until=NOW + timedelta(days=1),
    )
    assert only(paused) == Reason(
        Cause.PAUSED,
        "It is paused by Anna since 2026-06-01 14:00:00 (the bank is closed), until 2026-06-02 14:00:00.",
        NOW + timedelta(days=1),
    )


def test_what_is_due_is_started_where_nothing_is_in_the_way() -> None:
    assert only(due()).cause is Cause.NOTHING


def test_a_trigger_that_is_asked_for_while_paused_is_judged_as_one_that_is_due() -> None:
    assert only(replace(due(), status=TriggerStatus.PAUSED)).cause is Cause.NOTHING


@pytest.mark.parametrize(
    ("schedulers", "whitelist", "causes"),
    [
        ((), (), [Cause.NO_SCHEDULER]),
        ((scheduler(),), ("elsewhere",), [Cause.NO_SCHEDULER]),
        ((scheduler(),), ("elsewhere", " WORKER-1 "), [Cause.NO_SCHEDULER, Cause.NOTHING]),
        ((scheduler(live=False),), (), [Cause.SCHEDULER_SILENT]),
        ((scheduler(live=False), scheduler("worker-2")), (), [Cause.SCHEDULER_SILENT, Cause.NOTHING]),
        ((scheduler(slots=None),), (), [Cause.NOTHING]),
    ],
)
def test_where_it_may_run_and_who_lives(
    schedulers: tuple[KnownScheduler, ...], whitelist: tuple[str, ...], causes: list[Cause]
) -> None:
    facts = replace(due(whitelist=whitelist), schedulers=schedulers)
    assert [reason.cause for reason in why(facts)] == causes


@pytest.mark.parametrize(
    ("facts", "jobs", "cause", "words"),
    [
        (due(), (job(), job(name="Posts")), Cause.SLOTS_FULL, "All 2 slots of worker-1 are taken: Letters since"),
        (due(), (job("WORKER-1 ", blocking=True),), Cause.BLOCKED, "runs Letters since"),
        (due(is_blocking=True), (job(),), Cause.WAITS_TO_BE_ALONE, "and Letters since 2026-06-01 13:55:00"),
        (
            due(candidate(uuid4(), "Backup", priority=9, is_blocking=True)),
            (job(),),
            Cause.BEHIND_BLOCKING,
            "Backup comes before it",
        ),
        (due(candidate(uuid4(), "Urgent", priority=9)), (job(),), Cause.BEHIND, "others come before it: Urgent"),
        (due(), (job("elsewhere"), job("elsewhere")), Cause.NOTHING, "Nothing hinders it"),
    ],
)
def test_what_is_in_the_way_on_a_scheduler(facts: Facts, jobs: tuple[ActiveJob, ...], cause: Cause, words: str) -> None:
    reason = only(replace(facts, jobs=jobs))
    assert (reason.cause, reason.scheduler) == (cause, "worker-1")
    assert words in reason.words
    assert all(str(one) in reason.words for one in reason.jobs)
    assert bool(reason.jobs) == ("(job " in reason.words)


def test_what_runs_is_named_by_its_id() -> None:
    running = replace(IDLE, status=TriggerStatus.RUNNING, jobs=(job(of=OWN),))
    assert only(running).jobs == (UUID(int=7),)


@pytest.mark.parametrize(
    ("schedulers", "jobs", "short"),
    [
        ((), (), "No scheduler"),
        ((scheduler(live=False),), (), "worker-1 silent"),
        ((scheduler(live=False), scheduler("worker-2", live=False)), (), "No live scheduler"),
        ((scheduler(slots=1),), (job(),), "All slots taken"),
        ((scheduler(live=False), scheduler("worker-2", slots=1)), (job("worker-2"),), "All slots taken"),
        ((scheduler(),), (job(blocking=True),), "Waits for Letters"),
        ((scheduler(slots=1), scheduler("worker-2")), (job(),), ""),
    ],
)
def test_in_short_it_is_what_is_nearest_to_starting_it(
    schedulers: tuple[KnownScheduler, ...], jobs: tuple[ActiveJob, ...], short: str
) -> None:
    assert in_short(why(replace(due(), schedulers=schedulers, jobs=jobs))) == short


@pytest.mark.parametrize(
    "facts",
    [
        replace(IDLE, status=TriggerStatus.PAUSED),
        replace(IDLE, next_due=NOW),
        replace(IDLE, queue="Orders", waiting=1, wanted=5),
        replace(IDLE, status=TriggerStatus.RUNNING, jobs=(job(of=OWN),)),
    ],
)
def test_in_short_there_is_nothing_to_say_of_what_is_not_due(facts: Facts) -> None:
    assert in_short(why(facts)) == ""


@pytest.mark.parametrize(
    ("waits", "whitelist", "short", "words"),
    [
        (timedelta(seconds=60), (), "", "starts it at its next look"),
        (timedelta(seconds=61), (), "worker-1 leaves it", "--whitelisted-only"),
        (timedelta(seconds=61), ("worker-1",), "worker-1 leaves it", "Its log says more."),
    ],
)
def test_a_scheduler_that_should_have_started_it_by_now_is_not_said_to_be_about_to(
    waits: timedelta, whitelist: tuple[str, ...], short: str, words: str
) -> None:
    reason = only(replace(due(whitelist=whitelist), due_since=NOW, now=NOW + waits))
    assert (reason.cause, reason.short) == (Cause.NOTHING, short)
    assert words in reason.words
    assert ("--whitelisted-only" in reason.words) == ("next look" not in words and not whitelist)


PAUSE = SitePause(since=NOW - timedelta(hours=1), by="Ann", reason="SAP is closed", until=NOW + timedelta(hours=1))
ASKED = Mark(NOW - timedelta(minutes=5), "Bo")


def test_a_pause_of_the_site_says_who_since_when_why_and_until_when() -> None:
    reason = only(replace(due(), site_pause=PAUSE))
    assert (reason.cause, reason.until, reason.scheduler) == (Cause.SITE_PAUSED, PAUSE.until, None)
    assert reason.words == (
        "The site is paused by Ann since 2026-06-01 13:00:00 (SAP is closed), until 2026-06-01 15:00:00, so nothing "
        "starts."
    )
    assert in_short((reason,)) == "Site paused"
    endless = only(replace(due(), site_pause=SitePause(reason="closed by SQL")))
    assert endless.words == "The site is paused (closed by SQL), so nothing starts. Resume it."
    assert endless.until is None


def test_a_pause_of_the_site_comes_before_what_else_keeps_the_trigger() -> None:
    later = replace(IDLE, next_due=NOW + timedelta(hours=3), site_pause=PAUSE)
    assert [reason.cause for reason in why(later)] == [Cause.SITE_PAUSED, Cause.NOT_DUE]
    assert in_short(why(later)) == "", "it is not due"
    assert [reason.cause for reason in why(replace(IDLE, site_pause=PAUSE))] == [Cause.SITE_PAUSED]
    runs = replace(IDLE, status=TriggerStatus.RUNNING, jobs=(job(of=OWN),), site_pause=PAUSE)
    assert only(runs).cause is Cause.RUNS, "what runs goes on"


def test_a_scheduler_of_an_earlier_version_may_start_it_in_spite_of_the_pause() -> None:
    facts = replace(due(), site_pause=PAUSE, schedulers=(scheduler(), scheduler("old", slots=None)))
    assert [(reason.cause, reason.scheduler) for reason in why(facts)] == [
        (Cause.SITE_PAUSED, None),
        (Cause.NOTHING, "old"),
    ]


@pytest.mark.parametrize(
    ("held", "cause", "words"),
    [
        ({"cordon": ASKED}, Cause.CORDONED, "worker-1 is cordoned by Bo since 2026-06-01 13:55:00. Uncordon it."),
        (
            {"cordon": ASKED, "drain": ASKED},
            Cause.DRAINED,
            "worker-1 is drained by Bo since 2026-06-01 13:55:00: it ends when its robots have.",
        ),
        ({"stopping": Mark(ASKED.since)}, Cause.STOPS, "waits since 2026-06-01 13:55:00 for its robots to end"),
    ],
)
def test_a_scheduler_that_is_held_says_so_and_others_are_judged_as_ever(
    held: dict[str, Mark], cause: Cause, words: str
) -> None:
    facts = replace(due(), schedulers=(replace(scheduler(), **held), scheduler("worker-2")))
    first, second = why(facts)
    assert (first.cause, first.scheduler) == (cause, "worker-1")
    assert words in first.words
    assert in_short((first,)).startswith("worker-1 ")
    assert (second.cause, second.scheduler) == (Cause.NOTHING, "worker-2")


# --- labels and the screen


def carrying(name: str, *labels: str, live: bool = True) -> KnownScheduler:
    return replace(scheduler(name, live=live), labels=labels, machine="m")


def test_of_those_that_are_heard_from_one_that_carries_the_labels_counts_alone() -> None:
    facts = replace(due(labels=("sap",)), schedulers=(carrying("plain"), carrying("worker-2", "SAP")))
    assert only(facts).scheduler == "worker-2"


def test_labels_that_only_a_silent_scheduler_carries_are_unmet() -> None:
    facts = replace(due(labels=("sap",)), schedulers=(carrying("plain"), carrying("worker-2", "sap", live=False)))
    unmet, silent = why(facts)
    assert (unmet.cause, silent.cause) == (Cause.NO_LABELS, Cause.SCHEDULER_SILENT)
    assert "plain lacks sap" in unmet.words
    assert in_short(why(facts)) == "Nobody carries sap"


def test_a_scheduler_of_before_labels_runs_what_names_it() -> None:
    old = replace(scheduler("old", slots=None), labels=None)
    assert only(replace(due(labels=("sap",)), schedulers=(old,))).cause is Cause.NO_LABELS
    assert only(replace(due(labels=("sap",), whitelist=("old",)), schedulers=(old,))).cause is Cause.NOTHING


def test_a_trigger_that_is_not_due_says_too_that_its_labels_are_unmet() -> None:
    facts = replace(IDLE, next_due=NOW, labels=("sap",), schedulers=(carrying("plain"),))
    assert [reason.cause for reason in why(facts)] == [Cause.NOT_DUE, Cause.NO_LABELS]
    assert in_short(why(facts)) == ""


def test_a_screen_that_is_taken_is_named_with_its_job() -> None:
    holder = Holder(UUID(int=9), "Letters", SITE_NOW)
    facts = replace(due(needs_screen=True), schedulers=(carrying("worker-1"),), screens={"m": holder})
    reason = only(facts)
    assert (reason.cause, reason.jobs, reason.short) == (
        Cause.SCREEN_TAKEN,
        (holder.job_id,),
        "Screen taken by Letters",
    )
    assert only(replace(facts, screens={"other": holder})).cause is Cause.NOTHING


def several(*jobs: ActiveJob, most: int = 3, **values: Any) -> Facts:
    return replace(IDLE, status=TriggerStatus.RUNNING, jobs=jobs, most_jobs=most, **values)


def own(number: int, **values: Any) -> ActiveJob:
    since = SITE_NOW - timedelta(minutes=10 - number)
    return ActiveJob(UUID(int=100 + number), OWN, f"worker-{number}", "Invoices", since, False, **values)


def test_the_limit_of_jobs_names_which_and_since_when() -> None:
    reason = only(several(own(1), own(2), job(), most=2, next_due=NOW))
    assert reason.cause is Cause.LIMIT_OF_JOBS
    assert reason.words == (
        "Limit of jobs reached (2 of 2): "
        "since 2026-06-01 13:51:00 on worker-1 (job 00000000-0000-0000-0000-000000000065), "
        "since 2026-06-01 13:52:00 on worker-2 (job 00000000-0000-0000-0000-000000000066)."
    )
    assert reason.jobs == (UUID(int=101), UUID(int=102))
    assert in_short([reason]) == "Limit of jobs reached"


def test_a_limit_that_was_lowered_is_reached_and_many_jobs_are_counted() -> None:
    reason = only(several(*map(own, range(7)), most=1))
    assert "(7 of 1)" in reason.words
    assert reason.words.endswith(" and 2 more.")


@pytest.mark.parametrize(
    ("facts", "cause", "words"),
    [
        (
            several(own(1), own(2), queue="Orders", waiting=12, wanted=100),
            Cause.QUEUE_TOO_SHORT,
            "2 jobs work on its queue Orders; one more starts from 100 New elements on. It has 12 New elements.",
        ),
        (
            several(own(1), queue="Orders", wanted=60),
            Cause.QUEUE_TOO_SHORT,
            "1 job works on its queue Orders",
        ),
        (several(own(1), next_due=NOW), Cause.NOT_DUE, "One more is not due before 2026-06-01 14:00:00"),
        (several(own(1), retry_at=NOW, retry_number=1, retry_times=2), Cause.BACK_OFF, "then retry 1 of 2"),
        (several(own(1), own(2, is_starting=True)), Cause.ONE_STARTS, "0066 has begun"),
        (several(own(1, is_once=True), next_due=NOW), Cause.RUNS_ALONE, "with arguments of its own"),
        (several(own(1), will_be=TriggerStatus.FAILED), Cause.HELD, "becomes Failed when they have ended"),
        (
            replace(several(own(1)), status=TriggerStatus.PAUSING, paused_by="Anna"),
            Cause.PAUSED,
            "paused by Anna: no other",
        ),
        (replace(several(own(1)), status=TriggerStatus.KILLING), Cause.HELD, "killed, with all of its jobs"),
    ],
)
def test_why_there_is_not_one_more_job_beside_those_that_run(facts: Facts, cause: Cause, words: str) -> None:
    runs, reason = why(facts)
    assert runs.cause is Cause.RUNS
    assert f"{len(facts.jobs)} of 3 jobs run" in runs.words
    assert (reason.cause, words in reason.words) == (cause, True), reason.words


def test_one_more_that_is_due_is_judged_by_scheduler_as_any_other() -> None:
    facts = replace(several(own(1)), due=candidate(), candidates=(candidate(),), schedulers=(scheduler(slots=1),))
    runs, full = why(facts)
    assert (runs.cause, full.cause, full.scheduler) == (Cause.RUNS, Cause.SLOTS_FULL, "worker-1")
    assert in_short(why(facts)) == "All slots taken"


def test_a_pause_of_the_site_counts_for_one_more_but_not_at_the_limit() -> None:
    pause = SitePause(since=NOW, by=None, reason=None, until=None)
    assert [reason.cause for reason in why(several(own(1), site_pause=pause))] == [Cause.SITE_PAUSED, Cause.RUNS]
    assert only(several(own(1), most=1, site_pause=pause)).cause is Cause.RUNS
