"""The list of triggers, used as an admin uses it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import Desktop, SecretPassing, TriggerStatus
from OpenOrchestrator.orchestrator.triggers.checks import check_path, unmasked
from OpenOrchestrator.orchestrator.triggers.form_fields import zone_words
from tests.ui.conftest import App
from tests.ui.pages import act_on, cell, click, rows_of, select, table, until
from tests.ui.sample import NOW, add_jobs, add_trigger
from tests.ui.sample import site as site_time


def stored(database: Database, name: str) -> Trigger | None:
    return database.read(
        lambda session: session.scalars(sa.select(Trigger).where(Trigger.trigger_name == name)).one_or_none()
    )


def status(database: Database, name: str) -> TriggerStatus | None:
    found = stored(database, name)
    return found.process_status if found else None


def value_of(user: User, marker: str, value: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = value  # type: ignore[attr-defined]


async def test_shows_every_trigger_with_its_state_last_run_and_next_run(user: User, sample: Database) -> None:
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    assert len(rows) == 14
    failed = rows["Debitoropfølgning"]
    assert cell(failed, "status")["p"]["w"] == "Failed"
    assert cell(failed, "last")["p"]["w"] == "Failed"
    assert cell(failed, "next")["t"] == "Will not run"
    assert failed["a"]["enable"] == ""
    assert cell(rows["Månedsafslutning kontrol"], "next")["t"] == "42 min late"
    assert cell(rows["Journalisering af bopælsattester"], "next")["t"] == "in 18 min"
    assert cell(rows["Journalisering af bopælsattester"], "next")["tip"] == (
        "Mon 23 Nov 2026, 08:30:00\nEurope/Copenhagen, CET (UTC+1)"
    )
    assert cell(rows["Bankafstemning"], "next")["t"] == "2 h 41 m running"
    assert cell(rows["Skolefravær ugebreve"], "next")["t"].startswith("Stuck 3 h 06 m")
    assert cell(rows["Genindlæsning af CVR-stamdata"], "last")["t"] == "Never run"
    assert cell(rows["Aktindsigt dispatcher"], "last")["p"]["w"] == "Timed out"
    assert cell(rows["Aktindsigt dispatcher"], "runs")["r"][-1] == "running"
    assert cell(rows["Bankafstemning"], "schedule")["t"] == "Weekdays 05:30"
    await user.should_see("14")


async def test_says_which_triggers_are_exclusive(user: User, site: Database) -> None:
    add_trigger(site, QueueTrigger, trigger_name="Alone", queue_name="a", min_batch_size=1, is_blocking=True)
    add_trigger(site, QueueTrigger, trigger_name="Beside others", queue_name="b", min_batch_size=1, is_blocking=False)
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    alone, beside = cell(rows["Alone"], "where"), cell(rows["Beside others"], "where")
    assert (alone["t"], alone["s"]) == ("Any", "Exclusive")
    assert "nothing else beside it" in alone["tip"]
    assert (beside["t"], "s" in beside) == ("Any", False)


async def test_an_empty_site_says_what_a_trigger_is_and_offers_the_first(user: User) -> None:
    await user.open("/triggers")
    await user.should_see("No triggers yet", retries=30)
    await user.should_not_see("Nothing matches")


async def test_filters_come_from_the_address_and_can_be_cleared(user: User, sample: Database) -> None:
    await user.open("/triggers?status=failed&q=deb")
    assert set(await rows_of(user, "triggers")) == {"Debitoropfølgning"}
    await user.should_see("1 of 14")
    await user.should_see("status=failed")
    await click(user, "clear")
    await until(lambda: len(_rows(user)) == 14)


async def test_a_filter_that_hides_all_names_itself(user: User, sample: Database) -> None:
    await user.open("/triggers?q=%25")
    await user.should_see("Nothing matches", retries=30)
    await click(user, "clear-filters")
    await until(lambda: len(_rows(user)) == 14)


async def test_segments_exclusions_and_schedulers_filter(user: User, sample: Database) -> None:
    await user.open("/triggers?segment=attention")
    assert set(await rows_of(user, "triggers")) == {
        "Fakturafordeling",
        "Debitoropfølgning",
        "Skolefravær ugebreve",
        "Månedsafslutning kontrol",
    }
    (number,) = [each for each in user.find(kind=ui.label, content="4").elements if "oo-seg-n" in each.classes]
    (segments,) = user.find(marker="segments").elements
    assert number.parent_slot is segments.slots[segments.props["options"][1]["slot"]]
    await user.open("/triggers?status=-failed,running,idle")
    assert set(await rows_of(user, "triggers")) == {"Skolefravær ugebreve", "Flytteanmeldelser til folkeregister"}
    await user.open("/triggers?scheduler=RPA-VM-08&type=scheduled")
    assert set(await rows_of(user, "triggers")) == {"Skolefravær ugebreve", "Flytteanmeldelser til folkeregister"}


async def test_nonsense_in_the_address_is_ignored(user: User, sample: Database) -> None:
    await user.open("/triggers?status=nonsense&sort=password&page=-4&size=9999&segment=x&page=²")
    assert len(await rows_of(user, "triggers")) == 14


async def test_sorting_and_paging(user: User, site: Database) -> None:
    for number in range(30):
        add_trigger(site, QueueTrigger, trigger_name=f"T{number:02}", queue_name="q", min_batch_size=1, priority=number)
    await user.open("/triggers?sort=name")
    assert list(await rows_of(user, "triggers"))[:2] == ["T00", "T01"]
    await user.should_see("1-25 of 30")
    await click(user, "next-page")
    await user.should_see("26-30 of 30", retries=30)
    assert list(await rows_of(user, "triggers")) == ["T25", "T26", "T27", "T28", "T29"]
    user.find(marker="triggers").trigger("sort", "priority")
    await until(lambda: _rows(user)[0]["name"] == "T00")
    user.find(marker="triggers").trigger("sort", "priority")
    await until(lambda: _rows(user)[0]["name"] == "T29")
    user.find(marker="triggers").trigger("sort", "process_args")
    await user.should_see("1-25 of 30")


async def test_pause_enable_and_run_now(user: User, sample: Database, clock: SettableClock) -> None:
    await user.open("/triggers")
    await act_on(user, "triggers", "disable", "ERP password rotation")
    await user.should_see("ERP password rotation was paused", retries=30)
    assert status(sample, "ERP password rotation") is TriggerStatus.PAUSED
    await until(lambda: cell(_row(user, "ERP password rotation"), "status")["p"]["w"] == "Paused")
    await act_on(user, "triggers", "enable", "ERP password rotation")
    await user.should_see("ERP password rotation was enabled", retries=30)
    await until(lambda: _row(user, "ERP password rotation")["a"]["run"] == "")
    await act_on(user, "triggers", "run", "ERP password rotation")
    await user.should_see("A run of ERP password rotation was requested", retries=30)
    found = stored(sample, "ERP password rotation")
    assert found is not None
    assert found.run_requested_at == NOW


async def test_a_run_that_was_asked_for_links_to_its_job_when_it_starts(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await act_on(user, "triggers", "run", "ERP password rotation")
    await user.should_see("A run of ERP password rotation was requested", retries=30)
    found = stored(sample, "ERP password rotation")
    assert found is not None
    add_jobs(sample, found.id, found.trigger_name, "r", last=NOW + timedelta(seconds=5))
    await user.should_see("ERP password rotation was started", retries=50)
    job = sample.read(
        lambda session: session.scalars(
            sa.select(Job).where(Job.trigger_id == found.id).order_by(Job.start_time.desc()).limit(1)
        ).one()
    )
    (link,) = user.find("Open job").elements
    assert link.props["href"] == f"/jobs/{job.id}"


async def test_an_action_that_lost_says_changed_meanwhile_and_shows_the_new_state(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await rows_of(user, "triggers")
    found = stored(sample, "ERP password rotation")
    assert found is not None
    user_row = _row(user, "ERP password rotation")
    sample.write(
        lambda session: session.execute(
            sa.update(Trigger.__table__).where(Trigger.__table__.c.id == found.id).values(process_status="DONE")
        )
    )
    user.find(marker="triggers").trigger("action", {"action": "run", "id": user_row["id"]})
    await user.should_see("Run ERP password rotation: changed meanwhile", retries=30)
    await until(lambda: cell(_row(user, "ERP password rotation"), "status")["p"]["w"] == "Done")


async def test_an_action_that_the_row_does_not_offer_is_not_done(user: User, sample: Database) -> None:
    await user.open("/triggers")
    row = (await rows_of(user, "triggers"))["Debitoropfølgning"]
    assert row["a"]["run"] == "It is failed: enable it first"
    for name in ("run", "drop table", "kill"):
        user.find(marker="triggers").trigger("action", {"action": name, "id": row["id"]})
    await act_on(user, "triggers", "disable", "ERP password rotation")
    await user.should_see("ERP password rotation was paused", retries=30)
    await user.should_not_see("Debitoropfølgning: ")
    assert status(sample, "Debitoropfølgning") is TriggerStatus.FAILED


async def test_delete_asks_by_name_and_cancel_keeps_it(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await act_on(user, "triggers", "delete", "Lønkontrol")
    await user.should_see("Delete Lønkontrol?", retries=30)
    await user.should_see(
        "Lønkontrol: the robot that runs now is not stopped; if it asks, it is told to come to an end."
    )
    await click(user, "cancel")
    await user.should_not_see("Delete Lønkontrol?", retries=30)
    assert stored(sample, "Lønkontrol") is not None
    await act_on(user, "triggers", "delete", "Lønkontrol")
    await click(user, "confirm")
    await user.should_see("Lønkontrol was deleted", retries=30)
    assert stored(sample, "Lønkontrol") is None


async def test_bulk_actions_do_what_is_possible_and_say_what_was_not(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await select(user, "triggers", "ERP password rotation", "Journalisering af bopælsattester", "Debitoropfølgning")
    await user.should_see("3 selected", retries=30)
    await click(user, "bulk-run-now")
    await user.should_see("Run 2 triggers?", retries=30)
    await click(user, "confirm")
    await user.should_see("Runs of 2 triggers were requested", retries=30)
    await user.should_see("1 did not allow it.")
    await user.should_not_see("3 selected", retries=30)


async def test_bulk_asks_by_name_also_where_only_one_of_several_allows_it(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await select(user, "triggers", "ERP password rotation", "Debitoropfølgning")
    await user.should_see("2 selected", retries=30)
    await click(user, "bulk-run-now")
    await user.should_see("Run ERP password rotation?", retries=30)
    await click(user, "confirm")
    await user.should_see("1 did not allow it.", retries=30)


async def test_bulk_delete_of_all_that_match_names_the_count(user: User, site: Database) -> None:
    for number in range(27):
        add_trigger(site, QueueTrigger, trigger_name=f"T{number:02}", queue_name="q", min_batch_size=1)
    add_trigger(site, QueueTrigger, trigger_name="Keep", queue_name="q", min_batch_size=1)
    await user.open("/triggers?q=T")
    await select(user, "triggers", "T00")
    await click(user, "select-all")
    await user.should_see("27 selected", retries=30)
    await click(user, "bulk-delete")
    await user.should_see("Delete 27 triggers?", retries=30)
    await click(user, "confirm")
    await user.should_see("27 triggers were deleted", retries=50)
    assert stored(site, "Keep") is not None
    assert stored(site, "T13") is None


async def test_a_schedule_that_missed_its_time_is_enabled_from_the_next_on_or_runs_now(
    user: User, site: Database
) -> None:
    for name in ("First", "Second"):
        add_trigger(
            site,
            ScheduledTrigger,
            trigger_name=name,
            cron_expr="0 8 * * *",
            next_run=site_time(NOW - timedelta(days=2)),
            process_status=TriggerStatus.PAUSED,
        )
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    assert cell(rows["First"], "next")["t"] == "Not enabled"
    assert cell(rows["First"], "next")["s"].startswith("Was due ")
    await act_on(user, "triggers", "enable", "First")
    await user.should_see("Enable First?", retries=30)
    await click(user, "cancel")
    await user.should_not_see("Enable First?", retries=30)
    assert status(site, "First") is TriggerStatus.PAUSED
    await act_on(user, "triggers", "enable", "First")
    await click(user, "enable_from_next")
    await user.should_see("First was enabled, from its next time on", retries=30)
    enabled = stored(site, "First")
    assert isinstance(enabled, ScheduledTrigger)
    assert (enabled.process_status, enabled.next_run > site_time(NOW)) == (TriggerStatus.IDLE, True)
    await act_on(user, "triggers", "enable", "Second")
    await click(user, "enable")
    await user.should_see("Second was enabled", retries=30)
    at_once = stored(site, "Second")
    assert isinstance(at_once, ScheduledTrigger)
    assert at_once.next_run == site_time(NOW - timedelta(days=2))


async def test_kill_is_confirmed(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await act_on(user, "triggers", "kill", "Bankafstemning")
    await user.should_see("Kill Bankafstemning?", retries=30)
    await click(user, "confirm")
    await user.should_see("Kill of Bankafstemning was requested", retries=30)
    assert status(sample, "Bankafstemning") is TriggerStatus.KILLING


async def test_one_run_alone_can_be_stopped(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await act_on(user, "triggers", "kill", "Bankafstemning")
    await click(user, "stop_run")
    await user.should_see("Stop of the run of Bankafstemning was requested", retries=30)
    assert status(sample, "Bankafstemning") is TriggerStatus.RUNNING
    asked = sa.select(Job.trigger_name).where(Job.kill_requested_at.is_not(None))
    assert sample.read(lambda session: session.scalars(asked).all()) == ["Bankafstemning"]


async def test_changes_of_others_appear_without_touching_the_selection(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await select(user, "triggers", "ERP password rotation")
    add_trigger(sample, QueueTrigger, trigger_name="Brand new", queue_name="q", min_batch_size=5)
    await until(lambda: any(row["name"] == "Brand new" for row in _rows(user)))
    shown = await table(user, "triggers")
    assert shown.selected == [_row(user, "ERP password rotation")["id"]]
    await user.should_see("1 selected")


async def test_a_refresh_that_finds_nothing_new_sends_nothing(user: User, app: App, sample: Database) -> None:
    client = await user.open("/triggers")
    await rows_of(user, "triggers")
    await app.live.tick()
    await until(lambda: not client.outbox.updates and not client.outbox.messages)
    sent: list[object] = []
    shown = await table(user, "triggers")
    shown.update = lambda: sent.append("update")  # type: ignore[method-assign]
    for _ in range(3):
        before = app.live.answered_at
        app.live.forget_results()
        await app.live.tick()
        assert app.live.answered_at is not None
        assert before is not None
    assert not sent


async def test_creates_a_scheduled_trigger_with_all_its_fields(user: User, site: Database) -> None:
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="name", retries=30)
    assert next(iter(user.find(marker="desktop").elements)).value is Desktop.BACKGROUND  # type: ignore[attr-defined]
    value_of(user, "name", "  Invoices ")
    value_of(user, "process", "finance/invoices")
    value_of(user, "path", "https://git.example/robots/invoices.git")
    value_of(user, "git", True)
    value_of(user, "branch", "main")
    value_of(user, "keep-files", True)
    value_of(user, "arguments", '{"limit": 250}')
    value_of(user, "cron", "0 6 * * 1-5")
    await user.should_see("Weekdays 06:00", retries=30)
    await user.should_see("Tue 24 Nov")
    await user.should_see("Mon 30 Nov")
    value_of(user, "schedulers", ["RPA-VM-01"])
    value_of(user, "priority", "7")
    value_of(user, "limit", "90")
    value_of(user, "passing", SecretPassing.ENVIRONMENT)
    value_of(user, "labels", ["sap", "Windows"])
    value_of(user, "desktop", Desktop.SCREEN)
    await click(user, "save")
    await user.should_see("Invoices was created", retries=50)
    found = stored(site, "Invoices")
    assert isinstance(found, ScheduledTrigger)
    assert (found.process_name, found.is_git_repo, found.git_branch) == ("finance/invoices", True, "main")
    assert found.keep_files is True
    assert (found.cron_expr, found.process_args) == ("0 6 * * 1-5", '{"limit": 250}')
    assert found.next_run == datetime(2026, 11, 24, 6, 0)
    assert (found.scheduler_whitelist, found.priority, found.timeout_seconds) == (["RPA-VM-01"], 7, 5400)
    assert (found.passing, found.is_blocking, found.desktop) == (SecretPassing.ENVIRONMENT, False, "SCREEN")
    assert found.labels == ["sap", "Windows"]
    assert found.process_status is TriggerStatus.IDLE
    await until(lambda: any(row["name"] == "Invoices" for row in _rows(user)))


async def test_a_form_with_wrong_fields_says_which_and_saves_nothing(user: User, site: Database) -> None:
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="name", retries=30)
    value_of(user, "cron", "0 25 * * *")
    value_of(user, "arguments", "x" * 1001)
    value_of(user, "limit", "-3")
    await click(user, "save")
    await user.should_see("6 fields to correct: Name, Process, Path", retries=30)
    (cron,) = user.find(marker="cron").elements
    assert "hour" in str(cron.error)  # type: ignore[attr-defined]
    (arguments,) = user.find(marker="arguments").elements
    assert "At most 1000 characters" in str(arguments.error)  # type: ignore[attr-defined]
    assert site.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Trigger))) == 0


async def test_enter_in_a_form_saves_what_clicking_does(user: User, site: Database) -> None:
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="name", retries=30)
    user.find(marker="drawer").trigger("keydown.enter")
    await user.should_see("4 fields to correct", retries=30)
    for marker, value in (("name", "Q"), ("process", "p"), ("path", "/r/main.py"), ("cron", "0 6 * * *")):
        value_of(user, marker, value)
    user.find(marker="drawer").trigger("keydown.enter").trigger("keydown.enter")
    await user.should_see("Q was created", retries=50)
    assert site.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Trigger))) == 1


async def test_arguments_that_are_no_json_are_not_forced(user: User, site: Database) -> None:
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="name", retries=30)
    value_of(user, "kind", _kind("QUEUE"))
    for marker, value in (("name", "Q"), ("process", "p"), ("path", "/r/main.py"), ("queue", "inbox"), ("batch", "0")):
        value_of(user, marker, value)
    value_of(user, "arguments", "plain words")
    await click(user, "save")
    await user.should_see("1 field to correct: Least batch size", retries=30)
    value_of(user, "batch", "25")
    await click(user, "save")
    await user.should_see("Q was created", retries=50)
    found = stored(site, "Q")
    assert isinstance(found, QueueTrigger)
    assert (found.queue_name, found.min_batch_size, found.process_args) == ("inbox", 25, "plain words")


async def test_arguments_that_only_look_like_json_are_saved_when_meant(user: User, site: Database) -> None:
    text = "[urgent] invoices"
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="name", retries=30)
    for marker, value in (("name", "Q"), ("process", "p"), ("path", "/r/main.py"), ("cron", "0 6 * * *")):
        value_of(user, marker, value)
    value_of(user, "arguments", text)
    await user.should_see("Looks like JSON, but is not", retries=30)
    await click(user, "save")
    await click(user, "cancel")
    assert stored(site, "Q") is None
    await click(user, "save")
    await click(user, "confirm")
    await user.should_see("Q was created", retries=50)
    found = stored(site, "Q")
    assert found is not None
    assert found.process_args == text


def test_the_zone_of_dates_is_said_once() -> None:
    assert zone_words(NOW, ZoneInfo("Europe/Copenhagen")) == "CET, UTC+1"
    assert zone_words(NOW, ZoneInfo("Etc/UTC")) == "UTC"


async def test_a_past_date_asks_first(user: User, site: Database) -> None:
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="name", retries=30)
    value_of(user, "kind", _kind("SINGLE"))
    for marker, value in (("name", "Once"), ("process", "p"), ("path", "/r"), ("date", "2026-11-23")):
        value_of(user, marker, value)
    for marker, value in (("time", "08:00"),):
        value_of(user, marker, value)
    await click(user, "save")
    await user.should_see("This date is past", retries=30)
    await click(user, "cancel")
    await user.should_not_see("This date is past", retries=30)
    assert stored(site, "Once") is None
    value_of(user, "time", "09:00")
    await click(user, "save")
    await user.should_see("Once was created", retries=50)
    found = stored(site, "Once")
    assert isinstance(found, SingleTrigger)
    assert found.next_run == datetime(2026, 11, 23, 9, 0)


async def test_an_edit_keeps_what_is_not_changed_and_the_due_run(user: User, sample: Database) -> None:
    before = stored(sample, "Månedsafslutning kontrol")
    assert isinstance(before, ScheduledTrigger)
    await user.open("/triggers")
    await act_on(user, "triggers", "edit", "Månedsafslutning kontrol")
    await user.should_see(marker="priority", retries=30)
    value_of(user, "priority", "3")
    await click(user, "save")
    await user.should_see("Månedsafslutning kontrol was saved", retries=50)
    after = stored(sample, "Månedsafslutning kontrol")
    assert isinstance(after, ScheduledTrigger)
    assert after.priority == 3
    assert (after.next_run, after.cron_expr, after.last_run) == (before.next_run, before.cron_expr, before.last_run)


async def test_the_token_of_a_repository_never_reaches_the_browser_and_survives_an_edit(
    user: User, site: Database
) -> None:
    url = "https://bot:to/ken7@git.example/robot.git?token=se/cret7"
    add_trigger(
        site, QueueTrigger, trigger_name="Q", queue_name="q", min_batch_size=1, is_git_repo=True, process_path=url
    )
    await user.open("/triggers")
    await act_on(user, "triggers", "edit", "Q")
    await user.should_see(marker="priority", retries=30)
    (path,) = user.find(marker="path").elements
    assert path.value == "https://***@git.example/robot.git?token=***"  # type: ignore[attr-defined]
    assert not any("ken7" in str(element.props) + str(element) for element in user.client.elements.values())
    value_of(user, "priority", "3")
    await click(user, "save")
    await user.should_see("Q was saved", retries=50)
    found = stored(site, "Q")
    assert found is not None
    assert (found.process_path, found.priority) == (url, 3)


def test_a_path_with_what_is_not_shown_is_only_right_as_it_is_shown() -> None:
    stored_path = "https://bot:to/ken7@git.example/robot.git"
    check = check_path(stored_path)
    assert check("https://***@git.example/robot.git") is None
    assert unmasked("https://***@git.example/robot.git", stored_path) == stored_path
    assert "enter the whole address" in str(check("https://***@git.example/other.git"))
    assert check("https://bot:other@git.example/other.git") is None
    assert check(" ") == "Enter a path."
    assert "At most 250" in str(check("x" * 251))
    assert check_path("")("C:\\robots\\main.py") is None


async def test_an_edit_over_a_newer_version_asks(user: User, sample: Database) -> None:
    found = stored(sample, "Lønkontrol")
    assert found is not None
    await user.open("/triggers")
    await act_on(user, "triggers", "edit", "Lønkontrol")
    await user.should_see(marker="priority", retries=30)
    value_of(user, "priority", "3")
    base = Trigger.__table__
    sample.write(
        lambda session: session.execute(sa.update(base).where(base.c.id == found.id).values(process_path="/other"))
    )
    await click(user, "save")
    await user.should_see("Overwrite the changes to Lønkontrol?", retries=50)
    await user.should_see("Somebody else changed path while this form was open.")
    await click(user, "cancel")
    await user.should_not_see("Overwrite the changes to Lønkontrol?", retries=30)
    kept = stored(sample, "Lønkontrol")
    assert kept is not None
    assert (kept.process_path, kept.priority) == ("/other", 10)
    await click(user, "save")
    await click(user, "confirm")
    await user.should_see("Lønkontrol was saved", retries=50)
    overwritten = stored(sample, "Lønkontrol")
    assert overwritten is not None
    assert (overwritten.process_path, overwritten.priority) == (found.process_path, 3)


async def test_a_copy_is_a_new_trigger(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await act_on(user, "triggers", "copy", "Fakturaer indgående")
    await click(user, "save")
    await user.should_see("Fakturaer indgående copy was created", retries=50)
    copied = stored(sample, "Fakturaer indgående copy")
    assert isinstance(copied, QueueTrigger)
    assert copied.queue_name == "fakturaer-indgående"
    assert copied.process_status is TriggerStatus.IDLE


async def test_a_row_with_a_status_that_is_none_is_shown_and_takes_no_page_down(user: User, sample: Database) -> None:
    sample.write(
        lambda session: session.execute(
            sa.text("UPDATE \"Triggers\" SET process_status = 'Idle' WHERE trigger_name = 'Lønkontrol'")
        )
    )
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    assert len(rows) == 14
    odd = rows["Lønkontrol"]
    assert cell(odd, "status")["p"]["w"] == "Idle"
    assert cell(odd, "status")["p"]["c"] == "timeout"
    assert "correct it there" in odd["a"]["run"]
    user.find(marker="triggers").trigger("action", {"action": "edit", "id": odd["id"]})
    await user.should_see("Could not: Open Lønkontrol", retries=30)


async def test_two_admins_deleting_the_same_trigger(app: App, sample: Database) -> None:
    one, two = app.user(), app.user()
    await one.open("/triggers")
    await rows_of(one, "triggers")
    found = stored(sample, "Lønkontrol")
    assert found is not None
    await act_on(one, "triggers", "delete", "Lønkontrol")
    await one.should_see("Delete Lønkontrol?", retries=30)
    await two.open("/triggers")
    await act_on(two, "triggers", "delete", "Lønkontrol")
    await click(two, "confirm")
    await two.should_see("Lønkontrol was deleted", retries=30)
    await click(one, "confirm")
    await one.should_see("Delete Lønkontrol: changed meanwhile", retries=30)


async def test_a_change_of_others_shows_the_late_end(user: User, site: Database) -> None:
    trigger = add_trigger(
        site,
        ScheduledTrigger,
        trigger_name="Late",
        cron_expr="0 8 * * *",
        next_run=site_time(NOW - timedelta(minutes=12)),
        priority=5,
    )
    await user.open("/triggers")
    assert cell((await rows_of(user, "triggers"))["Late"], "next")["t"] == "12 min late"
    add_jobs(site, trigger, "Late", "r", last=NOW)
    site.write(
        lambda session: session.execute(
            sa.update(Trigger.__table__).where(Trigger.__table__.c.id == trigger).values(process_status="RUNNING")
        )
    )
    await until(lambda: cell(_row(user, "Late"), "next")["t"] == "just started")


def _rows(user: User) -> list[dict]:  # type: ignore[type-arg]
    return next(iter(user.find(marker="triggers").elements)).rows  # type: ignore[attr-defined,no-any-return]


def _row(user: User, name: str) -> dict:  # type: ignore[type-arg]
    return next(row for row in _rows(user) if row["name"] == name)


def _kind(name: str) -> object:
    from OpenOrchestrator.database.statuses import TriggerType

    return TriggerType[name]
