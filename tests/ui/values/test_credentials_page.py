"""The list of credentials, used as an admin uses it. No password ever comes back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from nicegui import Client
from nicegui.testing import User

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Credential
from OpenOrchestrator.database.stores import credentials
from tests.ui.conftest import App
from tests.ui.pages import act_on, cell, click, rows_of, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

SECRET = "correct horse battery"


@pytest.fixture
def key(app: App) -> str:
    """The key of the app."""
    app.installation.key = crypto_util.generate_key().decode()
    return app.installation.key


def value(user: User, marker: str, text: str) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = text  # type: ignore[attr-defined]


def stored(database: Database, name: str) -> Credential | None:
    return database.read(
        lambda session: session.scalars(sa.select(Credential).where(Credential.name == name)).one_or_none()
    )


def add(database: Database, name: str, key: str | None = None) -> str:
    token = crypto_util.encrypt(SECRET, key or crypto_util.generate_key())
    changed = site_time(NOW - timedelta(minutes=12))
    row = Credential(name=name, username="rpa", password=token, changed_at=changed)
    database.write(lambda session: session.add(row))
    return token


def everything_of(client: Client) -> str:
    """Return all that a browser is told about the elements of its page."""
    return json.dumps([element._to_dict() for element in client.elements.values()], default=str)


async def test_shows_that_a_password_is_set_but_nothing_of_it(user: User, site: Database, key: str) -> None:
    token = add(site, "ERP", key)
    client = await user.open("/credentials")
    row = (await rows_of(user, "credentials"))["ERP"]
    assert cell(row, "username")["t"] == "rpa"
    assert cell(row, "password")["t"] == "Set"
    assert cell(row, "changed")["t"] == "12 min ago"
    await act_on(user, "credentials", "edit", "ERP")
    await user.should_see(marker="save", retries=30)
    assert SECRET not in everything_of(client)
    assert token not in everything_of(client)


async def test_one_that_was_made_from_a_file_has_no_password_until_somebody_enters_it(
    user: User, site: Database, key: str
) -> None:
    site.write(lambda session: credentials.create_unset(session, "ERP", now=site_time(NOW)))
    await user.open("/credentials")
    assert cell((await rows_of(user, "credentials"))["ERP"], "password")["t"] == "Not yet"
    await user.should_not_see(marker="no-key")
    await act_on(user, "credentials", "edit", "ERP")
    await user.should_see(marker="save", retries=30)
    value(user, "username", "robot")
    value(user, "password", SECRET)
    await click(user, "save")
    await user.should_see("ERP was saved", retries=50)
    found = stored(site, "ERP")
    assert found is not None
    assert crypto_util.decrypt(found.password, key) == SECRET


async def test_creates_one_encrypted_and_tells_the_browser_nothing_of_the_password(
    user: User, site: Database, key: str
) -> None:
    client = await user.open("/credentials")
    await click(user, "new-credential")
    await user.should_see(marker="save", retries=30)
    value(user, "password", SECRET)
    await click(user, "save")
    await user.should_see("1 field to correct: Name", retries=30)
    (field,) = user.find(marker="password").elements
    field.update()
    assert SECRET not in everything_of(client)
    value(user, "name", " ERP ")
    value(user, "username", "rpa")
    await click(user, "save")
    await user.should_see("ERP was created", retries=50)
    found = stored(site, "ERP")
    assert found is not None
    assert found.username == "rpa"
    assert crypto_util.decrypt(found.password, key) == SECRET
    assert SECRET not in everything_of(client)


async def test_an_edit_without_a_password_keeps_it_and_needs_no_key(user: User, app: App, site: Database) -> None:
    token = add(site, "ERP")
    await user.open("/credentials")
    await act_on(user, "credentials", "edit", "ERP")
    await user.should_see(marker="save", retries=30)
    value(user, "username", "rpa2")
    await click(user, "save")
    await user.should_see("ERP was saved", retries=50)
    found = stored(site, "ERP")
    assert found is not None
    assert (found.username, found.password) == ("rpa2", token)


async def test_an_edit_with_a_password_encrypts_the_new_one(user: User, site: Database, key: str) -> None:
    add(site, "ERP", key)
    await user.open("/credentials")
    await act_on(user, "credentials", "edit", "ERP")
    await user.should_see(marker="save", retries=30)
    value(user, "password", "another")
    await click(user, "save")
    await user.should_see("ERP was saved", retries=50)
    found = stored(site, "ERP")
    assert found is not None
    assert crypto_util.decrypt(found.password, key) == "another"
    assert found.changed_at == site_time(NOW)


async def test_without_a_key_the_page_says_how_and_saves_nothing(user: User, site: Database) -> None:
    await user.open("/credentials")
    await user.should_see("This app has no key, so passwords cannot be saved.", retries=30)
    await click(user, "new-credential")
    await user.should_see(marker="save", retries=30)
    value(user, "name", "ERP")
    value(user, "password", SECRET)
    await click(user, "save")
    await user.should_see("1 field to correct: Password", retries=30)
    assert stored(site, "ERP") is None


async def test_a_key_that_does_not_open_them_is_told_above_the_list_until_it_does(
    user: User, site: Database, key: str
) -> None:
    add(site, "ERP")
    add(site, "Mail", key)
    await user.open("/credentials")
    await user.should_see("It does not open 1 of 2 saved credentials: ERP.", retries=30)
    await act_on(user, "credentials", "edit", "ERP")
    await user.should_see(marker="save", retries=30)
    value(user, "password", "another")
    await click(user, "save")
    await user.should_not_see("It does not open 1 of 2 saved credentials: ERP.", retries=50)


async def test_a_malformed_key_is_named_without_being_shown(user: User, app: App, site: Database) -> None:
    app.installation.key = "no-key-at-all"
    await user.open("/credentials")
    await click(user, "new-credential")
    await user.should_see(marker="save", retries=30)
    for marker, text in (("name", "ERP"), ("password", SECRET)):
        value(user, marker, text)
    await click(user, "save")
    await user.should_see("The encryption key is malformed", retries=50)
    await user.should_not_see("no-key-at-all")
    assert stored(site, "ERP") is None


async def be_refused_a_second(user: User, site: Database, name: str) -> None:
    """Make a credential ERP, and try to make another in the app, whose name counts as the same."""
    add(site, "ERP")
    await user.open("/credentials")
    await click(user, "new-credential")
    await user.should_see(marker="save", retries=30)
    for marker, text in (("name", name), ("password", "x")):
        value(user, marker, text)
    await click(user, "save")
    await user.should_see("There is a credential with the name 'ERP' already", retries=50)


async def test_a_name_is_unique_whatever_its_case(user: User, site: Database, key: str) -> None:
    await be_refused_a_second(user, site, " erp ")


async def test_what_went_wrong_while_saving_stands_in_the_form_and_goes_when_it_is_saved(
    user: User, site: Database, key: str
) -> None:
    await be_refused_a_second(user, site, "erp")
    (problem,) = user.find(marker="form-problem").elements
    assert any("already" in str(getattr(each, "text", "")) for each in problem.descendants())
    await user.should_not_see(marker="toasts")
    value(user, "name", "another")
    await click(user, "save")
    await user.should_see("another was created", retries=50)
    assert not list(problem.descendants())


async def test_an_edit_over_a_newer_version_asks(user: User, site: Database, key: str) -> None:
    add(site, "ERP", key)
    await user.open("/credentials")
    await act_on(user, "credentials", "edit", "ERP")
    await user.should_see(marker="save", retries=30)
    value(user, "password", "mine")
    changes: dict[str, Any] = {"username": "theirs", "changed_at": site_time(NOW)}
    site.write(lambda session: session.execute(sa.update(Credential).values(changes)))
    await click(user, "save")
    await user.should_see("Overwrite the change to ERP?", retries=50)
    await click(user, "cancel")
    await user.should_not_see("Overwrite the change to ERP?", retries=30)
    found = stored(site, "ERP")
    assert found is not None
    assert (found.username, crypto_util.decrypt(found.password, key)) == ("theirs", SECRET)
    await click(user, "save")
    await click(user, "confirm")
    await user.should_see("ERP was saved", retries=50)
    overwritten = stored(site, "ERP")
    assert overwritten is not None
    assert (overwritten.username, crypto_util.decrypt(overwritten.password, key)) == ("rpa", "mine")


async def test_delete_asks_by_name_and_search_finds(user: User, site: Database) -> None:
    for name in ("ERP", "Mail", "Archive"):
        add(site, name)
    await user.open("/credentials?q=mail")
    assert set(await rows_of(user, "credentials")) == {"Mail"}
    await act_on(user, "credentials", "delete", "Mail")
    await user.should_see("Delete Mail?", retries=30)
    await click(user, "confirm")
    await user.should_see("Mail was deleted", retries=50)
    assert stored(site, "Mail") is None
    await user.should_see("Nothing matches", retries=50)
    await click(user, "clear-filters")
    await until(lambda: len(next(iter(user.find(marker="credentials").elements)).rows) == 2)  # type: ignore[attr-defined]
