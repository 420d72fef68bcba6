"""Credentials for the pages: lists without passwords, and guarded changes.

A password is encrypted here and never read back: no method returns one, encrypted or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.constants import Credential
from OpenOrchestrator.database.statuses import UsedKind
from OpenOrchestrator.database.stores import credentials, validation
from OpenOrchestrator.database.stores.constants import NAME_LENGTH
from OpenOrchestrator.orchestrator.values.backend.named_values import NamedRow, NamedValuesBackend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

USERNAME_LENGTH = credentials.USERNAME_LENGTH

_C: Any = Credential.__table__.c

__all__ = ["NAME_LENGTH", "USERNAME_LENGTH", "CredentialRow", "CredentialsBackend"]


@dataclass(frozen=True, slots=True)
class CredentialRow(NamedRow):
    """A credential without its password.

    Attributes:
        has_password: Whether somebody has entered one.
    """

    username: str
    has_password: bool


class CredentialsBackend(NamedValuesBackend[CredentialRow]):
    """Credentials."""

    noun = "credential"
    kind = AnnotatedKind.CREDENTIAL
    used = UsedKind.CREDENTIAL
    model = Credential
    row = CredentialRow
    columns = (
        _C.name,
        _C.changed_at,
        _C.username,
        sa.case((_C.password == credentials.UNSET, 0), else_=1).label("has_password"),
    )
    searched = (_C.name, _C.username)
    sorts: ClassVar = {"name": sa.func.lower(_C.name), "username": _C.username, "changed": _C.changed_at}

    async def create(self, name: str, username: str, password: str, *, key: str | None) -> None:
        """Add a credential; blanks around its name are dropped.

        Raises:
            AlreadyExistsError: If there is one of this name, whatever its case.
            InvalidInputError: If something about it cannot be stored.
            NoEncryptionKeyError: If there is no key.
            EncryptionError: If the key is malformed.
        """

        def work(session: Session) -> None:
            now = self._database.site_now()
            dialect = session.get_bind().dialect.name
            stored = credentials.values(dialect, username=username, password=password, key=key, now=now)
            credentials.create(session, name, stored)

        await self._write(work)

    async def update(self, before: CredentialRow, username: str, password: str | None, *, key: str | None) -> bool:
        """Change a credential.

        Args:
            before: What the edit started from.
            username: The new one.
            password: The new one; None keeps the present one, and then no key is needed.
            key: Key of the credentials.

        Returns:
            False if somebody changed or deleted it since ``before`` was read.

        Raises:
            InvalidInputError: If something about it cannot be stored.
            NoEncryptionKeyError: If there is no key.
            EncryptionError: If the key is malformed.
        """

        def work(session: Session) -> bool:
            now = self._database.site_now()
            dialect = session.get_bind().dialect.name
            if password is None:
                user = validation.text(username, "user name", USERNAME_LENGTH, dialect)
                stored: dict[str, Any] = {"username": user, "changed_at": now}
            else:
                stored = credentials.values(dialect, username=username, password=password, key=key, now=now)
            return self._store(session, before, stored)

        return await self._write(work)
