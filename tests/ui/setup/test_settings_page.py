"""Settings and the first run, used as an admin uses them, on real databases."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from nicegui import Client, ui
from nicegui import app as nicegui_app
from nicegui.testing import User

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import ConfigurationError, ConnectionFailedError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Credential
from OpenOrchestrator.database.schema import migrations
from OpenOrchestrator.database.schema.revisions import known_revisions
from OpenOrchestrator.database.stores import keep_days
from OpenOrchestrator.database.stores.keep_days import KeepDays
from OpenOrchestrator.orchestrator.live.poller import DEFAULT_INTERVAL, Live
from OpenOrchestrator.orchestrator.setup.backend.connection_strings import without_secrets
from OpenOrchestrator.orchestrator.setup.backend.inspection import Situation, inspect
from OpenOrchestrator.orchestrator.values.backend.key_fit import KeyBackend, KeyReport, sort_by_key
from tests.ui.conftest import App, running
from tests.ui.pages import click, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

DEADLINE = 20.0


def value(user: User, marker: str, text: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = text  # type: ignore[attr-defined]


def text_of(user: User, marker: str) -> str:
    return str(next(iter(user.find(marker=marker).elements)).text)  # type: ignore[attr-defined]


def enabled(user: User, marker: str) -> bool:
    return bool(next(iter(user.find(marker=marker).elements)).enabled)  # type: ignore[attr-defined]


async def within(condition: Callable[[], Any]) -> None:
    """Wait for something that takes a migration's time."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


def older_database(path: Path) -> str:
    """Make a database of the revision before the newest, with a constant in it."""
    url = f"sqlite+pysqlite:///{path}"
    migrations.upgrade(url, zone="Europe/Copenhagen")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (known_revisions()[-2],))
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix\\_%' ESCAPE '\\'"
        ).fetchall():
            connection.execute(f'DROP INDEX "{name}"')
    return url


@asynccontextmanager
async def with_database(database: Database | None, clock: SettableClock) -> Any:
    """Run the app, and let it send all it has to send before it ends: NiceGUI cannot end a sender that just woke."""
    async with running(database, clock) as app:
        yield app
        await until(lambda: not any(each.outbox.updates or each.outbox.messages for each in Client.instances.values()))


@asynccontextmanager
async def without_database(clock: SettableClock) -> Any:
    async with with_database(None, clock) as app:
        yield app


async def test_the_first_run_connects_makes_a_key_and_initializes(tmp_path: Path, clock: SettableClock) -> None:
    url = f"sqlite+pysqlite:///{tmp_path / 'new.db'}"
    async with without_database(clock) as app:
        user = app.user()
        await user.open("/settings")
        await user.should_see("No database yet", retries=30)
        assert not enabled(user, "initialize")
        value(user, "connection-string", f"  {url} ")
        await click(user, "test")
        await user.should_see("The database is empty.", retries=50)
        assert not (tmp_path / "new.db").exists()
        assert not enabled(user, "initialize")
        await click(user, "generate-key")
        await user.should_see("Shown only now.", retries=30)
        key = text_of(user, "new-key")
        assert crypto_util.validate_key(key)
        assert not enabled(user, "initialize")
        value(user, "key-stored", True)
        await until(lambda: enabled(user, "initialize"))
        value(user, "key-stored", False)
        await until(lambda: not enabled(user, "initialize"))
        value(user, "key-stored", True)
        value(user, "zone", "Europe/Copenhagen")
        await click(user, "initialize")
        await within(lambda: app.installation.connected)
        assert app.installation.key == key
        await within(lambda: str(app.installation.zone) == "Europe/Copenhagen")
        state = migrations.inspect_database(url)
        assert (state.situation, state.zone_name) == (Situation.CURRENT, "Europe/Copenhagen")
        again = app.user()
        await again.open("/settings?started=1")
        await again.should_see("The database is ready", retries=30)
        await again.should_see("python -m OpenOrchestrator scheduler")
        await again.should_not_see(key)
        app.installation.database.close()


async def test_without_a_database_every_page_leads_to_the_first_run(clock: SettableClock) -> None:
    async with without_database(clock) as app:
        user = app.user()
        await user.open("/")
        await user.should_see("No database yet", retries=50)
        for path in ("/triggers", "/constants", "/credentials", "/schedulers"):
            await user.open(path)
            await user.should_see("Not connected to a database", retries=30)
            user.find("Open Settings").click()
            await user.should_see("No database yet", retries=50)


