"""Whose turn it is to delete what is too old: one scheduler a day, and another one if that dies.

Owns one setting of the site, which names the day, who sweeps, and until when they may; without an end it was done. Ends
are on the database's clock, days on the site's.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.site import RETENTION_SWEEP, SiteSetting

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TURN_SECONDS = 600.0
"""How long a turn lasts unless it is prolonged."""

_SETTINGS = cast(sa.Table, SiteSetting.__table__)
_IS_TURN = _SETTINGS.c.name == RETENTION_SWEEP


def is_free(stored: str | None, *, day: date, now: datetime) -> bool:
    """Tell whether a sweep may begin; what cannot be read hinders nobody. Pure.

    Args:
        stored: The setting; None if there is none.
        day: On the site's calendar.
        now: On the database's clock, aware.
    """
    try:
        found: Any = json.loads(stored or "")
        until = None if found["until"] is None else datetime.fromisoformat(found["until"])
        return date.fromisoformat(found["day"]) != day if until is None else until <= now
    except (ValueError, KeyError, TypeError):
        return True


class Turn:
    """The turn of one holder.

    Args:
        database: The database.
        holder: Who sweeps; another one each time.
    """

    def __init__(self, database: Database, holder: UUID) -> None:
        self._database = database
        self._holder = holder
        self._stored: str | None = None

    def take(self) -> bool:
        """Take the turn of today; False if it was taken or somebody has it."""
        day = self._database.site_now().date()

        def work(session: Session) -> str | None:
            connection = session.connection()
            stored = connection.scalar(sa.select(_SETTINGS.c.value).where(_IS_TURN))
            now = cast("datetime", connection.scalar(sa.select(DatabaseUtcNow())))
            if not is_free(stored, day=day, now=now):
                return None
            mine = self._text(day, now + timedelta(seconds=TURN_SECONDS))
            if stored is not None:
                return mine if _replace(session, stored, mine) else None
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(_SETTINGS).values(name=RETENTION_SWEEP, value=mine))
            except sa.exc.IntegrityError:  # somebody else was faster
                return None
            return mine

        self._stored = self._database.write(work, read_back=self._read_back)
        return self._stored is not None

    def prolong(self) -> bool:
        """Have the turn for longer; False if it is lost, because it ran out."""
        before = self._stored
        if before is None:
            return False
        day = date.fromisoformat(json.loads(before)["day"])

        def work(session: Session) -> str | None:
            now = cast("datetime", session.connection().scalar(sa.select(DatabaseUtcNow())))
            longer = self._text(day, now + timedelta(seconds=TURN_SECONDS))
            return longer if _replace(session, before, longer) else None

        self._stored = self._database.write(work, read_back=self._read_back)
        return self._stored is not None

    def finish(self, *, done: bool) -> None:
        """End the turn: nobody sweeps again today if all was done, else the next who looks goes on."""
        before, self._stored = self._stored, None
        if before is None:
            return
        text = self._text(date.fromisoformat(json.loads(before)["day"]), None)
        mine = (_IS_TURN, _SETTINGS.c.value == before)
        end = sa.update(_SETTINGS).where(*mine).values(value=text) if done else sa.delete(_SETTINGS).where(*mine)

        def work(session: Session) -> None:
            session.connection().execute(end)

        self._database.write(work, read_back=lambda _session: None)  # done again, it changes nothing

    def _text(self, day: date, until: datetime | None) -> str:
        ends = None if until is None else until.isoformat()
        return json.dumps({"day": day.isoformat(), "by": str(self._holder), "until": ends})

    def _read_back(self, session: Session) -> str | None:
        stored: str | None = session.connection().scalar(sa.select(_SETTINGS.c.value).where(_IS_TURN))
        return stored if stored is not None and str(self._holder) in stored else None


def _replace(session: Session, before: str, after: str) -> bool:
    change = sa.update(_SETTINGS).where(_IS_TURN, _SETTINGS.c.value == before).values(value=after)
    return session.connection().execute(change).rowcount == 1
