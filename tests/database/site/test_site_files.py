"""A site is made what a file says: what is planned is done, all of it or nothing, and doing it twice is nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from textwrap import dedent
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import EncryptionError, InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.site import TIME_ZONE, SiteSetting
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores import calendars, constant_overrides, constants, credentials, keep_days, triggers
from OpenOrchestrator.database.stores.keep_days import KeepDays
from OpenOrchestrator.site import applying, export, present, words
from OpenOrchestrator.site.applying import SiteChangedError
from OpenOrchestrator.site.document import SiteDocument, read
from OpenOrchestrator.site.plans import Plan
from OpenOrchestrator.site.problems import SiteFileError

INVOICES = """
triggers:
  - name: Invoices
    schedule: "0 5 * * *"
    path: invoices.py
"""


def document(database: Database, text: str) -> SiteDocument:
    return read(("version: 1\n" + dedent(text)).encode(), dialect_name=database.dialect_name)


def planned(database: Database, text: str, *, prune: bool = False) -> Plan:
    return applying.plan(database, document(database, text), prune=prune, file_name="site.yaml")


def applied(database: Database, text: str, *, prune: bool = False, agreed: Plan | None = None) -> Plan:
    agreed = agreed or planned(database, text, prune=prune)
    return applying.apply(database, document(database, text), agreed, prune=prune, file_name="site.yaml", by="somebody")


def said(database: Database, plan: Plan) -> list[str]:
    return [
        line.strip()
        for change in plan.changes
        for line in words.lines(change, database.zone, database.utc_now())
    ]  # fmt: skip


def exported(database: Database, *, with_ids: bool = False) -> str:
    site = database.read(lambda session: present.read(session, database.zone))
    return export.text_of(site, with_ids=with_ids)


def by_name(database: Database, name: str) -> Any:
    (found,) = [each for each in database.read(triggers.find_all) if each.trigger_name == name]
    return found


EVERYTHING = """
timezone: Europe/Copenhagen
queue_poll: 90s
retention: {jobs: 365d, logs: 30d}
calendars:
  - {name: Denmark, country: DK, closed: [2026-12-24], open: [2026-12-25], working_days: [mon, tue, sat]}
  - {name: Plain}
pools: {SAP account: 1, OCR licences: 3}
queues:
  - name: Orders
    description: "What the shop sells\nin a day"
    owner: {name: Finance, mail: finance@example.org, runbook: "https://wiki.example/orders"}
    attempts: 3
    attempt_pause: {first: 5m, growth: 1.5}
    when_robot_died: retry
    unique: open
    lease: 10m
    retention: {done: 90d, abandoned: 365d}
    schema: {type: object, required: [id], properties: {id: {type: integer}, "on": {}}}
    priority: -2
    finish_within: 36h
    paused: true
    breaker: 5
  - {name: " orders ", attempts: 2, attempt_pause: 1m}
triggers:
  - name: All
    process: Another
    schedule: "0 5 * * MON-FRI"
    timezone: America/New_York
    calendar: {name: Denmark, closed_days: next}
    path: https://git.example/robots/invoices
    git: true
    branch: main
    keep_files: true
    environment: managed
    entry: robot_framework
    arguments: {customer: 7, odd: ["no", null, 1.5, "12:30"]}
    enabled: false
    priority: -3
    schedulers: [worker-1, Blå æøå]
    pools: {SAP account: 1, OCR licences: 2}
    missed: {run: each, within: 1h, at_most: 5}
    jobs: 4
    desktop: exclusive
    time_out: 90m
    stop: {soft: 1m, terminate: 10s}
    retry: {times: 2, pause: 5m, growth: 1.5, most: 1h, after: [failed]}
    pause_after_failures: 0
    when_lost: retry
    secrets: environment
  - {name: None, queue: Orders, path: ""}
  - {name: Several, queue: Orders, path: c.py, jobs: 3, elements_per_job: 50}
  - {name: Once, at: 2026-10-25 02:30+01:00, path: 'C:\\robots\\once.py', arguments: "a: b"}
  - {name: Later, at: 2026-12-01 05:00:01.25, path: b.py}
