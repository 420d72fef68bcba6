"""Input: what is taken, what is refused, and that the refusal says what would be right."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.statuses import QueueStatus, SecretPassing, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import trigger_input, validation
from OpenOrchestrator.database.triggers import SingleTrigger

ZONE = ZoneInfo("Europe/Copenhagen")
SERVERS = ["sqlite", "postgresql", "mysql", "mssql"]


def test_ids_are_taken_as_uuid_and_as_text() -> None:
    value = uuid4()
    assert validation.identifier(value, "job") is value
    for text in (str(value), value.hex, f"{{{value}}}", str(value).upper()):
        assert validation.identifier(text, "job") == value


@pytest.mark.parametrize("value", ["", "zz", None, 5, b"1" * 16, "None"])
def test_what_is_no_id_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="is not the id of a queue element: pass a UUID"):
        validation.identifier(value, "queue element")


@pytest.mark.parametrize("value", [None, "", " ", "None"])
def test_an_absent_id_is_none(value: str | None) -> None:
    assert validation.optional_identifier(value, "job") is None


def test_a_wrong_optional_id_is_refused() -> None:
    assert isinstance(validation.optional_identifier(str(uuid4()), "job"), UUID)
    with pytest.raises(InvalidInputError, match="'y' is not the id of a job"):
        validation.optional_identifier("y", "job")


@pytest.mark.parametrize("server", SERVERS)
def test_a_text_as_long_as_its_column_is_taken(server: str) -> None:
    assert validation.text("x" * 100, "reference", 100, server) == "x" * 100
    with pytest.raises(InvalidInputError, match="The reference is 101 characters long, but at most 100"):
        validation.text("x" * 101, "reference", 100, server)


def test_length_counts_in_the_unit_of_the_database() -> None:
    text = "😀" * 51  # two units each in UTF-16
    assert validation.text(text, "reference", 100, "postgresql") == text
    with pytest.raises(InvalidInputError, match="102 characters long"):
        validation.text(text, "reference", 100, "mssql")


@pytest.mark.parametrize(("value", "stored"), [(5, "5"), (-1, "-1"), (2.5, "2.5"), ("", "")])
def test_numbers_are_taken_as_text(value: Any, stored: str) -> None:
    assert validation.text(value, "data", 100, "sqlite") == stored


@pytest.mark.parametrize("value", [None, True, b"a", ["a"], {"a": 1}, datetime(2026, 1, 1), ValueError("x")])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"The data has to be a text, not \w+: convert it with str\(\)"):
        validation.text(value, "data", 100, "sqlite")


@pytest.mark.parametrize(("value", "why"), [("a\0b", "NUL"), ("a\ud800b", "surrogate"), ("\udfff", "surrogate")])
@pytest.mark.parametrize("server", SERVERS)
def test_what_no_database_stores_is_refused(value: str, why: str, server: str) -> None:
    with pytest.raises(InvalidInputError, match=why) as caught:
        validation.text(value, "data", 100, server)
    str(caught.value).encode("utf-8")  # can be shown


def test_names_lose_the_blanks_around_them() -> None:
    assert validation.name("  a b\t\n", "name", 10, "sqlite") == "a b"
    assert validation.name(" " + "x" * 10 + " ", "name", 10, "sqlite") == "x" * 10
    for empty in ("", "  "):
        with pytest.raises(InvalidInputError, match="The name is empty"):
            validation.name(empty, "name", 10, "sqlite")


def test_logs_lose_only_what_cannot_be_stored() -> None:
    assert (
        validation.storable("a\0b\ud800c😀\udfff")
        == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c😀\N{REPLACEMENT CHARACTER}"
    )
    assert validation.storable("plain") == "plain"


@pytest.mark.parametrize("value", ["NEW", "New", None, 0, TriggerStatus.IDLE])
def test_only_members_are_statuses(value: Any) -> None:
    assert validation.member(QueueStatus.NEW, QueueStatus, "status") is QueueStatus.NEW
    with pytest.raises(InvalidInputError, match=r"is not a status. Pass one of QueueStatus\.NEW, QueueStatus\.IN_PRO"):
        validation.member(value, QueueStatus, "status")


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_only_whole_numbers_are_integers(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="The priority has to be a whole number"):
        validation.integer(value, "priority")


def test_integers_fit_their_column() -> None:
    for number in (-(2**31), 0, 2**31 - 1):
        assert validation.integer(number, "priority") == number
    for number in (2**31, -(2**31) - 1):
        with pytest.raises(InvalidInputError, match="has to be from"):
            validation.integer(number, "priority")
    with pytest.raises(InvalidInputError, match="has to be from 1 to"):
        validation.integer(0, "min batch size", at_least=1)


def test_limits_may_be_of_any_size_but_not_negative() -> None:
    assert validation.row_count(0, "limit") == 0
    assert validation.row_count(99_999_999, "limit") == 99_999_999
    assert validation.row_count(10**30, "limit") == validation.LARGEST_ROW_COUNT
    for wrong in (-1, "5", 1.5, None, True):
        with pytest.raises(InvalidInputError, match="limit"):
            validation.row_count(wrong, "limit")


def test_flags() -> None:
    assert validation.flag(1, "x") is True
    assert validation.flag(False, "x") is False
    for wrong in (2, "yes", None):
        with pytest.raises(InvalidInputError, match="has to be True or False"):
            validation.flag(wrong, "x")


def test_dates_become_site_time() -> None:
    naive = datetime(2026, 7, 1, 12)
    assert validation.site_datetime(naive, "from_date", ZONE) is naive
    assert validation.site_datetime(naive.replace(tzinfo=timezone.utc), "from_date", ZONE) == datetime(2026, 7, 1, 14)
    assert validation.optional_site_datetime(None, "from_date", ZONE) is None
    assert validation.site_datetime(date(2026, 1, 1), "from_date", ZONE) == datetime(2026, 1, 1)
    for wrong in ("2026-01-01", 5):
        with pytest.raises(InvalidInputError, match="The from_date has to be a datetime"):
            validation.site_datetime(wrong, "from_date", ZONE)
    with pytest.raises(InvalidInputError, match="cannot be converted"):
        validation.site_datetime(datetime.max.replace(tzinfo=timezone.utc), "from_date", ZONE)


def test_whitelists() -> None:
    assert validation.whitelist(None, "sqlite") == []
    assert validation.whitelist((" a", "b", "a"), "sqlite") == ["a", "b"]
    fits = ["x" * 100, "y" * 100, "z" * (250 - 212)]
    assert validation.whitelist(fits, "sqlite") == fits
    with pytest.raises(InvalidInputError, match="of 3 names takes 251 characters, but at most 250"):
        validation.whitelist([*fits[:2], fits[2] + "z"], "sqlite")
    for wrong in ("name", 5, [5.5, None], [""]):
        with pytest.raises(InvalidInputError, match="whitelist"):
            validation.whitelist(wrong, "sqlite")


def test_columns_to_sort_by() -> None:
    columns = ("created_date", "status")
    assert validation.column("status", columns, "created_date") == "status"
    assert validation.column("Created Date", columns, "status") == "created_date"
    assert validation.column(None, columns, "created_date") == "created_date"
    assert validation.column("", columns, "created_date") == "created_date"
    for wrong in ("nope", "status; DROP TABLE x", 5):
        with pytest.raises(InvalidInputError, match="Pass one of: created_date, status"):
            validation.column(wrong, columns, "created_date")


def check(**values: Any) -> dict[str, Any]:
    return trigger_input.checked(values, dialect_name="sqlite", zone=ZONE)


def test_a_whole_trigger_is_taken() -> None:
    assert check(
        trigger_name=" t ",
        process_name="p",
        process_path="x",
        process_args=None,
        git_branch="main",
        is_git_repo=True,
        is_blocking=0,
        priority=-3,
        scheduler_whitelist=None,
        cron_expr=" 0 5 * * MON ",
        queue_name="q",
        min_batch_size=1,
        process_status=TriggerStatus.PAUSED,
        secret_passing=SecretPassing.ENVIRONMENT,
        timeout_seconds=None,
    ) == {
        "trigger_name": "t",
        "process_name": "p",
        "process_path": "x",
        "process_args": None,
        "git_branch": "main",
        "is_git_repo": True,
        "is_blocking": False,
        "priority": -3,
        "scheduler_whitelist": [],
        "cron_expr": "0 5 * * MON",
        "queue_name": "q",
        "min_batch_size": 1,
        "process_status": TriggerStatus.PAUSED,
        "secret_passing": "ENVIRONMENT",
        "timeout_seconds": None,
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("trigger_name", "", "trigger name is empty"),
        ("trigger_name", "x" * 101, "at most 100"),
        ("process_name", None, "process name has to be a text"),
        ("process_path", "x" * 251, "at most 250"),
        ("process_args", "x" * 1001, "at most 1000"),
        ("git_branch", "x" * 101, "at most 100"),
        ("is_git_repo", "yes", "True or False"),
        ("priority", "high", "whole number"),
        ("scheduler_whitelist", "name", "list of names"),
        ("cron_expr", "bad", "cron expression 'bad'"),
        ("next_run", "tomorrow", "has to be a datetime"),
        ("queue_name", " ", "queue name is empty"),
        ("min_batch_size", 1.5, "whole number"),
        ("min_batch_size", None, "whole number"),
        ("process_path", None, "process path has to be a text"),
        ("process_status", "IDLE", r"TriggerStatus\.IDLE"),
        ("secret_passing", "TELEPATHY", r"SecretPassing\.AUTO"),
        ("timeout_seconds", 0, "from 1 to"),
        ("colour", "red", "no 'colour'"),
    ],
)
def test_what_a_trigger_cannot_have_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        check(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("process_path", "", ""),
        ("process_path", " a.py ", "a.py"),
        ("min_batch_size", 0, 0),
        ("min_batch_size", "2", 2),
        ("priority", None, 0),
        ("priority", "-3", -3),
        ("priority", 2.0, 2),
        ("priority", True, 1),
        ("next_run", date(2026, 3, 1), datetime(2026, 3, 1)),
    ],
)
def test_what_earlier_versions_took_is_taken(name: str, value: Any, stored: Any) -> None:
    assert check(**{name: value}) == {name: stored}


def test_an_aware_next_run_keeps_its_instant_in_the_hour_that_occurs_twice() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc)  # 02:30 for the second time
    assert check(next_run=second) == {"next_run": datetime(2026, 10, 25, 2, 30), "due_at": second}
    assert check(next_run=second.replace(tzinfo=None)) == {"next_run": datetime(2026, 10, 25, 1, 30)}


def test_only_what_was_changed_on_a_trigger_is_written() -> None:
    trigger = SingleTrigger(id=uuid4(), trigger_name="t", priority=1, type=TriggerType.SINGLE, scheduler_whitelist=[])
    trigger_input.mark_saved(trigger)
    assert trigger_input.changes_of(trigger) == {"scheduler_whitelist": []}
    trigger.priority += 1
    trigger.scheduler_whitelist.append("here")
    assert trigger_input.changes_of(trigger) == {"priority": 2, "scheduler_whitelist": ["here"]}
    trigger_input.mark_saved(trigger)
    trigger.next_run = datetime(2026, 1, 1) + timedelta(days=1)
    assert set(trigger_input.changes_of(trigger)) == {"next_run", "scheduler_whitelist"}
