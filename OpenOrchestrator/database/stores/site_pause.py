"""The pause of a whole site: nothing starts while it lasts, on any scheduler. One setting, there or not.

Owns how the setting is written and when it is in force. It ends by itself: whether its end has come is read off the
database's clock by everybody who asks, and nobody has to write anything for that.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import unhindered
from OpenOrchestrator.database.site import SITE_PAUSE, SiteSetting

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LONGEST_REASON = 300
LONGEST_NAME = 100

_SETTINGS = cast(sa.Table, SiteSetting.__table__)
_IS_PAUSE = _SETTINGS.c.name == SITE_PAUSE
_NOW = DatabaseUtcNow().label("now")
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's controls, formats, half and unassigned characters, and ends of lines."""
_JOINER = "\N{ZERO WIDTH JOINER}"  # of emoji


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePause:
    """A pause of the site.

    Attributes:
        since: Aware UTC; None if somebody stored it by other means than this program.
        by: Who paused it, as they call themselves.
        reason: Why.
        until: When it ends by itself, aware UTC; None if somebody has to resume the site.
        stored: As it stands in the setting.
    """

    since: datetime | None = None
    by: str | None = None
    reason: str = ""
    until: datetime | None = None
    stored: str = ""


def in_force(stored: str | None, *, now: datetime) -> SitePause | None:
    """Return the pause that a setting says, unless its end has come; None for none. Pure.

    A text that is not as this program writes it is a pause without an end, and the text its reason: whoever put it
    there by SQL wanted the site to be still, and a damaged setting must not start robots.

    Args:
        stored: The setting's value; None if there is none.
        now: On the database's clock, aware UTC.
    """
    if stored is None or not stored.strip():
        return None
    pause = _parsed(stored)
    return None if pause.until is not None and pause.until <= now else pause


def value_query() -> sa.ScalarSelect[str]:
    """Return what the setting holds, as a part of other queries; NULL if there is none."""
    return unhindered(sa.select(_SETTINGS.c.value).where(_IS_PAUSE), _SETTINGS).scalar_subquery()


def read(session: Session) -> SitePause | None:
    """Return the pause that is in force now; None for none."""
    row = session.connection().execute(sa.select(_SETTINGS.c.value, _NOW).where(_IS_PAUSE)).one_or_none()
    return None if row is None else in_force(row.value, now=row.now)


def pause(session: Session, *, reason: str, by: str | None = None, until: datetime | None = None) -> SitePause:
    """Pause the site, or give its pause another reason and end. Robots that run go on, and can ask.

    Args:
        session: An open transaction.
        reason: Why; one line, not empty.
        by: Who.
        until: When it ends by itself, an aware instant; None if somebody has to resume.

    Returns:
        The pause.

    Raises:
        InvalidInputError: If the reason is none, or too long, or the end has passed on the database's clock.
    """
    connection = session.connection()
    now = cast("datetime", connection.scalar(sa.select(_NOW)))
    if until is not None and until <= now:
        raise InvalidInputError(
            f"The pause would end at {until.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC, which has passed: it is "
            f"{now:%Y-%m-%d %H:%M} UTC on the database's clock. Give a later end, or none."
        )
    value = json.dumps(
        {
            "reason": checked_reason(reason),
            "by": None if by is None else _line(by)[:LONGEST_NAME] or None,
            "since": now.isoformat(timespec="seconds"),
            "until": None if until is None else until.astimezone(timezone.utc).isoformat(timespec="seconds"),
        },
        ensure_ascii=False,
    )
    _put(session, value)
    return _parsed(value)


def resume(session: Session, seen: SitePause | None = None) -> bool:
    """End the pause of the site.

    Args:
        session: An open transaction.
        seen: Only this one, and not another that came in its place; None for any.

    Returns:
        Whether there was one in force. False: nothing was changed, or only one removed whose end had come.
    """
    present = read(session)
    fits = (_IS_PAUSE,) if seen is None else (_IS_PAUSE, _SETTINGS.c.value == seen.stored)
    deleted = session.connection().execute(sa.delete(_SETTINGS).where(*fits)).rowcount == 1
    return deleted and present is not None


def checked_reason(text: str) -> str:
    """Return the reason of a pause as it is stored: in one line, its blanks single.

    Raises:
        InvalidInputError: If there is none, or it is too long.
    """
    reason = _line(text)
    if not reason:
        raise InvalidInputError("A pause of the site needs a reason that others understand: what happens meanwhile.")
    if len(reason) > LONGEST_REASON:
        raise InvalidInputError(
            f"The reason has {len(reason)} characters, but may have {LONGEST_REASON}: {reason[:40]!r}..."
        )
    return reason


def _put(session: Session, value: str) -> None:
    connection = session.connection()
    update = sa.update(_SETTINGS).where(_IS_PAUSE).values(value=value)
    if connection.execute(update).rowcount:
        return
    try:
        with session.begin_nested():
            connection.execute(sa.insert(_SETTINGS).values(name=SITE_PAUSE, value=value))
    except sa.exc.IntegrityError:
        # Somebody else paused it at this moment.
        connection.execute(update)


def _line(text: str) -> str:
    shown = (letter if letter == _JOINER or unicodedata.category(letter) not in _REFUSED else " " for letter in text)
    return " ".join("".join(shown).split())


def _parsed(stored: str) -> SitePause:
    try:
        found: Any = json.loads(stored)
        return SitePause(
            since=_instant(found["since"]),
            by=None if found["by"] is None else _line(str(found["by"])),
            reason=_line(str(found["reason"])),
            until=_instant(found["until"]),
            stored=stored,
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return SitePause(reason=_line(stored)[:LONGEST_REASON], stored=stored)


def _instant(text: Any) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
