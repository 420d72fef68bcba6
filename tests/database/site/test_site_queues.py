"""What queues say about their elements, in files: planned, applied, exported, and never an element touched."""

from __future__ import annotations

import pytest
from test_site_files import applied, exported, planned, said

from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import UniqueReferences, WhenRobotDied
from OpenOrchestrator.database.stores import notes, queue_pauses, queue_rules
from OpenOrchestrator.database.stores.notes import Annotated, Owner
from OpenOrchestrator.database.stores.queue_rules import QueueRules
from OpenOrchestrator.site.applying import SiteChangedError
from OpenOrchestrator.site.problems import SiteFileError

ORDERS = """
queues:
  - name: Orders
    attempts: 3
    attempt_pause: 5m
    when_robot_died: retry
    unique: ever
    retention: {failed: 365d}
    schema: {type: object}
"""


def rules(database: Database, name: str = "Orders") -> QueueRules:
    return database.read(lambda session: queue_rules.read(session, name)).rules


def set_rules(database: Database, new: QueueRules) -> None:
    def work(session: object) -> bool:
        return queue_rules.write(
            session,  # type: ignore[arg-type]
            "Orders",
            new,
            queue_rules.read(session, "Orders").edition,  # type: ignore[arg-type]
            now=database.utc_now(),
        )

    assert database.write(work)


def test_a_queue_says_what_the_file_says(database: Database) -> None:
    applied(database, ORDERS)
    assert rules(database) == QueueRules(
        most_attempts=3,
        pause_seconds=300,
        when_robot_died=WhenRobotDied.RETRY,
        unique_references=UniqueReferences.EVER,
        keep_failed_days=365,
        json_schema='{"type": "object"}',
    )


def test_changes_are_told_as_values_and_a_key_that_is_left_out_has_its_default(database: Database) -> None:
    applied(database, ORDERS)
    plan = planned(database, "queues: [{name: Orders, attempts: 5, attempt_pause: {first: 5m, growth: 2}}]")
    assert said(database, plan) == [
        "change queue Orders:",
        "attempts 3 -> 5",
        "attempt_pause 5m -> {first: 5m, growth: 2}",
        "when_robot_died retry -> abandon",
        "unique ever -> none",
        "retention {failed: 365d} -> none",
        "schema {type: object} -> none",
    ]


def test_a_queue_that_says_nothing_is_no_difference_and_is_not_exported(database: Database) -> None:
    assert planned(database, "queues: [{name: Orders, attempts: 1}]").changes == ()
    applied(database, ORDERS)
    applied(database, "queues: [{name: Orders}]")
    assert "queues: []" in exported(database)


def test_a_schema_that_differs_in_blanks_alone_is_the_same(database: Database) -> None:
    set_rules(database, QueueRules(json_schema='{"type":"object"}'))
    assert planned(database, "queues: [{name: Orders, schema: {type: object}}]").changes == ()


def test_a_pause_stays_as_it_is_unless_the_file_mentions_it(database: Database) -> None:
    database.write(lambda session: queue_pauses.pause(session, "Orders", reason="SAP is down", by="Ada"))
    applied(database, ORDERS)
    pause = database.read(lambda session: queue_pauses.read(session, "Orders"))
    assert pause is not None
    assert pause.reason == "SAP is down"
    assert "paused: true" in exported(database)
    applied(database, "queues: []", prune=True)
    assert database.read(lambda session: queue_pauses.read(session, "Orders")) is not None
    plan = applied(database, "queues: [{name: Orders, paused: false}]")
    assert said(database, plan) == ["change queue Orders: paused true -> false"]
    assert database.read(lambda session: queue_pauses.read(session, "Orders")) is None


def test_prune_takes_settings_away_and_leaves_elements_notes_and_tags(database: Database) -> None:
    applied(database, ORDERS + "    owner: {name: Finance}\n")

    def note(session: object) -> bool:
        seen = notes.read(session, AnnotatedKind.QUEUE, "Orders")  # type: ignore[arg-type]
        new = Annotated("See the wiki.", seen.values.owner, ("daily",))
        return notes.save(
            session,  # type: ignore[arg-type]
            AnnotatedKind.QUEUE,
            "Orders",
            new,
            seen=seen,
            now=database.utc_now(),
        )

    assert database.write(note)
    plan = planned(database, "queues: []")
    assert plan.changes == ()
    assert [(noun.value, name) for noun, name in plan.others] == [("queue", "Orders")]
    plan = applied(database, "queues: []", prune=True)
    assert said(database, plan)[0] == "delete the settings of queue Orders, and no element:"
    assert rules(database) == queue_rules.DEFAULT_RULES
    noted = database.read(lambda session: notes.read(session, AnnotatedKind.QUEUE, "Orders")).values
    assert noted == Annotated("See the wiki.", Owner(), ("daily",))


def test_what_somebody_changed_since_the_plan_is_not_overwritten(database: Database) -> None:
    agreed = planned(database, ORDERS)
    set_rules(database, QueueRules(description="The shop"))
    with pytest.raises(SiteChangedError, match="queue Orders"):
        applied(database, ORDERS, agreed=agreed)
    assert rules(database) == QueueRules(description="The shop")


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        ("{name: Orders, when_robot_died: retry}", "more than one attempt"),
        ("{name: Orders, schema: {type: thing}}", "schema"),
        ("{name: ' '}", "queue name is empty"),
        ("{name: Orders, owner: {mail: Finance}}", "no mail address"),
        ("{name: Orders}, {name: Orders}", "a second time"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_planned(database: Database, queue: str, words: str) -> None:
    with pytest.raises(SiteFileError, match=words):
        planned(database, f"queues: [{queue}]")
