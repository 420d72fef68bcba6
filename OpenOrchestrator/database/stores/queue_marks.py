"""Until when an admin has seen what failed in each queue: settings of the site, one for each queue.

Owns how a queue's setting is named and written. Must not know who looks, nor what is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from OpenOrchestrator.database.site import SiteSetting

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_SETTINGS = cast(sa.Table, SiteSetting.__table__)
_PREFIX = "queue_seen:"


def seen_until(session: Session, queues: Sequence[str]) -> dict[str, datetime]:
    """Return until when failures of queues were seen, as naive site time; a queue nobody looked at is left out."""
    names = {_name_of(queue): queue for queue in queues}
    query = sa.select(_SETTINGS.c.name, _SETTINGS.c.value).where(_SETTINGS.c.name.like(f"{_PREFIX}%"))
    found = {}
    for name, value in session.execute(query):
        if name in names and (moment := _moment(value)) is not None:
            found[names[name]] = moment
    return found


def mark_seen(session: Session, queue: str, moment: datetime) -> bool:
    """Note that everything that failed in a queue up to a naive site time was seen.

    Returns:
        Whether that changed anything: a mark never goes back.
    """
    name, value = _name_of(queue), moment.isoformat(timespec="microseconds")
    later = sa.update(_SETTINGS).where(_SETTINGS.c.name == name, _SETTINGS.c.value < value).values(value=value)
    if cast("sa.CursorResult[Any]", session.execute(later)).rowcount == 1:
        return True
    if session.execute(sa.select(_SETTINGS.c.name).where(_SETTINGS.c.name == name)).first() is not None:
        return False
    session.execute(sa.insert(_SETTINGS).values(name=name, value=value))
    return True


def _name_of(queue: str) -> str:
    # A queue may have a name as long as that of a setting.
    return _PREFIX + hashlib.sha256(queue.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