@pytest.mark.parametrize(
    ("connection_string", "said"),
    [
        ("", "Give the connection string of the database."),
        ("S3cretWord", "is not a SQLAlchemy URL"),
        ("sqlite+pysqlite:////no/such/folder/S3cretWord.db", "does not exist"),
        ("postgresql+psycopg://rpa:S3cretWord@127.0.0.1:1/x", "Cannot connect to postgresql+psycopg://rpa:***@"),
        ("oracle://rpa:S3cretWord@host/x", "does not work with databases of the kind 'oracle'"),
        ("postgresql+nosuch://rpa:S3cretWord@host/x", "No driver for 'postgresql+nosuch'"),
    ],
)
async def test_a_connection_that_fails_says_why_without_its_secret(
    clock: SettableClock, connection_string: str, said: str
) -> None:
    async with without_database(clock) as app:
        user = app.user()
        await user.open("/settings")
        await user.should_see(marker="connection-string", retries=30)
        value(user, "connection-string", connection_string)
        await click(user, "test")
        await within(lambda: said in _shown(user, "connection-problem"))
        if "://rpa:" in connection_string:
            assert "S3cretWord" not in _shown(user, "connection-problem")
        assert not app.installation.has_database
        assert not enabled(user, "initialize")


async def test_another_connection_string_has_to_be_tested_anew(tmp_path: Path, clock: SettableClock) -> None:
    async with without_database(clock) as app:
        user = app.user()
        await user.open("/settings")
        await user.should_see(marker="connection-string", retries=30)
        value(user, "connection-string", f"sqlite+pysqlite:///{tmp_path / 'a.db'}")
        await click(user, "test")
        await user.should_see("The database is empty.", retries=50)
        await click(user, "no-key")
        await until(lambda: enabled(user, "initialize"))
        value(user, "connection-string", f"sqlite+pysqlite:///{tmp_path / 'b.db'}")
        await until(lambda: not enabled(user, "initialize"))
        await user.should_see("Connect first.")
        await click(user, "initialize")
        await asyncio.sleep(0.1)
        assert not (tmp_path / "a.db").exists()


async def ask_for_the_key_of(site: Database, user: User) -> None:
    """Go through the first run with a database in use, up to the question for the site's key."""
    await user.open("/settings")
    await user.should_see(marker="connection-string", retries=30)
    value(user, "connection-string", site.connection_string)
    await click(user, "test")
    await user.should_see("It holds a site and is up to date.", retries=50)
    await click(user, "existing-key")
    await user.should_see(marker="existing-key-text", retries=30)


async def test_a_database_in_use_is_connected_with_the_sites_key(site: Database, clock: SettableClock) -> None:
    key = crypto_util.generate_key().decode()
    async with without_database(clock) as app:
        user = app.user()
        await ask_for_the_key_of(site, user)
        value(user, "existing-key-text", "too short")
        assert not enabled(user, "initialize")
        value(user, "existing-key-text", f" {key} ")
        await until(lambda: enabled(user, "initialize"))
        await click(user, "initialize")
        await within(lambda: app.installation.connected)
        assert app.installation.key == key
        app.installation.database.close()


async def test_an_older_database_says_what_will_change_and_is_upgraded(tmp_path: Path, clock: SettableClock) -> None:
    url = older_database(tmp_path / "old.db")
    changes = migrations.pending_changes(migrations.inspect_database(url))
    assert changes
    async with with_database(Database(url, clock=clock, patience_seconds=1), clock) as app:
        user = app.user()
        await user.open("/settings")
        await user.should_see("This database has to be upgraded", retries=50)
        for change in changes:
            await user.should_see(change.description)
        await user.should_see(f"Revision {known_revisions()[-2]} to {known_revisions()[-1]}")
        assert not enabled(user, "initialize")
        await click(user, "no-key")
        await until(lambda: enabled(user, "initialize"))
        await click(user, "initialize")
        await user.should_see("Upgrade this database?", retries=30)
        await click(user, "cancel")
        await user.should_not_see("Upgrade this database?", retries=30)
        assert migrations.inspect_database(url).situation is Situation.OLDER
        await click(user, "initialize")
        await click(user, "confirm")
        await within(lambda: app.installation.connected)
        assert migrations.inspect_database(url).situation is Situation.CURRENT
        app.installation.database.close()


