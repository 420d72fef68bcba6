"""Annotations for the pages: reading and guarded saving, and what is wrong with what somebody typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.stores import notes
from OpenOrchestrator.database.stores.notes import (
    NOBODY,
    NOTES_LENGTH,
    NOTHING_NOTED,
    OWNER_NAME_LENGTH,
    RUNBOOK_LENGTH,
    Annotated,
    Noted,
    Owner,
    StoredAnnotation,
)
from OpenOrchestrator.orchestrator.backend.base import Backend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "NOBODY",
    "NOTES_LENGTH",
    "NOTHING_NOTED",
    "OWNER_NAME_LENGTH",
    "RUNBOOK_LENGTH",
    "Annotated",
    "AnnotatedKind",
    "AnnotationsBackend",
    "Noted",
    "Owner",
    "StoredAnnotation",
    "wrong_mail",
    "wrong_runbook",
    "wrong_tags",
]


class AnnotationsBackend(Backend):
    """What is noted about things. A subject is the id of a trigger as text, or a name."""

    async def get(self, kind: AnnotatedKind, subject: str) -> StoredAnnotation:
        """Return what is noted about one thing."""
        return await self._read(lambda session: notes.read(session, kind, subject))

    async def save(self, kind: AnnotatedKind, subject: str, values: Annotated, seen: StoredAnnotation) -> bool:
        """Store what is noted about one thing; nothing at all takes the annotation away.

        Args:
            kind: Of the thing.
            subject: Which one.
            values: The new ones.
            seen: What the edit started from.

        Returns:
            False if somebody else changed it since ``seen`` was read; nothing was changed then.

        Raises:
            InvalidInputError: If something cannot be stored.
            NotFoundError: If the thing is not there any more.
        """

        def work(session: Session) -> bool:
            return notes.save(session, kind, subject, values, seen=seen, now=self._now())

        try:
            return await self._write(work)
        except AlreadyExistsError:
            return False

    async def tags(self, kind: AnnotatedKind) -> tuple[str, ...]:
        """Return all tags that anything of a kind has, in order."""

        def work(session: Session) -> tuple[str, ...]:
            noted = notes.overview(session, kind)[kind]
            return tuple(sorted({tag for each in noted.values() for tag in each.tags}))

        return await self._read(work)


def wrong_mail(text: Any) -> str | None:
    """Return what is wrong with a mail address; None for nothing."""
    return _wrong(notes.checked_mail, str(text or ""))


def wrong_runbook(text: Any) -> str | None:
    """Return what is wrong with the place of a runbook; None for nothing."""
    return _wrong(notes.checked_runbook, str(text or ""))


def wrong_tags(tags: Iterable[str] | None) -> str | None:
    """Return what is wrong with tags; None for nothing."""
    return _wrong(notes.checked_tags, tags or ())


def _wrong(check: Callable[[Any], object], value: object) -> str | None:
    try:
        check(value)
    except InvalidInputError as error:
        return str(error)
    return None
