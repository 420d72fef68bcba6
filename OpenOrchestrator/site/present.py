"""What a site is at present, read in one transaction in the words of files.

Reads only. Rows that somebody filled with garbage are named and left out; nothing is changed about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.site import QUEUE_POLL, TIME_ZONE, SiteSetting
from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    BUSY_TRIGGER_STATUSES,
    TriggerStatus,
    TriggerType,
)
from OpenOrchestrator.database.stores import (
    calendars,
    constant_overrides,
    constants,
    credentials,
    keep_days,
    notes,
    pools,
    queue_names,
    queue_pauses,
    queue_rules,
    trigger_rows,
    triggers,
)
from OpenOrchestrator.database.stores.calendars import StoredCalendar
from OpenOrchestrator.database.stores.pools import StoredPool
from OpenOrchestrator.database.stores.queue_backoff import longest_pause
from OpenOrchestrator.database.triggers import SingleTrigger, Trigger
from OpenOrchestrator.site import moments, queue_entries
from OpenOrchestrator.site.constant_entries import ConstantValues
from OpenOrchestrator.site.trigger_fields import fields_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_SETTINGS = cast(sa.Table, SiteSetting.__table__)


@dataclass(frozen=True, slots=True)
class PresentTrigger:
    """A trigger as it is.

    Attributes:
        values: By key, all that its kind has.
        runs: Whether it, or a job of it, runs.
        next_run: Naive site time; None for queue triggers.
        due_at: The same instant, aware UTC.
    """

    id: UUID
    type: TriggerType
    status: TriggerStatus
    values: Mapping[str, Any]
    runs: bool
    last_run: datetime | None
    next_run: datetime | None
    due_at: datetime | None

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.values["name"])


@dataclass(frozen=True, slots=True)
class PresentQueue:
    """What a queue says that says anything, or that it is paused.

    Attributes:
        values: By key, all of them.
        edition: A change of its rules names it; None where none are stored.
    """

    values: Mapping[str, Any]
    edition: UUID | None


@dataclass(frozen=True, slots=True)
class PresentSite:
    """A site as it is.

    Attributes:
        settings: By key; those that are not stored are left out.
        zone: Its time zone.
        queues: Those that say anything, by name.
        constants: By name.
        credentials: Whether somebody has entered a password, by name.
        unreadable: What holds garbage, as the beginning of a sentence.
    """

    settings: Mapping[str, Any]
    zone: ZoneInfo
    calendars: Mapping[str, StoredCalendar]
    pools: Mapping[str, StoredPool]
    queues: Mapping[str, PresentQueue]
    triggers: tuple[PresentTrigger, ...]
    constants: Mapping[str, ConstantValues]
    credentials: Mapping[str, bool]
    unreadable: tuple[str, ...]


def read(session: Session, zone: ZoneInfo) -> PresentSite:
    """Return what a site is.

    Args:
        session: An open transaction.
        zone: The site's time zone.
    """
    running = set(
        session.scalars(sa.select(_JOBS.c.trigger_id).where(_JOBS.c.status.in_(ACTIVE_JOB_STATUSES)).distinct())
    )
    found = [_trigger(each, zone, running) for each in triggers.find_all(session)]
    stored = calendars.read_all(session.connection())
    unreadable = [
        *(f"The trigger {name!r}" for name in _unreadable_triggers(session, {each.id for each in found})),
        *(f"The calendar {each.name!r}" for each in stored if each.calendar is None),
    ]
    return PresentSite(
        _settings(session),
        zone,
        MappingProxyType({each.name.strip(): each for each in stored}),
        MappingProxyType({each.name.strip(): each for each in pools.read_all(session.connection())}),
        MappingProxyType(_queues(session)),
        tuple(sorted(found, key=lambda each: (each.name.casefold(), each.name, each.id))),
        _constants(session),
        MappingProxyType(
            {
                each.name: each.password != credentials.UNSET
                for each in sorted(credentials.get_all(session), key=lambda one: one.name.casefold())
            }
        ),
        tuple(unreadable),
    )


def is_enabled(status: TriggerStatus, *, noted_pause: bool) -> bool | None:
    """Tell whether a trigger runs when it is due; None while a file has no say about that.

    A trigger that failed, was killed or has had its one run waits for somebody to look: no file lifts that. One that
    runs once during its pause is paused again afterwards.

    Args:
        status: Its state.
        noted_pause: Whether something is known of a pause.
    """
    if status in (TriggerStatus.PAUSED, TriggerStatus.PAUSING):
        return False
    if status is TriggerStatus.IDLE or (status is TriggerStatus.RUNNING and not noted_pause):
        return True
    return None


def _queues(session: Session) -> dict[str, PresentQueue]:
    rules, pauses = queue_rules.read_all(session), queue_pauses.read_all(session)
    noted = notes.overview(session, AnnotatedKind.QUEUE)[AnnotatedKind.QUEUE]
    # No longer name can be that of a queue; a note about one stands for nothing.
    names = {*rules, *pauses, *(name for name in noted if len(name) <= queue_names.QUEUE_NAME_LENGTH)}
    found = {}
    for name in sorted(names, key=lambda each: (each.casefold(), each)):
        stored = rules.get(name, queue_rules.StoredRules())
        owner = noted.get(name, notes.NOTHING_NOTED).owner
        values = queue_entries.values_of(name, stored.rules, owner, paused=name in pauses)
        if not queue_entries.says_nothing(values):
            found[name] = PresentQueue(MappingProxyType(values), stored.edition)
    return found


def _trigger(stored: Trigger, zone: ZoneInfo, running: set[Any]) -> PresentTrigger:
    columns = {attribute.key: getattr(stored, attribute.key) for attribute in sa.inspect(type(stored)).column_attrs}
    columns["enabled"] = is_enabled(stored.process_status, noted_pause=stored.paused_at is not None)
    next_run: datetime | None = columns.get("next_run")
    due_at = None if next_run is None else cron.resolve_due(next_run, columns["due_at"], zone)
    if isinstance(stored, SingleTrigger):
        columns["moment"] = moments.in_site_time(due_at, zone) if due_at is not None else None
        if columns["moment"] is not None and columns["moment"].tzinfo is None:
            columns["moment"] = next_run  # also a time that the clock leaves out
    return PresentTrigger(
        stored.id,
        stored.type,
        stored.process_status,
        MappingProxyType({each.key: each.of(columns) for each in fields_of(stored.type)}),
        stored.process_status in BUSY_TRIGGER_STATUSES or stored.id in running,
        stored.last_run,
        next_run,
        due_at,
    )


def _unreadable_triggers(session: Session, readable: set[UUID]) -> list[str]:
    table = trigger_rows.TRIGGERS
    names = []
    for row in session.connection().execute(
        sa.select(trigger_rows.raw(table.c.id, "id"), trigger_rows.raw(table.c.trigger_name, "name"))
    ):
        try:
            known = trigger_rows.trigger_id(row.id) in readable
        except ValueError:
            known = False
        if not known:
            names.append(str(row.name))
    return sorted(names)


def _constants(session: Session) -> Mapping[str, ConstantValues]:
    of_schedulers = constant_overrides.get_all(session)
    return MappingProxyType(
        {
            each.name: ConstantValues(each.value, MappingProxyType(of_schedulers.get(each.name, {})))
            for each in sorted(constants.get_all(session), key=lambda one: one.name.casefold())
        }
    )


def _settings(session: Session) -> dict[str, Any]:
    stored = {
        row.name: row.value
        for row in session.execute(
            sa.select(_SETTINGS.c.name, _SETTINGS.c.value).where(_SETTINGS.c.name.in_((TIME_ZONE, QUEUE_POLL)))
        )
    }
    found: dict[str, Any] = {}
    if TIME_ZONE in stored:
        found["timezone"] = stored[TIME_ZONE]
    if QUEUE_POLL in stored:
        found["queue_poll"] = longest_pause(session.connection())
    kept = keep_days.read(session)
    if kept != keep_days.KeepDays():
        found["retention"] = asdict(kept)
    return found
