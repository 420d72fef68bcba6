"""Data access of annotations: notes, owner and tags of triggers, queues, constants and credentials.

Owns what they may hold, and that they come to an end with what they are about. Functions take an open session. A
subject is the id of a trigger as text, or the name of a queue, constant or credential to the last character. Must load
no other model: robots that use constants load this module, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.annotations import AnnotatedKind, Annotation
from OpenOrchestrator.database.engine.dialects import SiteDateTime, uuid_type
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.stores import validation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NOTES_LENGTH = 10_000
OWNER_NAME_LENGTH = 100
MAIL_LENGTH = 254
RUNBOOK_LENGTH = 1000
TAG_LENGTH = 30
MOST_TAGS = 20
QUEUE_NAME_LENGTH = 200

_TABLE = cast(sa.Table, Annotation.__table__)
_MAIL = re.compile(r"[^@\s<>()\[\]\",;:\\?&#%]+@[^@\s<>()\[\]\",;:\\?&#%/]+")
_BETWEEN_TAGS = re.compile(r"[\s,;]+")

# Not the models: whoever uses constants alone need not load those of triggers.
_TRIGGERS = sa.table("Triggers", sa.column("id", uuid_type()), sa.column("trigger_name", sa.Unicode))
_NAMED = {AnnotatedKind.CONSTANT: "Constants", AnnotatedKind.CREDENTIAL: "Credentials"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom to call about something.

    Attributes:
        name: Of a person or a team.
        mail: Their address.
        runbook: Where it says what to do: an address in the web, or words.
    """

    name: str = ""
    mail: str = ""
    runbook: str = ""

    def __bool__(self) -> bool:
        """Tell whether anything is known."""
        return bool(self.name or self.mail or self.runbook)


NOBODY = Owner()


@dataclass(frozen=True, slots=True)
class Annotated:
    """Everything that is noted about one thing.

    Attributes:
        tags: As ``checked_tags`` returns them.
    """

    notes: str = ""
    owner: Owner = NOBODY
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is noted."""
        return bool(self.notes or self.owner or self.tags)


_NOTHING = Annotated()


@dataclass(frozen=True, slots=True)
class StoredAnnotation:
    """What is noted, as it was read; a change names it as what it starts from.

    Attributes:
        edition: None where nothing is noted.
        changed_at: Aware; None where nothing is noted.
    """

    values: Annotated = _NOTHING
    edition: UUID | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What lists show of an annotation."""

    owner: Owner = NOBODY
    tags: tuple[str, ...] = ()


NOTHING_NOTED = Noted()


def read(session: Session, kind: AnnotatedKind, subject: str) -> StoredAnnotation:
    """Return what is noted about one thing; nothing if there is no such thing."""
    row = session.execute(sa.select(_TABLE).where(*_is(kind, subject))).first()
    if row is None:
        return StoredAnnotation()
    return StoredAnnotation(Annotated(row.notes or "", _owner(row), tuple(row.tags or ())), row.edition, row.changed_at)


def overview(session: Session, *kinds: AnnotatedKind) -> dict[AnnotatedKind, dict[str, Noted]]:
    """Return owner and tags of everything of some kinds that has any, by kind and subject, in one statement."""
    columns = (_TABLE.c.kind, _TABLE.c.subject, _TABLE.c.owner_name, _TABLE.c.owner_mail, _TABLE.c.runbook)
    query = sa.select(*columns, _TABLE.c.tags).where(_TABLE.c.kind.in_([kind.name for kind in kinds]))
    found: dict[AnnotatedKind, dict[str, Noted]] = {kind: {} for kind in kinds}
    for row in session.execute(query):
        noted = Noted(_owner(row), tuple(row.tags or ()))
        if noted != NOTHING_NOTED:
            found[AnnotatedKind[row.kind]][row.subject] = noted
    return found


def tagged(noted: Mapping[str, Noted], tags: Iterable[str]) -> list[str]:
    """Return the subjects that have one of these tags at least. Pure."""
    wanted = {_plain(tag) for tag in tags}
    return [subject for subject, each in noted.items() if not wanted.isdisjoint(each.tags)]


def save(
    session: Session, kind: AnnotatedKind, subject: str, values: Annotated, *, seen: StoredAnnotation, now: datetime
) -> bool:
    """Store what is noted about one thing; nothing at all takes the annotation away.

    Args:
        session: An open transaction.
        kind: Of the thing.
        subject: Which one.
        values: The new ones.
        seen: What the change starts from.
        now: Aware.

    Returns:
        False if somebody changed the annotation since it was read; nothing was changed then.

    Raises:
        InvalidInputError: If something cannot be stored.
        NotFoundError: If the thing is not there (any more).
        AlreadyExistsError: If somebody annotated the same queue this moment.
    """
    new = checked(values, session.get_bind().dialect.name)
    _hold(session, kind, subject)
    if not new:
        return seen.edition is None or _changed(session, sa.delete(_TABLE), kind, subject, seen.edition)
    columns: dict[str, Any] = {
        "notes": new.notes or None,
        "owner_name": new.owner.name or None,
        "owner_mail": new.owner.mail or None,
        "runbook": new.owner.runbook or None,
        "tags": list(new.tags),
        "edition": uuid4(),
        "changed_at": now,
    }
    if seen.edition is not None:
        return _changed(session, sa.update(_TABLE).values(columns), kind, subject, seen.edition)
    if session.execute(sa.select(_TABLE.c.kind).where(*_is(kind, subject))).first() is not None:
        return False
    key = {"kind": kind.name, "subject_hash": _hash(subject), "subject": subject}
    try:
        session.execute(sa.insert(_TABLE), {**key, **columns})
    except sa.exc.IntegrityError as error:
        raise AlreadyExistsError(
            f"Somebody else has just noted something about the {kind.value} {subject!r}."
        ) from error
    return True


