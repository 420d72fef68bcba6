"""From a connection string to a database object, and what may be told of either.

Owns that no error about a connection string reaches a page with the secrets in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from OpenOrchestrator.common.errors import ConfigurationError, OpenOrchestratorError
from OpenOrchestrator.common.redaction import redact
from OpenOrchestrator.common.settings import secrets_to_hide
from OpenOrchestrator.orchestrator.backend.base import off_loop
from OpenOrchestrator.orchestrator.backend.installation import open_database

if TYPE_CHECKING:
    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

T = TypeVar("T")


def checked_connection_string(text: str) -> str:
    """Return a connection string as it is to be used.

    Raises:
        ConfigurationError: If it is empty.
    """
    cleaned = text.strip()
    if not cleaned:
        raise ConfigurationError("Give the connection string of the database.")
    return cleaned


async def opened(connection_string: str, clock: Clock) -> Database:
    """Return a database object for a connection string; connects nothing yet.

    Raises:
        ConfigurationError: If it cannot be understood.
    """
    return await off_loop(lambda: without_secrets(connection_string, lambda: open_database(connection_string, clock)))


def without_secrets(connection_string: str, work: Callable[[], T]) -> T:
    """Run work, and take secrets out of the message of the error that it raises, if it does."""
    try:
        return work()
    except OpenOrchestratorError as error:
        hidden = redact(str(error), secrets_to_hide(connection_string, None))
        if hidden == str(error):
            raise
        raise type(error)(hidden) from None
