"""What a queue says, in the app: the form, its pause with reason and end, and what its breaker did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.statuses import QueueStatus, UniqueReferences, WhenRobotDied
from OpenOrchestrator.database.stores import queue_breaker, queue_pauses, queue_rules
from OpenOrchestrator.database.stores.queue_rules import QueueRules, StoredRules
from OpenOrchestrator.orchestrator.queues.backend.queue_settings import QueuePause, wrong_duration, wrong_schema
from OpenOrchestrator.orchestrator.queues.settings_form import check_growth
from OpenOrchestrator.orchestrator.queues.settings_words import facts, pairs, pause_words
from tests.ui.pages import cell, click, rows_of, until
from tests.ui.queues.test_queues_pages import add
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

AT = datetime(2026, 11, 2, 12, tzinfo=timezone.utc)
EVERYTHING = QueueRules(
    most_attempts=3,
    pause_seconds=300,
    pause_growth=2.0,
    when_robot_died=WhenRobotDied.RETRY,
    description="Orders of the shop",
    unique_references=UniqueReferences.OPEN,
    lease_seconds=600,
    keep_done_days=90,
    keep_failed_days=1,
    json_schema='{"type": "object"}',
    default_priority=5,
    finish_within_seconds=172_800,
    breaker_errors=4,
)


def rules(database: Database, queue: str = "q") -> StoredRules:
    return database.read(lambda session: queue_rules.read(session, queue))


def store(database: Database, new: QueueRules) -> None:
    def work(session: sa.orm.Session) -> bool:
        return queue_rules.write(session, "q", new, queue_rules.read(session, "q").edition, now=AT)

    assert database.write(work)


def pause_of(database: Database) -> QueuePause | None:
    return database.read(lambda session: queue_pauses.read(session, "q"))


def put(user: User, **values: object) -> None:
    with user:
        for marker, value in values.items():
            for element in user.find(marker=marker.replace("_", "-")).elements:
                element.value = value  # type: ignore[attr-defined]


def test_a_queue_in_words() -> None:
    assert facts(StoredRules()) == []
    assert facts(StoredRules(EVERYTHING, errors_in_row=2)) == [
        "3 attempts, 5 min apart, each 2 times longer",
        "Tried again when a robot died",
        "References unique while open",
        "Priority 5",
        "Finish within 2 d",
        "Held for 10 min without a job",
        "Breaker at 4 errors in a row (2 now)",
        "Kept: Done 90 days, Failed 1 day",
        "Data fits a JSON schema",
    ]
    differing = [one for one, other in zip(pairs(EVERYTHING), pairs(QueueRules()), strict=True) if one[1] != other[1]]
    assert len(differing) == len(pairs(EVERYTHING))
    pause = QueuePause(since=AT, by="Ada", reason="SAP is down", until=AT + timedelta(hours=2))
    assert pause_words(pause, AT, timezone.utc) == "Paused by Ada since 12:00, until 14:00: SAP is down"
    endless = replace(pause, by=None, until=None)
    assert pause_words(endless, AT, timezone.utc) == "Paused since 12:00, until it is resumed: SAP is down"


@pytest.mark.parametrize(
    ("text", "words"), [("5m", None), ("", "Enter a duration"), ("5", "Enter a duration"), ("2d", "from 30s to 1d")]
)
def test_durations_are_checked(text: str, words: str | None) -> None:
    found = wrong_duration(30, 86_400, optional=False)(text)
    assert found is None if words is None else words in str(found)


def test_what_is_optional_may_be_empty_and_other_values_are_checked() -> None:
    assert wrong_duration(30, 86_400, optional=True)(" ") is None
    assert wrong_schema("") is None
    assert wrong_schema('{"type": "object"}') is None
    assert "JSON" in str(wrong_schema("{"))
    assert [check_growth(text) for text in ("1", "1.5")] == [None, None]
    assert check_growth("0.5") == "Must be from 1 to 10."
    assert "number" in str(check_growth("x"))


async def test_the_form_stores_every_rule_and_shows_them_on_the_page(user: User, site: Database) -> None:
    await user.open("/queues/q")
    await user.should_see(marker="queue-settings", retries=30)
    await user.should_not_see(marker="queue-fact")
    await click(user, "queue-settings")
    await user.should_see(marker="attempts", retries=30)
    put(user, attempts="1", when_robot_died=WhenRobotDied.RETRY)
    await click(user, "save")
    await user.should_see("Allow 2 attempts or more.", retries=30)
    assert rules(site) == StoredRules()
    put(user, attempts="3", attempt_pause="5m", attempt_growth="2", default_priority="5", finish_within="2d")
    put(
        user, unique_references=UniqueReferences.OPEN, breaker="4", element_lease="10m", keep_done="90", keep_failed="1"
    )
    put(user, queue_description="Orders of the shop", json_schema='{"type": "object"}')
    await click(user, "save")
    await until(lambda: rules(site).rules == EVERYTHING)
    await user.should_see("3 attempts, 5 min apart, each 2 times longer", retries=30)
    await user.should_see("Orders of the shop")


async def test_what_somebody_else_saved_meanwhile_is_not_overwritten_unasked(user: User, site: Database) -> None:
    await user.open("/queues/q?form=settings")
    await user.should_see(marker="attempts", retries=30)
    store(site, QueueRules(most_attempts=7))
    put(user, attempts="2")
    await click(user, "save")
    await user.should_see("Overwrite the settings of q?", retries=30)
    assert rules(site).rules == QueueRules(most_attempts=7)
    await click(user, "confirm overwrite")
    await until(lambda: rules(site).rules == QueueRules(most_attempts=2))


async def test_a_queue_is_paused_with_a_reason_and_resumed(user: User, site: Database) -> None:
    await user.open("/queues/q")
    await click(user, "pause-queue")
    await user.should_see("Pause q?", retries=30)
    await click(user, "confirm-queue-pause")
    await user.should_see("Say why", retries=30)
    put(user, queue_pause_reason="SAP is down", your_name="Ada")
    await click(user, "confirm-queue-pause")
    await user.should_see(marker="queue-paused-words", retries=30)
    await user.should_see("until it is resumed: SAP is down")
    found = pause_of(site)
    assert found is not None
    assert (found.by, found.until) == ("Ada", None)
    await user.open("/queues")
    row = cell((await rows_of(user, "queues"))["q"], "name")
    assert row["s"].startswith("Paused")
    assert "SAP is down" in row["tip"]
    await user.open("/queues/q")
    await click(user, "resume-queue")
    await user.should_not_see(marker="queue-paused-words", retries=30)
    assert pause_of(site) is None


async def test_a_queue_that_its_breaker_paused_needs_attention(user: User, site: Database) -> None:
    store(site, QueueRules(breaker_errors=1))
    site.write(lambda session: queue_breaker.count_error(session.connection(), "q", "Timeout: SAP"))
    await user.open("/")
    rows = lambda: [(row.title, row.who) for element in user.find(marker="attention").elements for row in element.rows]  # type: ignore[attr-defined]  # noqa: E731
    await until(lambda: any(title == "q was paused by its breaker" and "Timeout: SAP" in who for title, who in rows()))
    await user.open("/queues/q")
    await user.should_see("Paused by its breaker since", retries=30)
    site.write(lambda session: session.execute(sa.delete(QueueSetting)))


async def test_the_page_says_when_it_will_be_empty_and_whether_its_time_holds(user: User, site: Database) -> None:
    add(site, "a", "b")
    add(site, "c", "d", ago=timedelta(hours=2), status=QueueStatus.DONE, end_date=site_time(NOW - timedelta(minutes=5)))
    store(site, QueueRules(finish_within_seconds=60))
    await user.open("/queues/q")
    await user.should_see(marker="queue-forecast", retries=30)
    (label,) = user.find(marker="queue-forecast").elements
    words = "As much comes in as ends, at the pace of the last hour. Finish within 1 min will not hold at this pace."
    assert label.text == words  # type: ignore[attr-defined]
    site.write(lambda session: queue_pauses.pause(session, "q", reason="SAP is down"))
    await user.open("/queues/q")
    await user.should_see(marker="queue-settings", retries=30)
    await user.should_not_see(marker="queue-forecast")