def delete(session: Session, kind: AnnotatedKind, subject: str) -> None:
    """Delete what is noted about something, because that is deleted, or a new one has its name; does nothing twice."""
    session.execute(sa.delete(_TABLE).where(*_is(kind, subject)))


def checked(values: Annotated, dialect_name: str) -> Annotated:
    """Return what is noted as it is stored.

    Raises:
        InvalidInputError: Says what cannot be stored, and why.
    """
    notes = values.notes.replace("\r\n", "\n").rstrip()
    owner = Owner(
        validation.text(_line(values.owner.name), "name of the owner", OWNER_NAME_LENGTH, dialect_name),
        validation.text(checked_mail(values.owner.mail), "mail address", MAIL_LENGTH, dialect_name),
        validation.text(checked_runbook(values.owner.runbook), "link to the runbook", RUNBOOK_LENGTH, dialect_name),
    )
    return Annotated(validation.text(notes, "note", NOTES_LENGTH, dialect_name), owner, checked_tags(values.tags))


def checked_mail(text: str) -> str:
    """Return a mail address as it is stored; empty for none.

    Raises:
        InvalidInputError: If it is none.
    """
    mail = text.strip()
    if mail and (not _MAIL.fullmatch(mail) or not mail.isprintable()):
        raise InvalidInputError(f"{mail[:60]!r} is no mail address. Give one such as team@example.org, without a name.")
    return mail


def checked_runbook(text: str) -> str:
    """Return where the runbook is, as it is stored: in one line; empty for nowhere.

    Raises:
        InvalidInputError: If it is an address with a password.
    """
    runbook = _line(text)
    try:
        password = urlsplit(runbook).password
    except ValueError:
        password = None  # no address, so words
    if password is not None:
        raise InvalidInputError("The link to the runbook holds a password, which everybody could read: leave it out.")
    return runbook


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as they are stored: in small letters, each once, in order. Blanks and commas part them.

    Raises:
        InvalidInputError: If one is too long or holds what is not shown, or they are too many.
    """
    words = {_plain(word) for text in tags for word in _BETWEEN_TAGS.split(text) if word}
    for word in sorted(words):
        if not word.isprintable():
            raise InvalidInputError(f"The tag {word[:TAG_LENGTH]!r} holds a character that is not shown.")
        if len(word) > TAG_LENGTH:
            raise InvalidInputError(
                f"The tag {word[:TAG_LENGTH]!r}... has {len(word)} characters, but may have {TAG_LENGTH}: tags are "
                "short words."
            )
    if len(words) > MOST_TAGS:
        raise InvalidInputError(f"There are {len(words)} tags, but {MOST_TAGS} is the most.")
    return tuple(sorted(words))


def _plain(tag: str) -> str:
    return unicodedata.normalize("NFC", tag).strip().lower()


def _line(text: str) -> str:
    return " ".join(text.split())


def _owner(row: Any) -> Owner:
    return Owner(row.owner_name or "", row.owner_mail or "", row.runbook or "")


def _hash(subject: str) -> str:
    return sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()


def _is(kind: AnnotatedKind, subject: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _TABLE.c.kind == kind.name, _TABLE.c.subject_hash == _hash(subject)


def _changed(session: Session, change: sa.Update | sa.Delete, kind: AnnotatedKind, subject: str, edition: UUID) -> bool:
    result = session.execute(change.where(*_is(kind, subject), _TABLE.c.edition == edition))
    return cast("sa.CursorResult[Any]", result).rowcount == 1


def _hold(session: Session, kind: AnnotatedKind, subject: str) -> None:
    """Keep the thing from being deleted until the transaction ends, so that no annotation outlives it."""
    if kind is AnnotatedKind.QUEUE:
        validation.text(subject, "name of the queue", QUEUE_NAME_LENGTH, session.get_bind().dialect.name)
        return
    touch: sa.Update
    if kind is AnnotatedKind.TRIGGER:
        wanted = validation.identifier(subject, "trigger")
        touch = sa.update(_TRIGGERS).where(_TRIGGERS.c.id == wanted).values(trigger_name=_TRIGGERS.c.trigger_name)
    else:
        table = sa.table(_NAMED[kind], sa.column("name", sa.Unicode(100)), sa.column("changed_at", SiteDateTime()))
        touch = sa.update(table).where(SameText(table.c.name, subject)).values(changed_at=table.c.changed_at)
    if cast("sa.CursorResult[Any]", session.execute(touch)).rowcount != 1:
        raise NotFoundError(f"The {kind.value} is not there any more: somebody deleted it. Nothing was noted.")
