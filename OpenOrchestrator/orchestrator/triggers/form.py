"""The form of a trigger: create, edit, copy; one drawer for all three kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.who import own_name
from OpenOrchestrator.orchestrator.components.vocabulary import TYPE_ICONS
from OpenOrchestrator.orchestrator.triggers.backend.settings import (
    StoredTrigger,
    TriggerSettings,
    TriggerSettingsBackend,
)
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend
from OpenOrchestrator.orchestrator.triggers.checks import doubt_arguments
from OpenOrchestrator.orchestrator.triggers.form_fields import KnownNames, TriggerFields

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

_NEW = TriggerSettings(name="", process="", type=TriggerType.SCHEDULED, path="")


async def new_trigger(view: View, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new trigger."""
    await _open(view, _NEW, None, on_saved, title="New trigger")


async def edit_trigger(view: View, stored: StoredTrigger, on_saved: Callable[[], Any]) -> None:
    """Open the form for changing a trigger."""
    await _open(view, stored.settings, stored, on_saved, title="Edit trigger")


async def copy_trigger(view: View, stored: StoredTrigger, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new trigger that starts as a copy of another."""
    copied = replace(stored.settings, name=f"{stored.settings.name} copy"[:100])
    await _open(view, copied, None, on_saved, title="Copy trigger")


async def _open(
    view: View, settings: TriggerSettings, stored: StoredTrigger | None, on_saved: Callable[[], Any], *, title: str
) -> None:
    names = NamesBackend(view.database, view.clock)
    found = await view.load(lambda: _names(names))
    if found is not None:
        with view.container:
            form = _TriggerForm(view, settings, stored, found, on_saved)
            form.build(title, "Create" if stored is None else "Save")


async def _names(names: NamesBackend) -> KnownNames:
    return KnownNames(await names.processes(), await names.schedulers(), await names.queues())


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
        on_saved: Callable[[], Any],
    ) -> None:
        self._view = view
        self._settings = settings
        self._stored = stored
        self._names = names
        self._on_saved = on_saved
        self._backend = TriggerSettingsBackend(view.database, view.clock)
        self._triggers = TriggersBackend(view.database, view.clock)
        self._runs_now = False

    def build(self, title: str, save: str) -> None:
        """Build the drawer and open it."""
        settings = self._settings
        drawer = FormDrawer(
            title, subtitle=settings.name, icon=TYPE_ICONS[settings.type], save=save, on_save=self._save
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
                feedback.done(f"{settings.name} was created")
            elif not await self._update(self._stored, settings):
                return False
            else:
                trigger_id = self._stored.id
                feedback.done(f"{settings.name} was saved")
        except (DatabaseError, InvalidInputError, NotFoundError) as error:
            feedback.failed(f"{settings.name} was not saved", str(error))
            return False
        if self._runs_now:
            await self._view.act(
                lambda: self._triggers.run_now(trigger_id, own_name()),
                name=f"Run {settings.name}",
                done=f"A run of {settings.name} was requested",
            )
        self._on_saved()
        return True

    async def _update(self, stored: StoredTrigger, settings: TriggerSettings) -> bool:
        while not await self._backend.update(stored, settings):
            newer = await self._backend.get(stored.id)
            changed = ", ".join(differences(stored.settings, newer.settings)) or "its settings"
            if not await confirm(
                f"Overwrite the changes to {stored.settings.name}?",
                [
                    f"Somebody else changed {changed} while this form was open.",
                    "Saving puts your values in their place.",
                ],
                action="Overwrite",
            ):
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


def differences(before: TriggerSettings, after: TriggerSettings) -> list[str]:
    """Return in words which settings differ."""
    words = {
        "passing": "secret passing",
        "is_git": "git",
        "is_blocking": "blocking",
        "timeout_seconds": "time limit",
        "keep_files": "what is kept between runs",
    }
    return [
        words.get(name, name.replace("_", " "))
        for name in TriggerSettings.__slots__
        if getattr(before, name) != getattr(after, name)
    ]
