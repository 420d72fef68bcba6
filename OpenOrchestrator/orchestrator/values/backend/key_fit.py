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
        """Try a key on every stored password with its fields; without a key, none is opened."""

        def work(session: Session) -> list[tuple[str, tuple[str, ...]]]:
            stored = session.execute(sa.select(Credential.name, Credential.password, Credential.encrypted_fields))
            tokens = [(name, tuple(each for each in found if each not in (UNSET, None))) for name, *found in stored]
            return [(name, found) for name, found in tokens if found]

        stored = await self._read(work)
        return await off_loop(lambda: sort_by_key(stored, key))


def sort_by_key(credentials: Iterable[tuple[str, Iterable[str]]], key: str | None) -> KeyReport:
    """Sort credentials into those that a key opens and those that it does not. Pure.

    Args:
        credentials: Their names and what is encrypted of each; one is opened if all of that is.
        key: The key; None or a malformed one opens none.
    """
    sorted_names: dict[bool, list[str]] = {True: [], False: []}
    for name, tokens in credentials:
        sorted_names[all(_opens(token, key) for token in tokens)].append(name)
    return KeyReport(*(tuple(sorted(sorted_names[opened], key=str.casefold)) for opened in (True, False)))


def _opens(token: str, key: str | None) -> bool:
    try:
        crypto_util.decrypt(token, key)
    except (EncryptionError, NoEncryptionKeyError):
        return False
    return True
