"""Which stored credentials a key opens. Passwords are tried and never returned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import EncryptionError, NoEncryptionKeyError
from OpenOrchestrator.database.constants import Credential
from OpenOrchestrator.database.stores.credentials import UNSET
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Which stored credentials a key opens.

    Attributes:
        opened: The names of those that it opens, sorted.
        not_opened: The names of those that it does not, sorted.
    """

    opened: tuple[str, ...] = ()
    not_opened: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many credentials there are."""
        return len(self.opened) + len(self.not_opened)

    @property
    def opens_none(self) -> bool:
        """Whether there are credentials, and it opens not one."""
        return bool(self.not_opened) and not self.opened


class KeyBackend(Backend):
    """What the key is good for."""

    async def report(self, key: str | None) -> KeyReport:
        """Try a key on every stored password; without a key, none is opened."""

        def work(session: Session) -> list[tuple[str, str]]:
            stored = session.execute(sa.select(Credential.name, Credential.password))
            return [(name, token) for name, token in stored if token != UNSET]

        stored = await self._read(work)
        return await off_loop(lambda: sort_by_key(stored, key))


def sort_by_key(credentials: Iterable[tuple[str, str]], key: str | None) -> KeyReport:
    """Sort credentials into those that a key opens and those that it does not. Pure.

    Args:
        credentials: Their names and encrypted passwords.
        key: The key; None or a malformed one opens none.
    """
    sorted_names: dict[bool, list[str]] = {True: [], False: []}
    for name, token in credentials:
        sorted_names[_opens(token, key)].append(name)
    return KeyReport(*(tuple(sorted(sorted_names[opened], key=str.casefold)) for opened in (True, False)))


def _opens(token: str, key: str | None) -> bool:
    try:
        crypto_util.decrypt(token, key)
    except (EncryptionError, NoEncryptionKeyError):
        return False
    return True
