"""Whether a scheduler may start robots at all: not while the site is paused, nor while it is cordoned or drained.

Owns the question and its words. It is asked twice: before a scheduler looks for work, and again within the transaction
of each claim, once its triggers are locked. So whatever begins to claim after a pause or cordon was committed claims
nothing; a claim that had asked the second time before that goes through, which takes milliseconds. Nothing is claimed
later than one poll after the commit. On SQLite, where one transaction writes at a time, nothing is after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import unhindered
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.stores import site_pause
from OpenOrchestrator.database.stores.cordons import Mark
from OpenOrchestrator.database.stores.site_pause import SitePause

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_S = cast(sa.Table, Scheduler.__table__)
_COLUMNS = (_S.c.cordoned_at, _S.c.cordoned_by, _S.c.drain_at, _S.c.drain_by)
# One trip, because every scheduler asks about once a second. Who forgot to end a transaction that holds the row must
# not hold up claims; what is read too early then is what an admin is just storing.
_OF_SCHEDULER = unhindered(
    sa.select(*_COLUMNS, site_pause.value_query().label("stored"), DatabaseUtcNow().label("now")).where(
        _S.c.machine_name == sa.bindparam("name")
    ),
    _S,
)


@dataclass(frozen=True, slots=True)
class Admission:
    """What keeps a scheduler from starting anything; nothing of it is there for most, most of the time."""

    site_pause: SitePause | None = None
    cordon: Mark | None = None
    drain: Mark | None = None

    @property
    def starts(self) -> bool:
        """Whether it may start robots."""
        return self.site_pause is None and self.cordon is None and self.drain is None

    def words(self, zone: ZoneInfo) -> tuple[str, ...]:
        """Return what is in the way, a clause for each, with site times; empty for nothing."""
        found = [] if self.site_pause is None else [f"the site is {paused_words(self.site_pause, zone)}"]
        if self.drain is not None:
            found.append(f"it is drained{asked_words(self.drain, zone)}")
        elif self.cordon is not None:
            found.append(f"it is cordoned{asked_words(self.cordon, zone)}")
        return tuple(found)


def read(session: Session, scheduler_name: str) -> Admission:
    """Return what keeps a scheduler from starting anything; one that is not in the list is held by the site alone."""
    row = session.connection().execute(_OF_SCHEDULER, {"name": scheduler_name}).one_or_none()
    if row is None:
        return Admission(site_pause.read(session))
    return Admission(
        site_pause.in_force(row.stored, now=row.now),
        None if row.cordoned_at is None else Mark(row.cordoned_at, row.cordoned_by),
        None if row.drain_at is None else Mark(row.drain_at, row.drain_by),
    )


def paused_words(pause: SitePause, zone: ZoneInfo) -> str:
    """Return a pause of the site as the end of a sentence, with site times: ``paused by Ann ... (reason)``. Pure."""
    by = f" by {pause.by}" if pause.by else ""
    since = "" if pause.since is None else f" since {_at(pause.since, zone)}"
    until = "" if pause.until is None else f", until {_at(pause.until, zone)}"
    return f"paused{by}{since} ({pause.reason}){until}"


def asked_words(mark: Mark, zone: ZoneInfo) -> str:
    """Return who asked for something and since when, as the end of a sentence. Pure."""
    return f"{f' by {mark.by}' if mark.by else ''} since {_at(mark.since, zone)}"


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S}"
