"""Making a site what a file says: one transaction, refused whole if the site is not what it was when it was planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.errors import InvalidInputError, OpenOrchestratorError
from OpenOrchestrator.common.schedules import zone_named
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.site import TIME_ZONE, SiteSetting
from OpenOrchestrator.database.statuses import RESTING_TRIGGER_STATUSES, TriggerType
from OpenOrchestrator.database.stores import (
    calendars,
    constants,
    credentials,
    keep_days,
    notes,
    pauses,
    pools,
    queue_backoff,
    queue_pauses,
    queue_rules,
    trigger_schedules,
    triggers,
)
from OpenOrchestrator.database.stores.trigger_rows import SCHEDULED, TRIGGERS, PoisonedRowError
from OpenOrchestrator.site import moments, present, queue_entries
from OpenOrchestrator.site.constant_entries import ConstantValues
from OpenOrchestrator.site.difference import between
from OpenOrchestrator.site.document import SiteDocument
from OpenOrchestrator.site.plans import Action, Change, Noun, Plan, what_changed
from OpenOrchestrator.site.trigger_fields import FIELDS_BY_KEY

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.engine.database import Database

_REASON = "Not enabled in the file of the site."
_PAUSED = "Paused in the file of the site."


class SiteChangedError(OpenOrchestratorError, RuntimeError):
    """Somebody changed the site since the plan was made; nothing was changed."""


def plan(database: Database, document: SiteDocument, *, prune: bool, file_name: str) -> Plan:
    """Return what would have to be done. Changes nothing.

    Raises:
        SiteFileError: If the file cannot be made true of this site.
        DatabaseError: If the database cannot be used.
    """
    zone, now = database.zone, database.utc_now()
    return database.read(
        lambda session: between(document, present.read(session, zone), prune=prune, now=now, file_name=file_name)
    )


def apply(
    database: Database, document: SiteDocument, agreed: Plan, *, prune: bool, file_name: str, by: str | None
) -> Plan:
    """Make a site what a file says, all of it or nothing, and return what was done.

    Args:
        database: The site.
        document: What the file says.
        agreed: What ``plan`` returned, and somebody agreed to.
        prune: As for ``plan``.
        file_name: For messages.
        by: Who does it, as they call themselves; for pauses.

    Raises:
        SiteChangedError: If the site is not what it was when it was planned.
        SiteFileError: If the file cannot be made true of it any more.
        InvalidInputError: If something cannot be stored.
        DatabaseError: If the database cannot be used.
    """

    def work(session: Session) -> Plan:
        _hold(session, agreed)
        now = database.utc_now()
        site = present.read(session, database.zone)
        fresh = between(document, site, prune=prune, now=now, file_name=file_name)
        changed = what_changed(agreed, fresh)
        if changed is not None:
            raise SiteChangedError(
                f"Nothing was changed, because the site is not what it was when the plan was made: {changed}. "
                "Look at the plan again."
            )
        _Writer(session, site, fresh, now=now, by=by).write()
        return fresh

    def read_back(session: Session) -> Plan | None:
        site = present.read(session, database.zone)
        left = between(document, site, prune=prune, now=database.utc_now(), file_name=file_name)
        return None if left.changes else agreed

    done = database.write(work, read_back=read_back)
    database.forget_zone()
    return done


def _hold(session: Session, agreed: Plan) -> None:
    """Let one apply after the other change this site, and nobody start the triggers concerned meanwhile."""
    table: Any = SiteSetting.__table__
    session.connection().execute(sa.update(table).where(table.c.name == TIME_ZONE).values(value=table.c.value))
    ids = {change.stored.id for change in agreed.changes if change.stored is not None}
    for change in agreed.changes:
        if change.noun is Noun.CALENDAR:
            ids.update(session.scalars(sa.select(SCHEDULED.c.id).where(SameText(SCHEDULED.c.calendar, change.name))))
        elif change.noun is Noun.SITE:
            ids.update(session.scalars(sa.select(SCHEDULED.c.id)))
    for each in sorted(ids):  # in the order in which claims lock them
        triggers.hold(session, each, None)


class _Writer:
    """Does what a plan says, within one transaction."""

    def __init__(
        self, session: Session, site: present.PresentSite, plan: Plan, *, now: datetime, by: str | None
    ) -> None:
        self._session = session
        self._site = site
        self._plan = plan
        self._now = now
        self._by = by
        self._zone = site.zone

    def write(self) -> None:
        for change in self._plan.changes:
            if change.noun is Noun.SITE:
                self._setting(change)
            elif change.noun is Noun.CALENDAR:
                self._calendar(change)
            elif change.noun is Noun.POOL:
                self._pool(change)
            elif change.noun is Noun.QUEUE:
                self._queue(change)
            elif change.noun is Noun.TRIGGER:
                self._trigger(change)
            elif change.noun is Noun.CONSTANT:
                self._constant(change)
            elif change.noun is Noun.CREDENTIAL:
                site_now = cron.to_site(self._now, self._zone)
                credentials.create_unset(self._session, change.name, now=site_now)
        for change in self._plan.changes:
            if change.noun is Noun.CALENDAR and change.action is Action.CHANGE:
                trigger_schedules.follow_calendar(self._session, change.name, now=self._now, zone=self._zone)

    def _setting(self, change: Change) -> None:
        key = change.steps[0].key
        if key == "queue_poll":
            queue_backoff.set_longest_pause(self._session, change.wanted)
            return
        if key == "retention":
            keep_days.write(self._session, keep_days.KeepDays(**change.wanted))
            return
        from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

        migrations.set_time_zone(self._session.connection(), change.wanted)
        self._zone = zone_named(change.wanted)
        self._move_to_zone()

    def _move_to_zone(self) -> None:
        """Give scheduled triggers the next runs that they have in the site's new time zone; what is due stays due."""
        schedules = trigger_schedules.Schedules(self._session.connection(), self._zone)
        for each in self._site.triggers:
            if each.type is not TriggerType.SCHEDULED or each.due_at is None:
                continue
            due = each.due_at
            named = each.values["calendar"] or {"name": None, "closed_days": None}
            closed = None if named["closed_days"] is None else str(named["closed_days"]).upper()
            try:
                if due > self._now:
                    schedule = schedules.made_of(
                        each.values["schedule"], each.values["timezone"], named["name"], closed
                    )
                    due = schedule.next_due(self._now)
            except (InvalidInputError, PoisonedRowError):
                continue  # it cannot run, and the scheduler that looks next says why
            self._store(each.id, {"next_run": cron.to_site(due, self._zone), "due_at": due})

    def _calendar(self, change: Change) -> None:
        dialect = self._session.get_bind().dialect.name
        if change.action is Action.DELETE:
            calendars.delete(self._session, self._site.calendars[change.name].name)
            return
        checked = calendars.checked(change.wanted, dialect)
        if change.action is Action.CREATE:
            calendars.insert(self._session, checked, now=self._now)
            return
        edition = self._site.calendars[change.name].edition
        if edition is None or not calendars.update(self._session, checked, edition, now=self._now):
            raise _changed(f"calendar {change.name}")

    def _pool(self, change: Change) -> None:
        if change.action is Action.CREATE:
            dialect = self._session.get_bind().dialect.name
            name, size = pools.checked(change.name, change.wanted, dialect)
            pools.insert(self._session, name, size, now=self._now)
            return
        stored = self._site.pools[change.name]
        if change.action is Action.DELETE:
            pools.delete(self._session, stored.name, stored.edition)
        elif not pools.update(self._session, stored.name, change.wanted, stored.edition, now=self._now):
            raise _changed(f"pool {change.name}")

    def _queue(self, change: Change) -> None:
        session, name, wanted = self._session, change.name, change.wanted
        keys = {step.key for step in change.steps}
        if keys - {"owner", "paused"}:
            dialect = session.get_bind().dialect.name
            rules = queue_rules.checked(queue_entries.rules_of(wanted), dialect)
            edition = queue_rules.read(session, name).edition
            stored = self._site.queues.get(name)
            if (stored is not None and stored.edition != edition) or not queue_rules.write(
                session, name, rules, edition, now=self._now
            ):
                raise _changed(f"queue {name}")
        if "owner" in keys:
            seen = notes.read(session, AnnotatedKind.QUEUE, name)
            noted = replace(seen.values, owner=queue_entries.owner_of(wanted))
            if not notes.save(session, AnnotatedKind.QUEUE, name, noted, seen=seen, now=self._now):
                raise _changed(f"queue {name}")
        if "paused" in keys:
            if wanted["paused"]:
                queue_pauses.pause(session, name, reason=_PAUSED, by=self._by)
            else:
                queue_pauses.resume(session, name)

    def _constant(self, change: Change) -> None:
        site_now = cron.to_site(self._now, self._zone)
        if change.action is Action.DELETE:
            constants.delete(self._session, change.name)
        elif change.action is Action.CREATE:
            self._store_constant(constants.create, change, site_now)
        else:
            self._store_constant(constants.update, change, site_now)

    def _store_constant(self, store: Callable[..., object], change: Change, site_now: datetime) -> None:
        wanted: ConstantValues = change.wanted
        store(self._session, change.name, wanted.value, now=site_now, overrides=wanted.schedulers)

    def _trigger(self, change: Change) -> None:
        if change.action is Action.DELETE:
            assert change.stored is not None  # noqa: S101  (a plan deletes what it has read)
            if not triggers.delete(self._session, change.stored.id, expected=RESTING_TRIGGER_STATUSES):
                raise _changed(f"trigger {change.name}")
            return
        columns = self._columns(change)
        enabled = None if change.entry is None else change.entry.values["enabled"]
        if change.stored is None:
            trigger_id = self._create(change, columns)
        else:
            trigger_id = change.stored.id
            self._store(trigger_id, columns)
        if change.stored is None and enabled is not False:
            return
        if change.stored is None or "enabled" in change.keys:
            self._enable(trigger_id, change.name, wanted=bool(enabled))

    def _columns(self, change: Change) -> dict[str, Any]:
        """Return what is stored for the values that change, the next run included."""
        columns: dict[str, Any] = {}
        assert change.entry is not None  # noqa: S101  (a plan makes and changes what a file has)
        for key in change.keys:
            field = FIELDS_BY_KEY[key]
            if key == "at":
                columns["next_run"], columns["due_at"] = moments.stored(change.entry.values[key], self._zone)
            elif change.entry.values[key] is None or not field.hides(change.entry.values[key]):
                columns |= field.stored(change.entry.values[key])
        if change.next_run is not None:
            columns |= {"next_run": cron.to_site(change.next_run, self._zone), "due_at": change.next_run}
            columns |= dict.fromkeys(("skipped_due", "skipped_at", "skipped_by"))  # of another schedule
        return columns

    def _create(self, change: Change, columns: dict[str, Any]) -> UUID:
        for name in ("skipped_due", "skipped_at", "skipped_by"):
            columns.pop(name, None)
        assert change.entry is not None  # noqa: S101  (a plan makes what a file has)
        make: Any = {
            TriggerType.SINGLE: triggers.create_single,
            TriggerType.SCHEDULED: triggers.create_scheduled,
            TriggerType.QUEUE: triggers.create_queue,
        }[change.entry.type]
        own_id = {} if change.entry.id is None else {"id": change.entry.id}
        made = make(self._session, **columns, **own_id)
        assert isinstance(made, UUID)  # noqa: S101  (what the stores return)
        return made

    def _store(self, trigger_id: UUID, columns: dict[str, Any]) -> None:
        if columns and not triggers.update(self._session, trigger_id, columns, zone=self._zone):
            raise _changed("a trigger")

    def _enable(self, trigger_id: UUID, name: str, *, wanted: bool) -> None:
        if wanted:
            done = triggers.enable(self._session, trigger_id, TRIGGERS.c.process_status.in_(pauses.PAUSED))
        else:
            note = pauses.PauseNote(by=self._by, reason=_REASON)
            done = pauses.pause(self._session, trigger_id, note, now=self._now)
        if not done:
            raise _changed(f"trigger {name}")


def _changed(what: str) -> SiteChangedError:
    return SiteChangedError(
        f"Nothing was changed, because somebody changed the {what} this moment. Look at the plan again."
    )
