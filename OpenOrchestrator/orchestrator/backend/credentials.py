"""Credentials for the pages: lists without passwords, and guarded changes.

A password is encrypted here and never read back: no method returns one, encrypted or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database import validation
from OpenOrchestrator.database.constants import Credential
from OpenOrchestrator.database.stores import credentials
from OpenOrchestrator.database.stores.constants import NAME_LENGTH
from OpenOrchestrator.orchestrator.backend.base import Backend, Page
from OpenOrchestrator.orchestrator.backend.search import contains

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

USERNAME_LENGTH = credentials.USERNAME_LENGTH

_C: Any = Credential.__table__
_SHOWN = (_C.c.name, _C.c.username, _C.c.changed_at)
SORTS: dict[str, Any] = {"name": sa.func.lower(_C.c.name), "username": _C.c.username, "changed": _C.c.changed_at}
"""What the list can be sorted by."""

__all__ = ["NAME_LENGTH", "SORTS", "USERNAME_LENGTH", "CredentialRow", "CredentialsBackend", "CredentialsQuery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsQuery:
    """Which credentials a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in name or user name.
        sort: Key of SORTS.
        page: From 1.
    """

    text: str = ""
    sort: str = "name"
    descending: bool = False
    page: int = 1
    size: int = 25


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential without its password.

    Attributes:
        changed: Naive site time.
    """

    name: str
    username: str
    changed: datetime


class CredentialsBackend(Backend):
    """Credentials. Each method is one transaction; changes are guarded and return whether they happened."""

    async def page(self, query: CredentialsQuery) -> Page[CredentialRow]:
        """Return one page of credentials."""

        def work(session: Session) -> Page[CredentialRow]:
            conditions: list[sa.ColumnElement[bool]] = []
            if query.text:
                conditions.append(sa.or_(contains(_C.c.name, query.text), contains(_C.c.username, query.text)))
            total = session.execute(sa.select(sa.func.count()).select_from(_C).where(*conditions)).scalar_one()
            order = SORTS.get(query.sort, SORTS["name"])
            found = (
                sa.select(*_SHOWN)
                .where(*conditions)
                .order_by(order.desc() if query.descending else order.asc(), _C.c.name)
                .limit(query.size)
                .offset((query.page - 1) * query.size)
            )
            return Page(tuple(CredentialRow(*row) for row in session.execute(found)), int(total))

        return await self._read(work)

    async def get(self, name: str) -> CredentialRow:
        """Return a credential.

        Raises:
            NotFoundError: If there is none with this name.
        """

        def work(session: Session) -> CredentialRow:
            row = session.execute(sa.select(*_SHOWN).where(_C.c.name == name)).first()
            if row is None:
                raise NotFoundError(f"No credential with name '{name}' was found.")
            return CredentialRow(*row)

        return await self._read(work)

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
            return _rows(session.execute(sa.update(_C).where(*_guards(before)).values(stored))) == 1

        return await self._write(work)

    async def delete(self, row: CredentialRow) -> bool:
        """Delete a credential; False if somebody changed or deleted it since ``row`` was read."""
        return await self._write(lambda session: _rows(session.execute(sa.delete(_C).where(*_guards(row)))) == 1)


def _guards(row: CredentialRow) -> tuple[sa.ColumnElement[bool], ...]:
    return _C.c.name == row.name, _C.c.username == row.username, _C.c.changed_at == row.changed


def _rows(result: sa.Result[Any]) -> int:
    return cast("sa.CursorResult[Any]", result).rowcount
