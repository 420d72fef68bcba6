"""The form of a trigger: create, edit, copy; one drawer for all three kinds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, NotFoundError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.forms.confirm import THEIRS, Difference, confirm, overwrite
from OpenOrchestrator.orchestrator.components.forms.drawer import FormAddress, FormDrawer
from OpenOrchestrator.orchestrator.components.forms.who import own_name
from OpenOrchestrator.orchestrator.components.vocabulary import TYPE_ICONS
from OpenOrchestrator.orchestrator.triggers.backend.places import PlacesBackend, unmet_words
from OpenOrchestrator.orchestrator.triggers.backend.settings import (
    StoredTrigger,
    TriggerSettings,
    TriggerSettingsBackend,
)
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend
from OpenOrchestrator.orchestrator.triggers.checks import doubt_arguments
from OpenOrchestrator.orchestrator.triggers.form_fields import KnownNames, TriggerFields
from OpenOrchestrator.orchestrator.triggers.missed_fields import in_words
from OpenOrchestrator.orchestrator.triggers.pool_fields import pool_words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

_NEW = TriggerSettings(name="", process="", type=TriggerType.SCHEDULED, path="")


async def new_trigger(view: View, on_created: Callable[[UUID], Any]) -> None:
    """Open the form for a new trigger; ``on_created`` is told its id."""
    await _open(view, _NEW, None, on_created, title="New trigger", key="new")


async def edit_trigger(view: View, stored: StoredTrigger, on_saved: Callable[[], Any]) -> None:
    """Open the form for changing a trigger."""
    await _open(view, stored.settings, stored, lambda _: on_saved(), title="Edit trigger", key=f"edit-{stored.id}")


async def copy_trigger(view: View, stored: StoredTrigger, on_created: Callable[[UUID], Any]) -> None:
    """Open the form for a new trigger that starts as a copy of another; ``on_created`` is told its id."""
    copied = replace(stored.settings, name=f"{stored.settings.name} copy"[:100])
    await _open(view, copied, None, on_created, title="Copy trigger", key=f"copy-{stored.id}")


async def _open(
    view: View,
    settings: TriggerSettings,
    stored: StoredTrigger | None,
    on_saved: Callable[[UUID], Any],
    *,
    title: str,
    key: str,
) -> None:
    names = NamesBackend(view.database, view.clock)
    places = PlacesBackend(view.database, view.clock)
    found = await view.load(lambda: _names(names, places, stored.id if stored is not None else None))
    if found is not None:
        with view.container:
            form = _TriggerForm(view, settings, stored, found, on_saved)
            form.build(title, "Create" if stored is None else "Save", view.form_address(key))


async def _names(names: NamesBackend, places: PlacesBackend, trigger_id: UUID | None) -> KnownNames:
    return KnownNames(
        await names.processes(),
        await names.schedulers(),
        await names.queues(),
        await names.known_schedulers(),
        tuple(each.name for each in await names.triggers() if each.id != trigger_id),
        await names.zones(),
        await names.calendars(),
        await names.pools(),
        await places.labels(),
        await places.live(),
    )


class _TriggerForm:
    """One open form.

    Args:
        stored: What is edited; None for a new trigger.
        names: To choose from.
    """

    def __init__(
        self,
        view: View,
        settings: TriggerSettings,
        stored: StoredTrigger | None,
        names: KnownNames,
        on_saved: Callable[[UUID], Any],
    ) -> None:
        self._view = view
        self._settings = settings
        self._stored = stored
        self._names = names
        self._on_saved = on_saved
        self._backend = TriggerSettingsBackend(view.database, view.clock)
        self._triggers = TriggersBackend(view.database, view.clock)
        self._runs_now = False

    def build(self, title: str, save: str, address: FormAddress) -> None:
        """Build the drawer and open it."""
        settings = self._settings
        drawer = self._drawer = FormDrawer(
            title,
            subtitle=settings.name,
            icon=TYPE_ICONS[settings.type],
            save=save,
            on_save=self._save,
            address=address,
        )
        kind_is_fixed = self._stored is not None
        self._fields = TriggerFields(self._view, drawer, settings, self._names, kind_is_fixed=kind_is_fixed)
        if self._stored is None or self._stored.status is TriggerStatus.IDLE:
            drawer.add_button(f"{save} and run now", lambda: self._save_and_run(drawer), marker="save-and-run")
        drawer.settle()
        drawer.open()

    async def _save_and_run(self, drawer: FormDrawer) -> None:
        self._runs_now = True
        try:
            await drawer.save()
        finally:
            self._runs_now = False

    async def _save(self) -> bool:
        settings = self._fields.values()
        try:
            if not await self._past_is_meant(settings) or not await self._text_is_meant(settings):
                return False
            if self._stored is None:
                trigger_id = await self._backend.create(settings)
                link = ("Open trigger", f"/triggers/{trigger_id}")
                feedback.done(f"{settings.name} was created", self._remark(settings), link=link)
            elif not await self._update(self._stored, settings):
                return False
            else:
                trigger_id = self._stored.id
                feedback.done(f"{settings.name} was saved", self._remark(settings))
        except (DatabaseError, InvalidInputError, NotFoundError) as error:
            feedback.failed(f"{settings.name} was not saved", str(error))
            return False
        if self._runs_now:
            await self._view.act(
                lambda: self._triggers.run_now(trigger_id, own_name()),
                name=f"Run {settings.name}",
                done=f"A run of {settings.name} was requested",
            )
        await self._tell_saved(trigger_id)
        return True

    def _remark(self, settings: TriggerSettings) -> str:
        """Return that nobody can run what was saved, as far as it was known when the form was opened."""
        return unmet_words(settings.schedulers, settings.labels, self._names.live)

    async def _tell_saved(self, trigger_id: UUID) -> None:
        told = self._on_saved(trigger_id)
        if inspect.isawaitable(told):
            await told

    async def _update(self, stored: StoredTrigger, settings: TriggerSettings) -> bool:
        while not await self._backend.update(stored, settings):
            newer = await self._backend.get(stored.id)
            if newer.settings == settings:
                return True  # somebody else saved the same
            changed = ", ".join(differences(stored.settings, newer.settings)) or "its settings"
            way = await overwrite(
                f"Overwrite the changes to {stored.settings.name}?",
                [
                    f"Somebody else changed {changed} while this form was open.",
                    "Saving puts your values in their place.",
                ],
                both_values(newer.settings, settings),
                action="Overwrite",
            )
            if way == THEIRS:
                self._drawer.discard()
                await edit_trigger(self._view, newer, partial(self._on_saved, newer.id))
            if way is None or way == THEIRS:
                return False
            stored = self._stored = newer
        return True

    async def _text_is_meant(self, settings: TriggerSettings) -> bool:
        doubt = doubt_arguments(settings.arguments)
        if doubt is None or (self._stored and self._stored.settings.arguments == settings.arguments):
            return True
        return await confirm(
            "These arguments are no JSON",
            [f"{doubt}.", "They are handed to the robot as the text they are."],
            action="Save as text",
            dangerous=False,
        )

    async def _past_is_meant(self, settings: TriggerSettings) -> bool:
        if settings.next_run is None or (self._stored and self._stored.settings.next_run == settings.next_run):
            return True
        if settings.next_run > await self._backend.site_now():
            return True
        return await confirm(
            "This date is past",
            [f"{settings.next_run:%d %B %Y, %H:%M:%S} is past in the site's zone. The trigger runs at once."],
            action="Save, and run at once",
            dangerous=False,
        )


_WORDS = {
    "passing": "secret passing",
    "is_git": "git",
    "timeout_seconds": "time limit",
    "stop_soft": "time to come to an end",
    "stop_terminate": "time to terminate",
    "keep_files": "what is kept between runs",
    "timezone": "time zone",
    "missed": "missed runs",
    "retry_times": "retries",
    "retry_pause": "pause before a retry",
    "retry_growth": "growth of pauses",
    "retry_most": "longest pause",
    "retry_after": "what is retried",
    "pause_after_failures": "failed runs that stop it",
    "pools": "what it needs of pools",
    "jobs": "jobs at the same time",
    "elements_per_job": "elements per job",
}


def differences(before: TriggerSettings, after: TriggerSettings) -> list[str]:
    """Return in words which settings differ."""
    return [_words(name) for name in TriggerSettings.__slots__ if getattr(before, name) != getattr(after, name)]


def both_values(theirs: TriggerSettings, yours: TriggerSettings) -> list[Difference]:
    """Return the settings that differ with both values in words; addresses without their secrets."""
    return [
        Difference(_words(name).capitalize(), _shown(name, theirs), _shown(name, yours))
        for name in TriggerSettings.__slots__
        if getattr(theirs, name) != getattr(yours, name)
    ]


def _words(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " "))


def _shown(name: str, settings: TriggerSettings) -> str:
    value = getattr(settings, name)
    if name == "path":
        return RepositoryAddress(settings.path).shown
    if name == "timeout_seconds":
        return times.limit(value) if value else "None"
    if name in ("retry_pause", "retry_most"):
        return "None" if not value else times.limit(value)
    if name == "retry_after":
        return ", ".join(status.value for status in value) or "Nothing"
    if name in ("stop_soft", "stop_terminate"):
        return "Default" if not value and (name == "stop_soft" or value is None) else f"{value} s"
    if name == "elements_per_job":
        return "A batch" if value is None else str(value)
    if name == "missed":
        return in_words(value)
    if name == "pools":
        return pool_words(value) or "Nothing"
    if name == "schedulers":
        return ", ".join(value) or "Any"
    if name == "labels":
        return ", ".join(value) or "None"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Enum):
        return str(value.value)
    return "None" if value is None or value == "" else str(value)
