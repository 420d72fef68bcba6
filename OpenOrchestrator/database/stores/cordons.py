"""Cordons and drains: what admins ask of one scheduler, beside its row in the list.

Owns the columns ``cordoned_*``, ``drain_*`` and ``stopping_at``. A scheduler that is cordoned starts nothing new. One
that is drained is cordoned, too, and ends as soon as its robots have; then it is only cordoned any more
(``schedulers.leave``), until an admin says otherwise.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.attention import is_silent
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.stores.due_triggers import scheduler_key

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LONGEST_NAME = 100

_S = cast(sa.Table, Scheduler.__table__)
_IS_LIVE = sa.and_(_S.c.instance.is_not(None), _S.c.lease_until >= DatabaseUtcNow())
_MOST_NEAR = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was asked for.

    Attributes:
        since: Aware UTC.
        by: Who asked, as they call themselves; None if they did not say.
    """

    since: datetime
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Drained:
    """What came of asking for a drain.

    Attributes:
        ends: Whether the scheduler runs, and will end. False: it is not running, so that it is cordoned and no more.
        is_new: Whether that was not asked before.
    """

    ends: bool
    is_new: bool


def resolve(session: Session, name: str) -> str:
    """Return the name of a scheduler as it stands in the list. Case and outer blanks do not count.

    Raises:
        NotFoundError: If there is none; the message names those whose names are near.
        InvalidInputError: If it is of a version that obeys neither cordon nor drain.
    """
    rows = session.connection().execute(sa.select(_S.c.machine_name, _S.c.version)).all()
    versions: dict[str, str | None] = {row.machine_name: row.version for row in rows}
    fits = [known for known in versions if scheduler_key(known) == scheduler_key(name)]
    if not fits:
        raise NotFoundError(_unknown(name, versions))
    found = name if name in fits else fits[0]
    if versions[found] is None:
        raise InvalidInputError(
            f"{found} is a scheduler of a version before 4.0, which knows neither cordon nor drain: it would go on "
            "starting robots. Stop it on its machine, or upgrade it."
        )
    return found


def cordon(session: Session, name: str, *, by: str | None = None) -> bool:
    """Let a scheduler start nothing new; its robots go on.

    Returns:
        Whether that is new. False: it was cordoned before, and whoever did that stays named; or it is gone.
    """
    mark = {"cordoned_at": DatabaseUtcNow(), "cordoned_by": _shortened(by)}
    return _update(session, name, _S.c.cordoned_at.is_(None), **mark)


def uncordon(session: Session, name: str) -> bool:
    """Let a scheduler start robots again. A drain that has not ended it yet is called off.

    Returns:
        Whether that is new.
    """
    held = sa.or_(_S.c.cordoned_at.is_not(None), _S.c.drain_at.is_not(None))
    return _update(session, name, held, cordoned_at=None, cordoned_by=None, drain_at=None, drain_by=None)


def drain(session: Session, name: str, *, by: str | None = None) -> Drained:
    """Cordon a scheduler, and let it end as soon as its robots have. One that is not running is only cordoned.

    Asked again, it is a drain of the start that runs now: the one before may have been of a start that was killed.
    Whoever asked first stays named.
    """
    cordoned = cordon(session, name, by=by)
    now = DatabaseUtcNow()
    # Only a running one: another start, perhaps days later, is not to end for it.
    if _update(session, name, _S.c.drain_at.is_(None), _IS_LIVE, drain_at=now, drain_by=_shortened(by)):
        return Drained(ends=True, is_new=True)
    return Drained(ends=_update(session, name, _S.c.drain_at.is_not(None), _IS_LIVE, drain_at=now), is_new=cordoned)


def end_drain(session: Session, identity: Identity, drain: Mark) -> bool:
    """Note that a drain was fulfilled by the end of an earlier start that had no chance to say so; the cordon stays.

    Returns:
        Whether that was done. False: it is another drain by now, or none.
    """
    mine = (_S.c.instance == identity.instance, _S.c.drain_at == drain.since)
    return _update(session, identity.name, *mine, drain_at=None, drain_by=None)


def tell_stopping(session: Session, identity: Identity) -> bool:
    """Note that a running daemon waits for its robots, so that they can ask; its end takes that back.

    Returns:
        Whether that was done. False: somebody holds the row locked, and it is to be tried again; or it is not its own.
    """
    own = sa.select(_S.c.machine_name).where(_S.c.machine_name == identity.name, _S.c.instance == identity.instance)
    if session.connection().execute(free_only(own, _S)).first() is None:
        return False
    return _update(session, identity.name, _S.c.instance == identity.instance, stopping_at=DatabaseUtcNow())


def disobedient(session: Session, *, now: datetime, site_now: datetime) -> tuple[str, ...]:
    """Return who is heard from and knows neither cordons nor the pause of a site: schedulers of versions before 4.0.

    Args:
        session: An open transaction.
        now: Aware.
        site_now: The same instant as naive site time.
    """
    columns = (_S.c.machine_name, _S.c.heartbeat_at, _S.c.last_update)
    query = sa.select(*columns).where(_S.c.version.is_(None)).order_by(_S.c.machine_name)
    return tuple(
        row.machine_name
        for row in session.connection().execute(query)
        if not is_silent(row.heartbeat_at, row.last_update, now=now, site_now=site_now)
    )


def _update(session: Session, name: str, *conditions: sa.ColumnElement[bool], **values: object) -> bool:
    update = sa.update(_S).where(_S.c.machine_name == name, *conditions).values(values)
    return session.connection().execute(update).rowcount == 1


def _shortened(by: str | None) -> str | None:
    return None if by is None else " ".join(by.split())[:LONGEST_NAME] or None


def _unknown(name: str, known: Iterable[str]) -> str:
    by_key = {scheduler_key(each): each for each in known}
    if not by_key:
        return (
            f"There is no scheduler named {name!r}: none ever reported to this database. Check the connection string."
        )
    near = difflib.get_close_matches(scheduler_key(name), by_key, n=_MOST_NEAR, cutoff=0.5)
    if near:
        return f"There is no scheduler named {name!r}. Did you mean {' or '.join(repr(by_key[key]) for key in near)}?"
    return f"There is no scheduler named {name!r}. The page Schedulers of the app lists those that ever reported."