constants: {Shop name: Nordvest, "no": "", Lines: "a\\nb", In: {value: x, schedulers: {w1: 'D:\\in', Blå æøå: ""}}}
"""


def test_a_site_becomes_what_a_file_says_and_a_second_time_nothing_changes(database: Database) -> None:
    done = applied(database, EVERYTHING)
    assert len(done.changes) == 17
    assert planned(database, EVERYTHING, prune=True).changes == ()
    trigger = by_name(database, "All")
    assert (trigger.process_name, trigger.cron_expr, trigger.timezone) == (
        "Another",
        "0 5 * * MON-FRI",
        "America/New_York",
    )
    assert (trigger.calendar, trigger.closed_days, trigger.git_branch) == ("Denmark", "NEXT", "main")
    assert trigger.process_args == '{"customer": 7, "odd": ["no", null, 1.5, "12:30"]}'
    assert (trigger.timeout_seconds, trigger.retry_times, trigger.retry_after) == (5400, 2, "FAILED")
    assert (trigger.process_status, trigger.paused_by) == (TriggerStatus.PAUSED, "somebody")
    once = by_name(database, "Once")
    assert (once.next_run, once.due_at) == (
        datetime(2026, 10, 25, 2, 30),
        datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc),
    )
    assert by_name(database, "None").min_batch_size == 1
    assert database.read(lambda session: constants.get(session, "Lines")).value == "a\nb"


def test_what_is_exported_makes_the_same_site_again(
    database: Database, database_server: Any, clock: SettableClock
) -> None:
    applied(database, EVERYTHING)
    text = exported(database)
    assert exported(database) == text
    assert applying.plan(database, read_text(database, text), prune=True, file_name="x").changes == ()
    url = database_server.make_empty()
    try:
        from OpenOrchestrator.database.schema.migrations import upgrade

        upgrade(url, zone="Europe/Copenhagen")
        other = Database(url, clock=clock)
        try:
            made = read_text(other, text)
            plan = applying.plan(other, made, prune=False, file_name="x")
            applying.apply(other, made, plan, prune=False, file_name="x", by=None)
            assert exported(other) == text
        finally:
            other.close()
    finally:
        database_server.drop(url)


def read_text(database: Database, text: str) -> SiteDocument:
    return read(text.encode(), dialect_name=database.dialect_name)


def test_a_change_is_told_with_what_was_and_the_next_run(database: Database) -> None:
    applied(database, INVOICES)
    plan = planned(database, INVOICES.replace("0 5", "0 6"))
    assert said(database, plan) == [
        'change trigger Invoices: schedule "0 5 * * *" -> "0 6 * * *" (next run 2026-01-01 06:00)'
    ]
    assert words.as_json(plan)["changes"][0]["values"] == {"schedule": {"before": "0 5 * * *", "after": "0 6 * * *"}}


def test_of_values_that_belong_together_those_are_told_that_change(database: Database) -> None:
    applied(database, INVOICES + "    retry: {times: 2, pause: 5m}\n")
    plan = planned(database, INVOICES + "    retry: {times: 2, most: 1h}\n")
    assert said(database, plan) == [
        "change trigger Invoices: retry {times: 2, pause: 5m, most: null} -> {times: 2, pause: 0s, most: 1h}"
    ]


def test_a_changed_schedule_counts_from_now_and_history_stays(database: Database, clock: SettableClock) -> None:
    applied(database, INVOICES)
    before = by_name(database, "Invoices")
    clock.advance(timedelta(days=40))
    applied(database, INVOICES.replace("0 5", "0 6"))
    after = by_name(database, "Invoices")
    assert (after.id, after.last_run) == (before.id, before.last_run)
    assert after.next_run == datetime(2026, 2, 10, 6, 0)
    assert after.due_at == datetime(2026, 2, 10, 5, 0, tzinfo=timezone.utc)


def test_a_change_of_anything_else_leaves_what_is_due_due(database: Database, clock: SettableClock) -> None:
    applied(database, INVOICES)
    before = by_name(database, "Invoices").next_run
    clock.advance(timedelta(days=40))
    applied(database, INVOICES + "    priority: 7\n")
    assert (by_name(database, "Invoices").next_run, by_name(database, "Invoices").priority) == (before, 7)


def test_a_calendar_that_changes_moves_the_next_runs_of_its_triggers(database: Database) -> None:
    text = """
    calendars: [{name: Own}]
    triggers: [{name: A, schedule: "0 5 * * *", path: a.py, calendar: {name: Own}}]
    """
    applied(database, text)
    assert by_name(database, "A").next_run == datetime(2026, 1, 1, 5, 0)
    done = applied(database, text.replace("{name: Own}]", "{name: Own, closed: [2026-01-01]}]"))
    assert said(database, done) == ["change calendar Own: closed none -> [2026-01-01]"]
    assert by_name(database, "A").next_run == datetime(2026, 1, 2, 5, 0)


def test_a_pool_changes_its_size_and_stays_while_a_trigger_needs_it(database: Database) -> None:
    text = """
    pools: {SAP account: 1, Spare: 2}
    triggers: [{name: A, queue: Q, path: a.py, pools: {SAP account: 1}}]
    """
    applied(database, text)
    assert by_name(database, "A").pools == '{"SAP account": 1}'
    done = applied(database, "pools: {SAP account: 0, Spare: 2}")
    assert said(database, done) == ["change pool SAP account: size 1 -> 0"]
    plan = planned(database, "pools: {}", prune=True)
    assert said(database, plan) == ["delete pool Spare"]
    assert plan.notes == ("The pool 'SAP account' stays, because 'A' uses it.",)
    done = applied(database, "pools: {}\ntriggers: [{name: A, queue: Q, path: a.py}]", prune=True)
    assert said(database, done) == [
        "change trigger A: pools {SAP account: 1} -> none",
        "delete pool SAP account",
        "delete pool Spare",
    ]


def test_a_pool_that_is_nowhere_is_refused(database: Database) -> None:
    with pytest.raises(SiteFileError, match="There is no pool 'SAP', neither in the file nor on the site"):
        planned(database, INVOICES + "    pools: {SAP: 1}\n")


def test_an_id_lets_a_trigger_be_renamed(database: Database) -> None:
    applied(database, INVOICES)
    trigger_id = by_name(database, "Invoices").id
    text = INVOICES.replace("name: Invoices", f"name: Bills\n    id: {trigger_id}\n    process: Invoices")
    plan = planned(database, text, prune=True)
    assert said(database, plan) == ["change trigger Invoices: name Invoices -> Bills"]
    applied(database, text, prune=True)
    assert by_name(database, "Bills").id == trigger_id


def test_triggers_of_one_name_are_told_apart_by_their_ids_on_another_site_too(database: Database) -> None:
    one, two = make.queue(database, "Twin", queue_name="A"), make.queue(database, "Twin", queue_name="B")
    with pytest.raises(SiteFileError, match="The site has 2 triggers 'Twin': give its id"):
        planned(database, "triggers: [{name: Twin, queue: A, path: robot.py}]")
    text = exported(database)
    assert str(one) in text
    assert str(two) in text
    for each in (one, two):
        database.write(lambda session, gone=each: triggers.delete(session, gone))
    made = read_text(database, text)
    plan = applying.plan(database, made, prune=False, file_name="x")
    applying.apply(database, made, plan, prune=False, file_name="x", by=None)
    assert exported(database) == text
    assert applying.plan(database, made, prune=True, file_name="x").changes == ()


def test_what_a_file_does_not_have_stays_unless_it_is_to_be_pruned(database: Database) -> None:
    make.single(database, "Extra")
    database.write(lambda s: constants.create(s, "Old", "x", now=database.site_now()))
    database.write(lambda s: calendars.insert(s, Calendar("Unused"), now=database.utc_now()))
    text = INVOICES + "constants: {}\ncalendars: []\ncredentials: []\n"
    plan = planned(database, text)
    assert words.others(plan) == (
        "Not in the file, and left as they are: trigger Extra, calendar Unused, constant Old."
    )
    applied(database, text)
    assert by_name(database, "Extra")
    done = applied(database, text, prune=True)
    assert said(database, done) == ["delete trigger Extra", "delete calendar Unused", "delete constant Old"]
    assert planned(database, text, prune=True).changes == ()


def test_a_section_that_is_not_there_is_not_pruned(database: Database) -> None:
    make.single(database, "Extra")
    assert planned(database, "constants: {}", prune=True).changes == ()


def test_a_trigger_that_runs_and_a_calendar_in_use_are_not_pruned(database: Database) -> None:
    running = make.queue(database, "Runs", elements=1)
    make.claim_all(database)
    assert make.status(database, running) is TriggerStatus.RUNNING
    database.write(lambda s: calendars.insert(s, Calendar("Used"), now=database.utc_now()))
    make.scheduled(
        database, "User", calendar="Used", next_run=database.site_now() + timedelta(days=1), process_name="User"
    )
    text = 'calendars: []\ntriggers: [{name: User, schedule: "*/5 * * * *", path: robot.py, calendar: {name: Used}}]\n'
    plan = planned(database, text, prune=True)
    assert plan.changes == ()
    assert "The trigger 'Runs' stays, because it runs. Apply again when it has ended." in plan.notes
    assert "The calendar 'Used' stays, because 'User' uses it." in plan.notes


def test_a_trigger_that_runs_once_beside_its_pause_is_not_pruned(database: Database) -> None:
    paused = make.single(database, "Paused")
    assert make.claim_all(database)
    make.set_status(database, paused, TriggerStatus.PAUSED)  # the job goes on
    plan = planned(database, "triggers: []", prune=True)
    assert (plan.changes, len(plan.notes)) == ((), 1)


# --- guards ---


def test_a_trigger_that_somebody_changed_since_the_plan_refuses_everything(database: Database) -> None:
    applied(database, INVOICES + "constants: {a: b}\n")
    text = INVOICES.replace("0 5", "0 6") + "constants: {a: c}\n"
    agreed = planned(database, text)
    trigger_id = by_name(database, "Invoices").id
    database.write(lambda s: triggers.update(s, trigger_id, {"priority": 9}))
    with pytest.raises(SiteChangedError, match="not what it was when the plan was made: trigger Invoices"):
        applied(database, text, agreed=agreed)
    assert by_name(database, "Invoices").cron_expr == "0 5 * * *"
    assert database.read(lambda s: constants.get(s, "a")).value == "b"


def test_a_trigger_that_started_since_the_plan_refuses_everything(database: Database) -> None:
    make.queue(database, "Work", elements=1)
    text = "triggers: [{name: Work, process: Process, queue: Q, path: other.py}]"
    agreed = planned(database, text)
    make.claim_all(database)
    with pytest.raises(SiteChangedError, match=r"trigger Work \(it was started\)"):
        applied(database, text, agreed=agreed)
    assert by_name(database, "Work").process_path == "robot.py"
    applied(database, text)  # planned anew, while it runs, as in the app
    assert by_name(database, "Work").process_path == "other.py"


@pytest.mark.parametrize("what", ["deleted", "created"])
def test_a_trigger_that_came_or_went_since_the_plan_refuses_everything(database: Database, what: str) -> None:
    if what == "deleted":
        applied(database, INVOICES)
    text = INVOICES.replace("0 5", "0 6")
    agreed = planned(database, text)
    if what == "deleted":
        database.write(lambda s: triggers.delete(s, by_name(database, "Invoices").id))
    else:
        make.scheduled(database, "Invoices")
    with pytest.raises(SiteChangedError, match="trigger Invoices"):
        applied(database, text, agreed=agreed)


def test_what_cannot_be_done_to_the_end_is_not_done_at_all(database: Database) -> None:
    # A trigger that the row of an older program still names, which no plan sees, takes the id.
    text = "constants: {a: b}\n" + INVOICES
    agreed = planned(database, text)

    def break_off(*_: object, **__: object) -> None:
        raise InvalidInputError("broken off")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "create", break_off)
        with pytest.raises(InvalidInputError, match="broken off"):
            applied(database, text, agreed=agreed)
    assert database.read(triggers.find_all) == ()


@pytest.mark.kinds("sqlite")
def test_a_commit_of_unknown_outcome_is_read_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    write = database.write

    def remembering(work: Any, *, read_back: Any) -> Any:
        asked.append(read_back)
        return write(work, read_back=read_back)

    monkeypatch.setattr(database, "write", remembering)
    plan = planned(database, INVOICES)
    made = document(database, INVOICES)
    assert applying.apply(database, made, plan, prune=False, file_name="x", by=None).changes
    assert database.read(asked[0]) is plan
    database.write(lambda s: triggers.delete(s, by_name(database, "Invoices").id), read_back=None)
    assert database.read(asked[0]) is None


# --- what a file has no say about ---


@pytest.mark.parametrize("status", [TriggerStatus.FAILED, TriggerStatus.KILLED, TriggerStatus.DONE])
def test_a_trigger_that_waits_for_somebody_is_neither_enabled_nor_paused(
    database: Database, status: TriggerStatus
) -> None:
    applied(database, INVOICES)
    make.set_status(database, by_name(database, "Invoices").id, status)
    for enabled in ("true", "false"):
        assert planned(database, INVOICES + f"    enabled: {enabled}\n").changes == ()
    assert "    enabled: false\n" in exported(database)
    plan = planned(database, INVOICES + "    enabled: true\n    priority: 1\n")
    assert plan.notes == (
        f"The trigger 'Invoices' is {status.value} and stays so. Enable it in the app when it may run.",
    )


def test_a_pause_is_ended_and_made_where_the_file_says_so_only(database: Database) -> None:
    applied(database, INVOICES)
    trigger_id = by_name(database, "Invoices").id
    assert said(database, planned(database, INVOICES + "    enabled: false\n")) == [
        "change trigger Invoices: enabled true -> false"
    ]
    applied(database, INVOICES + "    enabled: false\n")
    assert make.status(database, trigger_id) is TriggerStatus.PAUSED
    assert planned(database, INVOICES).changes == ()
    applied(database, INVOICES + "    enabled: true\n")
    assert make.status(database, trigger_id) is TriggerStatus.IDLE
    assert by_name(database, "Invoices").paused_at is None


def test_a_missing_credential_is_made_without_a_password_and_told_until_there_is_one(database: Database) -> None:
    text = "credentials: [Order system]"
    plan = applied(database, text)
    assert said(database, plan) == [
        "create credential Order system: without a password, which has to be entered in the app"
    ]
    after = planned(database, text, prune=True)
    assert (after.changes, after.notes) == (
        (),
        ("The credential 'Order system' has no password yet. Enter it in the app.",),
    )
    key = crypto_util.generate_key().decode()
    made = database.read(lambda session: credentials.get(session, "Order system"))
    with pytest.raises(EncryptionError, match="'Order system' has no password yet: it was made from a file"):
        credentials.decrypted(made, key)
    stored = credentials.values(database.dialect_name, username="u", password="p", key=key, now=database.site_now())
    database.write(lambda session: credentials.update(session, "Order system", stored))
    assert planned(database, text).notes == ()
    assert planned(database, "credentials: []", prune=True).changes == ()


def test_the_kind_of_a_trigger_cannot_be_changed(database: Database) -> None:
    applied(database, INVOICES)
    with pytest.raises(SiteFileError, match="line 2, column 12: The trigger 'Invoices' is a scheduled trigger"):
        planned(database, "triggers: [{name: Invoices, queue: Q, path: a.py}]")


def test_a_calendar_that_is_nowhere_is_refused_before_anything_is_changed(database: Database) -> None:
    with pytest.raises(SiteFileError, match="line 7, column 15: There is no calendar 'Denmark', neither in the file"):
        planned(database, INVOICES + "    calendar: {name: Denmark}\n")


def test_a_schedule_that_never_comes_is_refused(database: Database) -> None:
    text = "calendars: [{name: W, working_days: [sat]}]" + INVOICES.replace("0 5 * * *", "0 5 * * MON")
    with pytest.raises(SiteFileError, match="is not due within 50 years"):
        planned(database, text + "    calendar: {name: W}\n")


def test_names_that_differ_in_capitals_only_are_refused(database: Database) -> None:
    database.write(lambda s: constants.create(s, "Shop", "x", now=database.site_now()))
    with pytest.raises(SiteFileError, match="The site has a constant 'Shop': write its name as it is there"):
        planned(database, "constants: {shop: x}")


# --- secrets ---


def test_secrets_are_in_no_file_and_stay_where_it_is_applied(database: Database) -> None:
    trigger_id = make.queue(
        database,
        "Secretive",
        process_path="https://user:geheim@git.example/r.git",
        process_args='{"password": "hunter2", "customer": 7}',
        process_name="Secretive",
    )
    database.write(lambda s: constants.create(s, "Server", "ftp://me:hunter2@host/x", now=database.site_now()))
    text = exported(database)
    assert "geheim" not in text
    assert "hunter2" not in text
    made = read_text(database, text)
    assert applying.plan(database, made, prune=True, file_name="x").changes == ()
    changed = read_text(database, text.replace("customer: 7", "customer: 8"))
    with pytest.raises(SiteFileError, match=r"\*\*\* stands for what is in no file"):
        applying.plan(database, changed, prune=True, file_name="x")
    other = read_text(database, text.replace("queue: Q", "queue: Q\n    priority: 4"))
    plan = applying.plan(database, other, prune=True, file_name="x")
    applying.apply(database, other, plan, prune=True, file_name="x", by=None)
    kept = make.trigger(database, trigger_id)
    assert (kept.priority, kept.process_path) == (4, "https://user:geheim@git.example/r.git")
    assert kept.process_args == '{"password": "hunter2", "customer": 7}'
    database.write(lambda s: triggers.delete(s, trigger_id))
    with pytest.raises(SiteFileError, match="there is no such trigger yet to have it"):
        applying.plan(database, made, prune=True, file_name="x")


def test_a_new_secret_is_not_told_by_the_plan(database: Database) -> None:
    plan = planned(database, INVOICES + "    arguments: {password: hunter2}\nconstants: {a: 'ftp://me:hunter2@b'}\n")
    told = "\n".join(said(database, plan)) + repr(words.as_json(plan))
    assert "hunter2" not in told
    assert '{password: "***"}' in told


# --- the site's time zone ---


def test_another_time_zone_of_the_site_moves_schedules_from_now_on(database: Database) -> None:
    applied(database, INVOICES)
    text = "timezone: America/New_York\n"
    assert said(database, planned(database, text)) == ["change site: timezone Europe/Copenhagen -> America/New_York"]
    applied(database, text)
    assert database.zone.key == "America/New_York"
    trigger = by_name(database, "Invoices")
    assert trigger.due_at == datetime(2026, 1, 1, 10, 0, tzinfo=timezone.utc)
    assert trigger.next_run == datetime(2026, 1, 1, 5, 0)
    assert planned(database, text).changes == ()


def test_rows_of_older_programs_are_exported_and_stay_as_they_are(database: Database) -> None:
    trigger_id = make.queue(database, " blanks ", queue_name="Q", min_batch_size=0, process_name=" P ")
    table: Any = SiteSetting.__table__
    database.write(lambda s: s.execute(sa.delete(table).where(table.c.name == TIME_ZONE)))
    text = exported(database)
    assert "  - name: blanks\n    process: P\n    queue: Q\n    path: robot.py\n" in text
    assert "timezone" not in text
    made = read_text(database, text)
    assert applying.plan(database, made, prune=True, file_name="x").changes == ()
    assert make.trigger(database, trigger_id).trigger_name == " blanks "


@pytest.mark.kinds("sqlite")
def test_rows_that_cannot_be_read_are_named_and_left_alone(database: Database) -> None:
    from OpenOrchestrator.database.triggers import Trigger

    broken = make.queue(database, "Broken")
    make.spoil(database, Trigger, broken, "process_status", "NONSENSE")
    text = exported(database)
    assert "# The trigger 'Broken' cannot be read and is not in this file." in text
    plan = applying.plan(database, read_text(database, text), prune=True, file_name="x")
    assert plan.changes == ()


def test_an_id_that_is_free_is_given_to_the_new_trigger(database: Database) -> None:
    wanted: UUID = uuid4()
    applied(database, INVOICES.replace("name: Invoices", f"name: Invoices\n    id: {wanted}"))
    assert by_name(database, "Invoices").id == wanted


def test_two_that_apply_at_once_make_it_once(database: Database) -> None:
    # Names of triggers are not unique in the database: only the order of the two keeps the second from making it again.
    for number in range(4):
        text = INVOICES.replace("Invoices", f"Invoices {number}")
        agreed = planned(database, text)
        together = threading.Barrier(2, timeout=60)

        def work(
            barrier: threading.Barrier = together, wanted: str = text, plan: Plan = agreed
        ) -> type[BaseException] | None:
            other = Database(database.connection_string, clock=database.clock)
            try:
                barrier.wait()
                applied(other, wanted, agreed=plan)
            except SiteChangedError as error:
                return type(error)
            finally:
                other.close()
            return None

        with ThreadPoolExecutor(2) as pool:
            ends = [each.result() for each in [pool.submit(work), pool.submit(work)]]
        assert set(ends) == {None, SiteChangedError}
        assert by_name(database, f"Invoices {number}")


@pytest.mark.kinds("sqlite")
def test_what_the_retention_of_a_file_leaves_out_is_kept_for_ever(database: Database) -> None:
    assert planned(database, "retention: {}").changes == ()
    applied(database, "retention: {jobs: 30d, files: 7d}")
    assert database.read(keep_days.read) == KeepDays(jobs=30, files=7)
    applied(database, "queue_poll: 5s")
    assert database.read(keep_days.read) == KeepDays(jobs=30, files=7)
    applied(database, "retention: {files: 8d}")
    assert database.read(keep_days.read) == KeepDays(files=8)
    with pytest.raises(SiteFileError, match="a number of days"):
        planned(database, "retention: {logs: 12h}")


def test_a_constant_has_the_values_on_schedulers_that_the_file_says_and_no_others(database: Database) -> None:
    url = "https://me:hunter2@host/x"
    now = database.site_now()
    there = {"worker-1": url, "worker-2": "old", "worker-3": "z"}
    database.write(lambda s: constants.create(s, "Server", "v", now=now, overrides=there))
    assert "hunter2" not in exported(database)
    text = "constants: {Server: {value: v, schedulers: {worker-1: 'https://***@host/x', worker-2: new, worker-4: ''}}}"
    assert said(database, applied(database, text)) == [
        "change constant Server:",
        "value on worker-2 old -> new",
        "value on worker-3 z -> none",
        'value on worker-4 none -> ""',
    ]
    assert database.read(constant_overrides.get_all) == {"Server": {"worker-1": url, "worker-2": "new", "worker-4": ""}}
    with pytest.raises(SiteFileError, match="Write the value out"):
        planned(database, "constants: {Server: {value: v, schedulers: {worker-9: '***'}}}")
    applied(database, "constants: {Server: v}")
    assert database.read(constant_overrides.get_all) == {}
