"""Data access of constants and credentials."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import (
    AlreadyExistsError,
    EncryptionError,
    InvalidInputError,
    NoEncryptionKeyError,
    NotFoundError,
)
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import constants, credentials

START = datetime(2026, 3, 1, 8)
LATER = START + timedelta(hours=1)
KEY = crypto_util.generate_key()


def create(database: Database, name: Any, value: Any = "v", now: datetime = START) -> None:
    database.write(lambda session: constants.create(session, name, value, now=now))


def value(database: Database, name: str) -> str:
    return database.read(lambda session: constants.get(session, name)).value


def credential_values(database: Database, username: Any = "user", password: Any = "secret") -> dict[str, Any]:
    return credentials.values(database.dialect_name, username=username, password=password, key=KEY, now=START)


def test_a_constant_is_stored_changed_and_deleted(database: Database) -> None:
    create(database, "name", "ø 😀")
    assert value(database, "name") == "ø 😀"
    database.write(lambda session: constants.update(session, "name", "new", now=LATER))
    constant = database.read(lambda session: constants.get(session, "name"))
    assert (constant.value, constant.changed_at) == ("new", LATER)
    database.write(lambda session: constants.delete(session, "name"))
    with pytest.raises(NotFoundError, match="No constant with name 'name' was found"):
        value(database, "name")


def test_updating_to_the_same_value_is_no_error(database: Database) -> None:
    create(database, "name", "v")
    database.write(lambda session: constants.update(session, "name", "v", now=START))
    assert value(database, "name") == "v"


def test_constants_come_by_name(database: Database) -> None:
    for name in ("b", "c", "a"):
        create(database, name)
    assert [constant.name for constant in database.read(constants.get_all)] == ["a", "b", "c"]


@pytest.mark.parametrize("again", ["Name", "name", " NAME ", "\tname"])
def test_a_name_is_given_once_whatever_its_case_and_blanks(database: Database, again: str) -> None:
    create(database, " Name", "first")
    assert [constant.name for constant in database.read(constants.get_all)] == ["Name"]
    with pytest.raises(AlreadyExistsError, match="There is a constant with the name 'Name' already"):
        create(database, again, "second")
    assert value(database, "Name") == "first"
    assert value(database, " Name ") == "first"


def test_other_letters_than_ascii_count_too(database: Database) -> None:
    create(database, "STRASSE Ø")
    with pytest.raises(ValueError, match="already"):
        create(database, "straße ø")


def test_a_name_taken_this_moment_is_told_the_same_way(database: Database) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        try:
            create(database, "name")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [AlreadyExistsError] * 3


def test_a_name_taken_between_look_and_insert_is_told_the_same_way(database: Database) -> None:
    def work(session: Any) -> None:
        session.execute(sa.insert(Constant), {"name": "name", "value": "v", "changed_at": START})
        real = session.scalars
        session.scalars = lambda *_: []  # what a look shows before somebody else's insert
        try:
            constants.create(session, "name", "v", now=START)
        finally:
            session.scalars = real

    with pytest.raises(AlreadyExistsError):
        database.write(work)


def test_names_of_earlier_versions_with_blanks_are_found(database: Database) -> None:
    database.write(
        lambda session: session.execute(sa.insert(Constant), {"name": " old", "value": "v", "changed_at": START})
    )
    assert value(database, " old") == "v"
    database.write(lambda session: constants.update(session, " old", "w", now=START))
    assert value(database, " old") == "w"
    with pytest.raises(AlreadyExistsError):
        create(database, "old")
    database.write(lambda session: constants.delete(session, " old"))


@pytest.mark.parametrize("name", ["", "  ", None, 5.5j, "x" * 101, "a\0", "\ud800"])
def test_what_cannot_be_a_name_is_refused(database: Database, name: Any) -> None:
    with pytest.raises(InvalidInputError, match="name of the constant"):
        create(database, name)


@pytest.mark.parametrize("wrong", [None, "x" * 1001, "a\0", "\ud800", ["v"]])
def test_what_cannot_be_a_value_is_refused(database: Database, wrong: Any) -> None:
    with pytest.raises(InvalidInputError, match="value of the constant"):
        create(database, "name", wrong)
    create(database, "name", "x" * 1000)
    with pytest.raises(InvalidInputError, match="value of the constant"):
        database.write(lambda session: constants.update(session, "name", wrong, now=START))


def test_what_is_not_there_is_told(database: Database) -> None:
    stored = credential_values(database)
    for noun, work in (
        ("constant", lambda session: constants.update(session, "zz", "v", now=START)),
        ("constant", lambda session: constants.delete(session, "zz")),
        ("credential", lambda session: credentials.get(session, "zz")),
        ("credential", lambda session: credentials.update(session, "zz", stored)),
        ("credential", lambda session: credentials.delete(session, "zz")),
    ):
        with pytest.raises(ValueError, match=f"No {noun} with name 'zz' was found"):
            database.write(work)


def test_a_password_is_stored_encrypted_and_returned_in_clear(database: Database) -> None:
    database.write(
        lambda session: credentials.create(session, " name ", credential_values(database, "ü", "pässword 😀"))
    )
    stored = database.read(lambda session: credentials.get(session, "name"))
    assert (stored.username, stored.changed_at) == ("ü", START)
    assert stored.password.startswith("gAAAA")
    clear = credentials.decrypted(stored, KEY)
    assert (clear.name, clear.username, clear.password, clear.changed_at) == ("name", "ü", "pässword 😀", START)
    assert sa.inspect(clear).transient
    assert stored.password.startswith("gAAAA")
    with pytest.raises(EncryptionError, match="Credential 'name': The text cannot be decrypted with this key"):
        credentials.decrypted(stored, crypto_util.generate_key())
    with pytest.raises(NoEncryptionKeyError):
        credentials.decrypted(stored, None)


def test_a_credential_is_changed_and_deleted(database: Database) -> None:
    database.write(lambda session: credentials.create(session, "a", credential_values(database)))
    database.write(lambda session: credentials.update(session, "a", credential_values(database, "u2", "")))
    (stored,) = database.read(credentials.get_all)
    assert (stored.username, credentials.decrypted(stored, KEY).password) == ("u2", "")
    with pytest.raises(AlreadyExistsError, match="credential with the name 'a' already"):
        database.write(lambda session: credentials.create(session, "A", credential_values(database)))
    database.write(lambda session: credentials.delete(session, "a"))
    assert database.read(credentials.get_all) == ()


@pytest.mark.parametrize(
    ("username", "password", "message"),
    [
        ("x" * 251, "p", "user name is 251 characters long"),
        (None, "p", "user name has to be a text"),
        ("u", None, "password has to be a text, not NoneType"),
        ("u", 5, "password has to be a text, not int"),
        ("u", "a\0b", "NUL"),
        ("u", "a\ud800", "surrogate"),
        ("u", "x" * 700, "password is too long"),
    ],
)
def test_what_cannot_be_a_credential_is_refused(username: Any, password: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        credentials.values("postgresql", username=username, password=password, key=KEY, now=START)
    assert "xxxxxxxx" not in str(caught.value) or "user name" in message


def test_long_passwords_that_fit_are_stored(database: Database) -> None:
    database.write(lambda session: credentials.create(session, "a", credential_values(database, "u", "x" * 650)))
    stored = database.read(lambda session: credentials.get(session, "a"))
    assert credentials.decrypted(stored, KEY).password == "x" * 650


def with_fields(database: Database, fields: Any, key: bytes = KEY) -> dict[str, Any]:
    values = {"username": "u", "password": "p", "key": key, "now": START}
    return credentials.values(database.dialect_name, fields=fields, **values)


def clear(database: Database, name: str, key: bytes = KEY) -> Any:
    return database.read(lambda session: credentials.decrypted(credentials.get(session, name), key))


def test_fields_are_encrypted_and_stay_until_others_take_their_place(database: Database) -> None:
    given = {"client_id": "ø 😀", "certificate": "x" * 50_000}
    database.write(lambda session: credentials.create(session, "a", with_fields(database, given)))
    stored = database.read(lambda session: credentials.get(session, "a"))
    assert stored.encrypted_fields is not None
    assert "client_id" not in stored.encrypted_fields
    assert dict(stored.fields) == {}
    assert dict(clear(database, "a").fields) == given
    database.write(lambda session: credentials.update(session, "a", credential_values(database, "u2", "p2")))
    assert (clear(database, "a").password, dict(clear(database, "a").fields)) == ("p2", given)
    database.write(lambda session: credentials.update(session, "a", with_fields(database, {"tenant": ""})))
    assert dict(clear(database, "a").fields) == {"tenant": ""}
    database.write(lambda session: credentials.update(session, "a", with_fields(database, {})))
    assert database.read(lambda session: credentials.get(session, "a")).encrypted_fields is None


@pytest.mark.kinds("sqlite")
def test_fields_of_another_key_are_told_as_passwords_are(database: Database) -> None:
    old, new = KEY, crypto_util.generate_key()
    database.write(lambda session: credentials.create(session, "a", with_fields(database, {"a": "b"}, old)))
    database.write(lambda session: credentials.update(session, "a", with_fields(database, None, new)))
    for key in (old, new):
        with pytest.raises(EncryptionError, match="Credential 'a': The text cannot be decrypted with this key"):
            clear(database, "a", key)


@pytest.mark.kinds("sqlite")
def test_nothing_secret_of_fields_is_shown(database: Database) -> None:
    database.write(lambda session: credentials.create(session, "a", with_fields(database, {"client_id": "hunter2"})))
    found = clear(database, "a")
    assert repr(found.fields) == "CredentialFields({'client_id': ***})"
    assert "hunter2" not in f"{found!r} {found}"
    with pytest.raises(KeyError, match="It has: 'client_id'") as error:
        found.fields["tenant"]
    assert "hunter2" not in str(error.value)
    assert found.fields.get("tenant") is None


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize(
    "fields",
    [{"": "hunter2"}, {" a": "hunter2"}, {"a": b"hunter2"}, {"a": "hunter2\0"}, {"a": "hunter2" * 20_000}, ["a"]],
)
def test_fields_that_cannot_be_stored_are_refused_without_being_shown(database: Database, fields: Any) -> None:
    with pytest.raises(InvalidInputError, match="field") as error:
        with_fields(database, fields)
    assert "hunter2" not in str(error.value)
