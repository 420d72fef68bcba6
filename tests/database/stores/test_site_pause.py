"""The pause of the whole site, on every kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.site import SITE_PAUSE, SiteSetting
from OpenOrchestrator.database.stores import site_pause
from OpenOrchestrator.database.stores.site_pause import SitePause


def pause(database: Database, reason: str = "SAP is closed", **values: object) -> SitePause:
    return database.write(lambda session: site_pause.pause(session, reason=reason, **values))  # type: ignore[arg-type]


def present(database: Database) -> SitePause | None:
    return database.read(site_pause.read)


def resume(database: Database, seen: SitePause | None = None) -> bool:
    return database.write(lambda session: site_pause.resume(session, seen))


def database_now(database: Database) -> datetime:
    now = database.read(lambda session: session.scalar(sa.select(DatabaseUtcNow())))
    assert now is not None
    return now


def put(database: Database, value: str) -> None:
    database.write(lambda session: session.merge(SiteSetting(name=SITE_PAUSE, value=value)))


def test_a_pause_says_why_by_whom_since_and_until_when(database: Database) -> None:
    assert present(database) is None
    before = database_now(database)
    until = before + timedelta(hours=2)
    made = pause(database, "  Årsafslutning\n i SAP 🧪 ", by=" Åse ", until=until)
    assert present(database) == made
    assert (made.reason, made.by) == ("Årsafslutning i SAP 🧪", "Åse")
    assert made.until == until.replace(microsecond=0)
    assert made.since is not None
    assert before.replace(microsecond=0) <= made.since <= database_now(database)


def test_a_site_is_resumed_once(database: Database) -> None:
    pause(database)
    assert resume(database) is True
    assert present(database) is None
    assert resume(database) is False


def test_a_second_pause_takes_the_place_of_the_first_which_cannot_be_resumed_any_more(database: Database) -> None:
    first = pause(database, by="Ann")
    second = pause(database, "The server is moved", by="Bo")
    assert present(database) == second
    assert resume(database, first) is False, "Bo's pause is not what whoever saw Ann's wants to end"
    assert present(database) == second
    assert resume(database, second) is True


def test_a_pause_ends_by_itself_and_nobody_writes_for_it(database: Database) -> None:
    pause(database)
    stored = database.read(lambda session: session.get_one(SiteSetting, SITE_PAUSE).value)
    gone = (database_now(database) - timedelta(seconds=1)).isoformat()
    put(database, stored.replace('"until": null', f'"until": "{gone}"'))
    assert present(database) is None
    assert resume(database) is False, "it had ended already"
    assert pause(database, "again") == present(database)


def test_an_end_that_has_passed_is_refused_by_the_databases_clock(database: Database) -> None:
    with pytest.raises(InvalidInputError, match="which has passed"):
        pause(database, until=database_now(database) - timedelta(seconds=1))
    assert present(database) is None


@pytest.mark.parametrize("reason", ["", "  \n ", "\x1b"])
def test_a_reason_is_needed(database: Database, reason: str) -> None:
    with pytest.raises(InvalidInputError, match="needs a reason"):
        pause(database, reason)


def test_the_longest_reason_and_name_fit_whatever_they_hold(database: Database) -> None:
    for letter in ('"', "🧪", "å"):
        reason = letter * site_pause.LONGEST_REASON
        made = pause(database, reason, by=letter * 200, until=datetime(2999, 1, 1, tzinfo=timezone.utc))
        assert present(database) == made
        assert (made.reason, made.by) == (reason, letter * site_pause.LONGEST_NAME)
    with pytest.raises(InvalidInputError, match="301 characters"):
        pause(database, "x" * 301)


def test_what_somebody_put_there_by_sql_is_a_pause_too(database: Database) -> None:
    put(database, "closed by the DBA")
    found = present(database)
    assert found is not None
    assert (found.reason, found.by, found.since, found.until) == ("closed by the DBA", None, None, None)
    put(database, '{"reason": 1}')
    assert present(database) is not None
    assert resume(database) is True


@pytest.mark.parametrize(
    "value",
    [
        '{"since": null, "by": null, "reason": "x", "until": "9999-12-31T23:59:59-05:00"}',
        '{"since": "0001-01-01T00:00:00+05:00", "by": null, "reason": "x", "until": null}',
        '{"since": null, "by": "\\ud800", "reason": "x\\ud800\\n\\u0000", "until": null}',
        "[" * 990,
    ],
    ids=["end", "since", "halves", "depth"],
)
def test_a_damaged_setting_is_a_pause_that_can_be_said_and_resumed(database: Database, value: str) -> None:
    put(database, value)
    found = present(database)
    assert found is not None
    assert found.until is None
    assert found.reason.encode()
    assert found.reason.isprintable()
    assert found.by is None or found.by.isprintable()
    assert resume(database) is True
    assert present(database) is None