async def test_a_newer_database_is_refused(site: Database, clock: SettableClock) -> None:
    site.write(lambda session: session.execute(sa.text("UPDATE alembic_version SET version_num = 'ffff0000ffff'")))
    async with with_database(site, clock) as app:
        user = app.user()
        await user.open("/settings")
        await user.should_see("This database is of a newer version", retries=50)
        assert "ffff0000ffff" in _shown(user, "refused")
        await user.should_not_see("Initialize database")
        await user.open("/triggers")
        await user.should_see("This database cannot be used yet", retries=30)
        user.find("Open Settings").click()
        await user.should_see("This database is of a newer version", retries=50)
        await click(user, "disconnect")
        await within(lambda: not app.installation.has_database)


async def test_an_upgrade_that_fails_says_why_and_leaves_the_way_open(
    tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite+pysqlite:///{tmp_path / 'x.db'}"
    folder = tmp_path / "x.db"
    async with without_database(clock) as app:
        user = app.user()
        await user.open("/settings")
        await user.should_see(marker="connection-string", retries=30)
        value(user, "connection-string", url)
        await click(user, "test")
        await user.should_see("The database is empty.", retries=50)
        await click(user, "no-key")
        await until(lambda: enabled(user, "initialize"))
        folder.mkdir()  # in the place of the file
        await click(user, "initialize")
        await within(lambda: _shown(user, "setup-problem"))
        assert not app.installation.has_database
        folder.rmdir()
        await within(lambda: enabled(user, "initialize"))
        await click(user, "initialize")
        await within(lambda: app.installation.connected)
        app.installation.database.close()


async def test_settings_show_the_connection_masked(user: User, site: Database) -> None:
    await user.open("/settings")
    await user.should_see("Up to date, revision", retries=50)
    assert text_of(user, "connection") == site.masked_connection_string
    await user.should_see("None. Credentials can be neither saved nor read by this app.")


async def test_an_error_holds_no_password_not_even_in_its_cause() -> None:
    url = "postgresql+psycopg://rpa:S3cretWord@127.0.0.1:1/x"

    def fail() -> None:
        raise ConfigurationError(f"cannot use {url}") from ValueError(url)

    with pytest.raises(ConfigurationError, match="cannot use") as caught:
        without_secrets(url, fail)
    assert "S3cretWord" not in str(caught.value)
    assert caught.value.__suppress_context__
    with pytest.raises(ConnectionFailedError) as refused:
        await inspect(url)
    assert "S3cretWord" not in str(refused.value)


async def test_disconnect_asks_and_forgets_the_key(user: User, app: App, site: Database) -> None:
    app.installation.key = crypto_util.generate_key().decode()
    await user.open("/settings")
    await click(user, "disconnect")
    await user.should_see("Disconnect from this database?", retries=30)
    await click(user, "cancel")
    await user.should_not_see("Disconnect from this database?", retries=30)
    assert app.installation.connected
    await click(user, "disconnect")
    await click(user, "confirm")
    await within(lambda: not app.installation.has_database)
    assert app.installation.key is None


async def test_a_key_that_does_not_open_the_credentials_is_told(user: User, app: App, site: Database) -> None:
    right = crypto_util.generate_key().decode()
    token = crypto_util.encrypt("x", right)
    row = Credential(name="ERP", username="u", password=token, changed_at=site_time(NOW))
    site.write(lambda session: session.add(row))
    app.installation.key = crypto_util.generate_key().decode()
    await user.open("/settings")
    await user.should_see("it does not open the saved credentials", retries=50)
    await click(user, "enter")
    await user.should_see(marker="enter-key", retries=30)
    value(user, "enter-key", "nonsense")
    await click(user, "use-key")
    await user.should_see(marker="enter-key")
    value(user, "enter-key", right)
    await click(user, "use-key")
    await user.should_see("Given, and opens the saved credentials.", retries=50)
    assert app.installation.key == right


def save_credentials(database: Database, **keys: str) -> None:
    """Save credentials by their names, each with a key of its own; the last is the newest."""
    for number, (name, key) in enumerate(keys.items()):
        changed = site_time(NOW + timedelta(minutes=number))
        row = Credential(name=name, username="u", password=crypto_util.encrypt("x", key), changed_at=changed)
        database.write(lambda session, row=row: session.add(row))


async def enter(user: User, key: str) -> None:
    await click(user, "enter")
    await user.should_see(marker="enter-key", retries=30)
    value(user, "enter-key", key)
    await click(user, "use-key")


def a_key() -> str:
    return crypto_util.generate_key().decode()


def test_a_key_sorts_credentials_into_opened_and_not() -> None:
    right, other = a_key(), a_key()
    stored = [(name, [crypto_util.encrypt("x", key)]) for name, key in (("b", right), ("Z", other), ("A", right))]
    assert sort_by_key(stored, right) == KeyReport(("A", "b"), ("Z",))
    both = [crypto_util.encrypt("x", key) for key in (right, other)]
    assert sort_by_key([("fields of another key", both)], right) == KeyReport((), ("fields of another key",))
    assert sort_by_key([*stored, ("damaged", ["no token"])], other) == KeyReport(("Z",), ("A", "b", "damaged"))
    for none in (a_key(), "malformed", None):
        report = sort_by_key(stored, none)
        assert report == KeyReport((), ("A", "b", "Z"))
        assert report.opens_none
    assert not sort_by_key([], right).opens_none
    assert not sort_by_key(stored, right).opens_none


async def test_a_key_that_opens_nothing_is_refused_unless_that_is_typed(user: User, app: App, site: Database) -> None:
    right, wrong = a_key(), a_key()
    save_credentials(site, ERP=right, Mail=right)
    app.installation.key = right
    await user.open("/settings")
    await enter(user, wrong)
    await user.should_see("It opens none of the 2 saved credentials: ERP and Mail.", retries=50)
    await user.should_not_see("The key is in use")
    assert not enabled(user, "confirm-typed")
    await click(user, "cancel")
    await user.should_see("The key was not taken. It opens none of the 2 saved credentials", retries=50)
    assert app.installation.key == right
    await until(lambda: enabled(user, "use-key"))
    await click(user, "use-key")
    await user.should_see(marker="typed-words", retries=50)
    value(user, "typed-words", "yes")
    assert not enabled(user, "confirm-typed")
    value(user, "typed-words", " Use this KEY ")
    await until(lambda: enabled(user, "confirm-typed"))
    await click(user, "confirm-typed")
    await user.should_see("Given, but it does not open the saved credentials", retries=50)
    assert app.installation.key == wrong


async def test_the_right_key_is_not_judged_by_the_newest_credential_alone(user: User, app: App, site: Database) -> None:
    right = a_key()
    save_credentials(site, Archive=right, ERP=right, Mail=a_key())
    await user.open("/settings")
    await enter(user, right)
    await user.should_see("The key is in use", retries=50)
    await user.should_see("It does not open 1 of 3 saved credentials: Mail.")
    await user.should_see("Given, but it does not open 1 of 3 saved credentials, saved with another key: Mail")
    assert app.installation.key == right


async def test_a_key_is_not_taken_while_it_cannot_be_tried(
    user: User, app: App, site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_self: KeyBackend, _key: str | None) -> KeyReport:
        raise ConnectionFailedError("no answer")

    await user.open("/settings")
    await user.should_see(marker="enter", retries=50)
    monkeypatch.setattr(KeyBackend, "report", silent)
    await enter(user, a_key())
    await user.should_see("The database does not answer, so the key was not tried.", retries=50)
    assert app.installation.key is None


async def test_a_new_key_is_not_used_where_a_credential_was_saved_meanwhile(
    user: User, app: App, site: Database
) -> None:
    await user.open("/settings")
    await user.should_see(marker="generate-key", retries=50)
    save_credentials(site, ERP=a_key())
    await click(user, "generate-key")
    await user.should_see("This app goes on with the key it has.", retries=50)
    value(user, "key-stored", True)
    await click(user, "key-done")
    assert app.installation.key is None


async def test_the_first_run_refuses_a_key_that_opens_nothing_too(site: Database, clock: SettableClock) -> None:
    save_credentials(site, ERP=a_key())
    wrong = a_key()
    async with without_database(clock) as app:
        user = app.user()
        await ask_for_the_key_of(site, user)
        value(user, "existing-key-text", wrong)
        await until(lambda: enabled(user, "initialize"))
        await click(user, "initialize")
        await user.should_see("It does not open the only saved credential: ERP.", retries=50)
        await click(user, "cancel")
        await user.should_see("the key above opens none of the saved credentials", retries=50)
        assert not app.installation.has_database
        assert app.installation.key is None
        await click(user, "initialize")
        await user.should_see(marker="typed-words", retries=50)
        value(user, "typed-words", "use this key")
        await until(lambda: enabled(user, "confirm-typed"))
        await click(user, "confirm-typed")
        await within(lambda: app.installation.connected)
        assert app.installation.key == wrong
        app.installation.database.close()


async def test_a_key_is_generated_shown_once_and_used_only_where_none_is(user: User, app: App, site: Database) -> None:
    await user.open("/settings")
    await click(user, "generate-key")
    await user.should_see("Shown only now.", retries=30)
    key = text_of(user, "new-key")
    assert not enabled(user, "key-done")
    value(user, "key-stored", True)
    await until(lambda: enabled(user, "key-done"))
    assert app.installation.key is None
    await click(user, "key-done")
    await user.should_see("Given. No credential is saved yet.", retries=50)
    assert app.installation.key == key
    await user.should_not_see(key)
    await click(user, "generate-key")
    await user.should_see("This app goes on with the key it has.", retries=30)
    value(user, "key-stored", True)
    await click(user, "key-done")
    await user.should_not_see("This app goes on with the key it has.", retries=30)
    assert app.installation.key == key


async def test_the_time_zone_is_changed_after_a_question(user: User, app: App, site: Database) -> None:
    await user.open("/settings")
    await user.should_see("It is 08:12 there now.", retries=50)
    assert not enabled(user, "save-zone")
    value(user, "zone", "America/New_York")
    await user.should_see("It is 02:12 there now.", retries=30)
    await click(user, "save-zone")
    await user.should_see("what was 08:00 in Europe/Copenhagen is 08:00 in America/New_York", retries=30)
    await click(user, "confirm")
    await user.should_see("The site's time zone is America/New_York", retries=50)
    assert str(app.installation.zone) == "America/New_York"
    assert migrations.inspect_database(site.connection_string).zone_name == "America/New_York"


async def test_appearance_is_remembered_and_shown_at_once(user: User, app: App) -> None:
    client = await user.open("/settings")
    await user.should_see(marker="theme", retries=30)
    value(user, "theme", "dark")
    with client:
        modes = [element for element in client.elements.values() if isinstance(element, ui.dark_mode)]
        assert [mode.value for mode in modes] == [True]
        assert nicegui_app.storage.user["dark"] is True
    value(user, "theme", "system")
    with client:
        assert modes[0].value is None
        assert nicegui_app.storage.user["dark"] is None


async def test_another_database_is_told_once(app: App, site: Database, tmp_path: Path) -> None:
    told: list[bool] = []
    app.installation.on_change(lambda: told.append(app.installation.connected))
    fresh = Database(f"sqlite+pysqlite:///{tmp_path / 'fresh.db'}", create=True)
    await app.installation.connect(fresh)
    assert told == [False]
    other = Database(site.connection_string)
    await app.installation.connect(other)
    assert told == [False, True]
    other.close()


async def test_the_refresh_interval_changes_for_all(user: User, app: App) -> None:
    await user.open("/settings")
    await user.should_see(marker="interval", retries=30)
    value(user, "interval", 10.0)
    assert app.live.interval == 10.0
    after_a_restart = Live(app.installation.clock)
    after_a_restart.recall_interval()
    assert after_a_restart.interval == 10.0


@pytest.mark.parametrize("stored", [0, -1, 1e9, "often", None, [2]])
async def test_an_interval_that_makes_no_sense_is_not_recalled(app: App, stored: object) -> None:
    nicegui_app.storage.general["refresh_seconds"] = stored
    live = Live(app.installation.clock)
    live.recall_interval()
    assert live.interval == DEFAULT_INTERVAL


def _shown(user: User, marker: str) -> str:
    try:
        return text_of(user, marker)
    except AssertionError:
        return ""


async def test_for_how_long_things_are_kept_is_stored_after_a_question_where_that_gets_shorter(
    user: User, site: Database
) -> None:
    await user.open("/settings")
    await user.should_see(marker="save-keep", retries=50)
    assert not enabled(user, "save-keep")
    value(user, "keep-jobs", "0")
    await user.should_see("from 1 to 36500, not 0", retries=30)
    value(user, "keep-jobs", "some")
    await user.should_see("'some' is no number of days", retries=30)
    assert not enabled(user, "save-keep")
    value(user, "keep-jobs", " 365 ")
    value(user, "keep-logs", "30")
    await click(user, "save-keep")
    await user.should_see("Jobs, Logs.", retries=30)
    assert site.read(keep_days.read) == KeepDays()
    await click(user, "confirm")
    await until(lambda: site.read(keep_days.read) == KeepDays(jobs=365, logs=30))
    await until(lambda: not enabled(user, "save-keep"))
    value(user, "keep-logs", "")
    await click(user, "save-keep")
    await until(lambda: site.read(keep_days.read) == KeepDays(jobs=365))
