"""Data access of schedulers: who they are, that only one of each name lives, and their heartbeat.

A scheduler owns its name for the length of a lease on the database's clock, which every heartbeat prolongs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import SchedulerNameInUseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.engine.row_locks import free_only, unhindered
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.schedulers import Scheduler

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "Beat",
    "Hold",
    "Identity",
    "carried",
    "enroll",
    "find_all",
    "heartbeat",
    "held_for_too_long",
    "leave",
    "live_names",
    "ping",
    "record_trigger",
]

_SCHEDULERS = cast(sa.Table, Scheduler.__table__)
_LEFT = sa.or_(_SCHEDULERS.c.instance.is_(None), _SCHEDULERS.c.lease_until.is_(None))
_IS_LIVE = sa.and_(_SCHEDULERS.c.instance.is_not(None), _SCHEDULERS.c.lease_until >= DatabaseUtcNow())
_ATTEMPTS = 5


class Beat(Enum):
    """What became of a heartbeat."""

    STORED = auto()
    """The name is held for one more lease."""
    LOCKED = auto()
    """The name is still its own, but somebody else holds the row locked: to be tried again soon."""
    LOST = auto()
    """Another scheduler has taken the name since the lease ran out, or an admin has deleted the row."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The hold of a scheduler on its name.

    Attributes:
        instance: Which start of it.
        lease_until: Its end on the database's clock; changes with every heartbeat.
    """

    instance: UUID
    lease_until: datetime


def enroll(
    database: Database,
    identity: Identity,
    *,
    version: str,
    slots: int,
    pid: int,
    pid_started: float | None,
    host_name: str,
    process_identity: str | None = None,
    previous_is_dead: Callable[[int, str | None], bool],
    is_silent: Callable[[Hold], bool],
) -> None:
    """Take a scheduler's name, so that no second one of that name runs.

    Args:
        database: Where it will work.
        identity: The name, and this start of it.
        version: Of the program.
        slots: How many jobs it runs at once.
        pid: Process id of the daemon.
        pid_started: Its create time as psutil tells it, if known.
        host_name: Of the machine.
        process_identity: What tells the daemon's process from others of the same id; None if its system cannot tell.
        previous_is_dead: Asked with process id and identity of a scheduler of that name that was last seen on a machine
            of this name: whether that process is certainly gone. Then its name is taken over at once; otherwise its
            lease has to run out.
        is_silent: Asked about a hold that has run out, when the name was written but not saved yet: whether its owner
            would have prolonged it if it lived. It may have been kept from writing until this moment, by a lock on its
            row or on the table, for which this call waits as well. If not, nothing is saved.

    Raises:
        SchedulerNameInUseError: If a scheduler of that name runs, or may run: its lease lives, it was heard of just
            now, or it is not silent. Or if there is one of another name, running or not, that the database takes for
            the same.
    """
    values = {
        "version": version[:20],
        "slots": slots,
        "running_jobs": 0,
        "pid": pid,
        "pid_started": pid_started,
        "host_name": host_name[:255],
        "process_identity": process_identity,
        "labels": list(identity.labels),
        "instance": identity.instance,
        "stopping_at": None,  # of a daemon that was killed while it waited
    }

    def work(session: Session) -> None:
        connection = session.connection()
        named = sa.select(_SCHEDULERS.c.machine_name).where(_SCHEDULERS.c.machine_name == identity.name)
        same = connection.scalar(named)
        if same is not None and same.strip().casefold() != identity.name.strip().casefold():
            raise SchedulerNameInUseError(
                f"A scheduler named {same!r} is known already, and this database cannot tell that name from "
                f"{identity.name!r}. Give this one another name with --name."
            )
        for _ in range(_ATTEMPTS):
            # MySQL assigns from left to right, so the guard is in WHERE alone.
            now = {**values, **_signs_of_life(database)}
            mine = sa.update(_SCHEDULERS).where(_SCHEDULERS.c.machine_name == identity.name).values(now)
            holder = connection.execute(
                sa.select(_SCHEDULERS).where(_SCHEDULERS.c.machine_name == identity.name)
            ).one_or_none()
            if holder is None:
                if _insert(session, {**now, "machine_name": identity.name}):
                    return
                continue
            if connection.execute(mine.where(sa.or_(_LEFT, _SCHEDULERS.c.instance == identity.instance))).rowcount:
                return
            as_seen = mine.where(_SCHEDULERS.c.instance == holder.instance)
            if _is_dead(holder, host_name, previous_is_dead):
                if connection.execute(as_seen).rowcount:
                    return
            elif not connection.execute(as_seen.where(_has_run_out(database))).rowcount:
                raise SchedulerNameInUseError(_in_use(identity.name, holder))
            elif is_silent(Hold(holder.instance, holder.lease_until)):
                return
            else:
                raise SchedulerNameInUseError(_in_use(identity.name, holder))
        raise SchedulerNameInUseError(
            f"Several schedulers named {identity.name!r} are being started at this moment. Start one only, or give "
            "each a name of its own with --name."
        )

    database.write(work, read_back=lambda _session: None)  # its own instance counts as free


def heartbeat(database: Database, identity: Identity, *, running_jobs: int) -> Beat:
    """Report that a scheduler lives, and prolong its hold on its name by one lease.

    It does not wait for somebody who holds the row locked: whoever does keeps others from taking the name as well.

    Returns:
        What became of it; if the name is lost, ``enroll`` again tells why.
    """
    mine = (_SCHEDULERS.c.machine_name == identity.name, _SCHEDULERS.c.instance == identity.instance)
    found = sa.select(_SCHEDULERS.c.machine_name).where(*mine)
    told = {"running_jobs": running_jobs, "labels": list(identity.labels)}
    update = sa.update(_SCHEDULERS).where(*mine).values(**told, **_signs_of_life(database))

    def work(session: Session) -> Beat:
        connection = session.connection()
        if connection.execute(free_only(found, _SCHEDULERS)).first() is not None:
            return Beat.STORED if connection.execute(update).rowcount == 1 else Beat.LOST
        return Beat.LOST if connection.execute(unhindered(found, _SCHEDULERS)).first() is None else Beat.LOCKED

    return database.write(work, read_back=lambda _session: None)


def leave(database: Database, identity: Identity) -> None:
    """Give up the name, so that the next scheduler of that name need not wait for the lease to run out.

    A drain is fulfilled by that. A cordon stays: a machine that was drained is not to be given work before an admin
    says so, however it is started again.
    """
    update = (
        sa.update(_SCHEDULERS)
        .where(_SCHEDULERS.c.machine_name == identity.name, _SCHEDULERS.c.instance == identity.instance)
        .values(instance=None, lease_until=None, running_jobs=0, drain_at=None, drain_by=None, stopping_at=None)
    )
    database.write(lambda session: session.connection().execute(update), read_back=lambda _session: None)


def find_all(session: Session) -> tuple[Scheduler, ...]:
    """Return all schedulers by name, those of older versions too."""
    return tuple(session.scalars(sa.select(Scheduler).order_by(Scheduler.machine_name)))


def live_names(session: Session) -> frozenset[str]:
    """Return the names whose lease lives on the database's clock."""
    return frozenset(session.connection().execute(sa.select(_SCHEDULERS.c.machine_name).where(_IS_LIVE)).scalars())


