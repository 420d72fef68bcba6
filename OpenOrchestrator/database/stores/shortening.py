"""Making texts fit their column that must not be refused, measured in the unit in which each database counts."""

from __future__ import annotations

from OpenOrchestrator.database.engine.dialects import text_length
from OpenOrchestrator.database.stores import validation

_MARK = "\n[... {} characters cut ...]\n"


def without_end(text: str, limit: int, dialect_name: str) -> str:
    """Return a text that fits: of an over-long one the beginning, and an ellipsis; for sentences.

    Args:
        text: The text, storable.
        limit: How long it may be, in the unit in which the database counts.
        dialect_name: The kind of database.
    """
    if text_length(text, dialect_name) <= limit:
        return text
    return _beginning(text, limit - 1, dialect_name) + "…"


def without_middle(text: str, limit: int, dialect_name: str) -> str:
    """Return a text that fits: of an over-long one beginning and end, with a mark of how much was cut between them.

    For messages that may hold a traceback, whose last lines say what happened.

    Args:
        text: The text, storable.
        limit: How long it may be, in the unit in which the database counts.
        dialect_name: The kind of database.
    """
    if text_length(text, dialect_name) <= limit:
        return text
    for digits in range(1, len(str(len(text))) + 1):
        room = limit - len(_MARK.format("9" * digits))
        head = _beginning(text, room // 2, dialect_name)
        tail = _beginning(text[::-1], room - text_length(head, dialect_name), dialect_name)[::-1]
        number = str(len(text) - len(head) - len(tail))
        if len(number) == digits:  # The longer the number, the more has to be cut: it fits at the first that does.
            break
    return f"{head}{_MARK.format(number)}{tail}"


def message_text(message: object) -> str:
    """Return a message of any type as text: errors with their type, everything else as ``str`` shows it."""
    try:
        text = str(message)
        if isinstance(message, BaseException):
            text = f"{type(message).__name__}: {text}" if text else type(message).__name__
    except Exception as error:  # noqa: BLE001  (whatever its __str__ raises, the message must not be lost)
        text = f"<{type(message).__name__} that cannot be shown as text: {type(error).__name__}>"
    return text


def storable_message(message: object, limit: int, dialect_name: str) -> str:
    """Return what a robot says about its work as it can be stored: as text, without its middle if it is too long.

    Never refused, because it is often said while an error is handled: a second error there would end the robot, and
    leave the rest of its work undone.

    Args:
        message: Anything; NUL and lone surrogates are replaced.
        limit: How long the text may be, in the unit in which the database counts.
        dialect_name: The kind of database.
    """
    return without_middle(validation.storable(message_text(message)), limit, dialect_name)


def _beginning(text: str, room: int, dialect_name: str) -> str:
    """Return as much of the beginning of a text as takes no more than the room."""
    end = room  # at least one unit a character
    while (excess := text_length(text[:end], dialect_name) - room) > 0:
        end -= (excess + 1) // 2  # at most two
    return text[:end]
