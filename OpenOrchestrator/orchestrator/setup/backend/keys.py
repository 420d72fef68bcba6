"""Making a key for credentials, and telling one by its form. No key that was stored is ever returned."""

from __future__ import annotations

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.orchestrator.backend.base import off_loop


async def new_key() -> str:
    """Return a new key for credentials."""
    return await off_loop(lambda: crypto_util.generate_key().decode("ascii"))


def is_key(text: str) -> bool:
    """Tell whether a text has the form of a key."""
    return crypto_util.validate_key(text)
