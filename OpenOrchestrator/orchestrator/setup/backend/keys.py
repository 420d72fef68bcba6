"""The key of the credentials: what it is good for, and making one. No key that was stored is ever returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import EncryptionError, NoEncryptionKeyError
from OpenOrchestrator.database.constants import Credential
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Whether the key opens the stored credentials.

    Attributes:
        credentials: How many there are.
        fits: None where there is nothing to try it on, or no key.
    """

    credentials: int
    fits: bool | None


class KeyBackend(Backend):
    """What the key is good for."""

    async def report(self, key: str | None) -> KeyReport:
        """Tell whether a key opens the credential that was changed last."""

        def work(session: Session) -> tuple[int, str | None]:
            count = session.execute(sa.select(sa.func.count()).select_from(Credential)).scalar_one()
            newest = sa.select(Credential.password).order_by(Credential.changed_at.desc()).limit(1)
            return int(count), session.execute(newest).scalar()

        count, token = await self._read(work)
        if key is None or token is None:
            return KeyReport(count, None)
        return KeyReport(count, await off_loop(lambda: _opens(token, key)))


def _opens(token: str, key: str) -> bool:
    try:
        crypto_util.decrypt(token, key)
    except (EncryptionError, NoEncryptionKeyError):
        return False
    return True


async def new_key() -> str:
    """Return a new key for credentials."""
    return await off_loop(lambda: crypto_util.generate_key().decode("ascii"))


def is_key(text: str) -> bool:
    """Tell whether a text has the form of a key."""
    return crypto_util.validate_key(text)
