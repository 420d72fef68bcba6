"""Data access of credentials: user names with passwords, which are encrypted before they come to the database.

Functions take an open session, and the key where they encrypt or decrypt. Dates are site time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import EncryptionError, InvalidInputError
from OpenOrchestrator.database.constants import Credential
from OpenOrchestrator.database.engine.dialects import text_length
from OpenOrchestrator.database.stores import validation
from OpenOrchestrator.database.stores.constants import delete_named, get_named, insert_named, update_named

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

USERNAME_LENGTH = 250
TOKEN_LENGTH = 1000
FIELD_NAME_LENGTH = 100
FIELDS_LENGTH = 100_000
"""Characters that all fields of a credential may have together, as JSON."""

UNSET = ""
"""In the place of an encrypted password: nobody has entered one yet."""


def get(session: Session, name: str) -> Credential:
    """Return a credential with its password still encrypted.

    Raises:
        NotFoundError: If there is none with this name.
    """
    return get_named(session, Credential, name)


def get_all(session: Session) -> tuple[Credential, ...]:
    """Return all credentials in order of their names, with their passwords still encrypted."""
    return tuple(session.scalars(sa.select(Credential).order_by(Credential.name)))


def decrypted(credential: Credential, key: crypto_util.Key) -> Credential:
    """Return a copy with its password and further fields in clear text; it belongs to no session and is never saved.

    Raises:
        NoEncryptionKeyError: If there is no key.
        EncryptionError: If the key is malformed, or not the one the credential was saved with, or there is no password.
    """
    if credential.password == UNSET:
        raise EncryptionError(
            f"The credential {credential.name!r} has no password yet: it was made from a file, and passwords are in "
            "none. Enter its user name and password in the admin app, under Credentials."
        )
    try:
        password = crypto_util.decrypt(credential.password, key)
        token = credential.encrypted_fields
        fields = {} if token is None else json.loads(crypto_util.decrypt(token, key))
    except EncryptionError as error:
        raise EncryptionError(f"Credential {credential.name!r}: {error}") from error
    clear = Credential(
        name=credential.name, username=credential.username, password=password, changed_at=credential.changed_at
    )
    clear.set_fields(fields)
    return clear


def values(
    dialect_name: str,
    *,
    username: str,
    password: str,
    key: crypto_util.Key,
    now: datetime,
    fields: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the columns of a credential to store, its password and further fields encrypted.

    Args:
        dialect_name: The kind of database.
        username: Its user name.
        password: In clear text.
        key: The key of the credentials.
        now: Site time.
        fields: What it has beside, by name, in the place of what it has; None leaves that.

    Raises:
        InvalidInputError: If user name, password or a field cannot be stored.
        NoEncryptionKeyError: If there is no key.
        EncryptionError: If the key is malformed.
    """
    user = validation.text(username, "user name", USERNAME_LENGTH, dialect_name)
    if not isinstance(password, str):
        raise InvalidInputError(f"The password has to be a text, not {type(password).__name__}.")
    if validation.storable(password) != password:
        raise InvalidInputError("The password holds a NUL character or half a character (a lone surrogate).")
    token = crypto_util.encrypt(password, key)
    if text_length(token, dialect_name) > TOKEN_LENGTH:
        raise InvalidInputError(
            f"The password is too long: encrypted it takes {len(token)} characters, but at most {TOKEN_LENGTH} can be "
            "stored, which is about 660 bytes of clear text."
        )
    stored = {"username": user, "password": token, "changed_at": now}
    if fields is not None:
        stored["encrypted_fields"] = crypto_util.encrypt(_fields_text(fields), key) if fields else None
    return stored


def _fields_text(fields: Mapping[str, str]) -> str:
    """Return fields as JSON; no message about them says a value."""
    if not isinstance(fields, Mapping):
        raise InvalidInputError(f"The fields have to be a mapping of names to texts, not {type(fields).__name__}.")
    for name, value in fields.items():
        trimmed = validation.name(name, "name of the field", FIELD_NAME_LENGTH, "sqlite")
        if trimmed != name:
            raise InvalidInputError(f"The name of the field {name!r} has blanks around it.")
        if not isinstance(value, str):
            raise InvalidInputError(f"The field {name!r} has to be a text, not {type(value).__name__}.")
        if validation.storable(value) != value:
            raise InvalidInputError(f"The field {name!r} holds a NUL character or half a character (a lone surrogate).")
    text = json.dumps(dict(fields), ensure_ascii=False)
    if len(text) > FIELDS_LENGTH:
        raise InvalidInputError(f"The fields have {len(text)} characters together, but at most {FIELDS_LENGTH}.")
    return text


def create(session: Session, name: str, stored: dict[str, Any]) -> None:
    """Add a credential; blanks around its name are dropped.

    Args:
        session: An open transaction.
        name: Its name.
        stored: What ``values`` returned.

    Raises:
        AlreadyExistsError: If there is one of this name, whatever its case.
        InvalidInputError: If the name cannot be stored.
    """
    insert_named(session, Credential, name, stored)


def create_unset(session: Session, name: str, *, now: datetime) -> None:
    """Add a credential without user name and password, for somebody to enter them.

    Args:
        session: An open transaction.
        name: Its name; blanks around it are dropped.
        now: Naive site time.

    Raises:
        AlreadyExistsError: If there is one of this name, whatever its case.
        InvalidInputError: If the name cannot be stored.
    """
    insert_named(session, Credential, name, {"username": "", "password": UNSET, "changed_at": now})


def update(session: Session, name: str, stored: dict[str, Any]) -> str:
    """Give a credential a new user name and password, and return its name as it is stored.

    Args:
        session: An open transaction.
        name: Its name.
        stored: What ``values`` returned.

    Raises:
        NotFoundError: If there is none with this name.
    """
    return update_named(session, Credential, name, stored)


def delete(session: Session, name: str) -> None:
    """Delete a credential.

    Raises:
        NotFoundError: If there is none with this name.
    """
    delete_named(session, Credential, name)
