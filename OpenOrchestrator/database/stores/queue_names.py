"""Names of queues: what can be one, and how it is found exactly. A queue exists by having elements or settings."""

from __future__ import annotations

from hashlib import sha256

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores import validation

QUEUE_NAME_LENGTH = 100


def queue_name_of(value: object, dialect_name: str) -> str:
    """Return a queue name that can be stored.

    Raises:
        InvalidInputError: If it cannot, or is empty.
    """
    name = validation.text(value, "queue name", QUEUE_NAME_LENGTH, dialect_name)
    if not name.strip():
        raise InvalidInputError("The queue name is empty.")
    return name


def name_hash(queue_name: str) -> str:
    """Return the key of a queue: SHA-256 of its name in hexadecimal digits, which every collation compares exactly."""
    return sha256(queue_name.encode("utf-8", "surrogatepass")).hexdigest()