def carried(session: Session) -> dict[str, tuple[str, ...] | None]:
    """Return the labels that each scheduler carries, by name; None for one of a version that knows none."""
    query = sa.select(_SCHEDULERS.c.machine_name, _SCHEDULERS.c.slots, _SCHEDULERS.c.labels)
    rows = session.connection().execute(unhindered(query, _SCHEDULERS))
    return {row.machine_name: None if row.slots is None else tuple(row.labels or ()) for row in rows}


def held_for_too_long(session: Session, instances: Collection[UUID]) -> frozenset[UUID]:
    """Return those of some starts of schedulers that hold their names for longer than a lease from now.

    No hold is ever that long: the database's clock was set back since it was written. Rows that somebody holds locked
    are no hindrance.
    """
    if not instances:
        return frozenset()
    # All of them, and not those asked about: there may be more of these than a statement has parameters.
    query = sa.select(_SCHEDULERS.c.instance).where(_SCHEDULERS.c.lease_until > DatabaseUtcNow(LEASE_SECONDS))
    return frozenset(instances).intersection(session.connection().execute(unhindered(query, _SCHEDULERS)).scalars())


def ping(session: Session, name: str, *, site_now: datetime) -> None:
    """Note that a scheduler was seen, as schedulers of older versions do."""
    _upsert(session, name, {"last_update": site_now}, {})


def record_trigger(session: Session, name: str, trigger_name: str, *, site_now: datetime) -> None:
    """Note which trigger a scheduler started, as schedulers of older versions do."""
    latest = {"latest_trigger": trigger_name, "latest_trigger_time": site_now}
    _upsert(session, name, latest, {"last_update": site_now})


def _upsert(session: Session, name: str, values: dict[str, Any], only_new: dict[str, Any]) -> None:
    update = sa.update(_SCHEDULERS).where(_SCHEDULERS.c.machine_name == name).values(values)
    if session.connection().execute(update).rowcount:
        return
    if not _insert(session, {**only_new, **values, "machine_name": name}):
        session.connection().execute(update)


def _insert(session: Session, values: dict[str, Any]) -> bool:
    """Insert a row; False if somebody else was faster."""
    try:
        with session.begin_nested():
            session.connection().execute(sa.insert(_SCHEDULERS).values(values))
    except sa.exc.IntegrityError:
        return False
    return True


def _signs_of_life(database: Database) -> dict[str, Any]:
    return {
        "last_update": database.site_now(),
        "heartbeat_at": database.utc_now(),
        "lease_until": DatabaseUtcNow(LEASE_SECONDS),
    }


def _has_run_out(database: Database) -> sa.ColumnElement[bool]:
    """Return the condition that a lease has run out, and its owner was not heard of just now.

    The clock of the database may have been set forward a moment ago. So the clocks of the machines are asked as well;
    if they differ too much for that, the lease alone counts.
    """
    lease = timedelta(seconds=LEASE_SECONDS)
    now = database.utc_now()
    heard_of = _SCHEDULERS.c.heartbeat_at.between(now - lease, now + lease)
    unheard = sa.or_(_SCHEDULERS.c.heartbeat_at.is_(None), ~heard_of)
    return sa.and_(~_IS_LIVE, unheard)


def _is_dead(holder: Any, host_name: str, previous_is_dead: Callable[[int, str | None], bool]) -> bool:
    if holder.pid is None or holder.host_name is None:
        return False
    return holder.host_name.casefold() == host_name.casefold() and previous_is_dead(holder.pid, holder.process_identity)


def _in_use(name: str, holder: Any) -> str:
    where = f" on {holder.host_name}" if holder.host_name else ""
    process = f" (process {holder.pid})" if holder.pid else ""
    return (
        f"A scheduler named {name!r} is already running{where}{process}, last heard of at {holder.heartbeat_at}. "
        f"Stop it, give this one another name with --name, or, if it is gone, try again in {LEASE_SECONDS:.0f} s."
    )
