"""The form of a queue element: create and edit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, required
from OpenOrchestrator.orchestrator.components.forms.confirm import THEIRS, Difference, confirm, overwrite
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, offer, text_area, text_input
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementRow
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementsBackend, ElementValues

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

MOST_CHARACTERS = 100_000
"""Longer data is not edited in a form: it would travel to the browser and back as a whole."""

_COMPARED = 2000
"""Characters of a value that are shown beside another one."""

_WORDS = {"created_by": "who created it"}


async def new_element(view: View, queue: str | None, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new element, of a given queue or of one that is chosen in the form."""
    names = None if queue is not None else await view.load(NamesBackend(view.database, view.clock).queues)
    if queue is None and names is None:
        return
    with view.container:
        _ElementForm(view, ElementValues(queue=queue or ""), None, on_saved).build(names)


def edit_element(view: View, row: ElementRow, on_saved: Callable[[], Any]) -> None:
    """Open the form for changing an element."""
    with view.container:
        _ElementForm(view, values_of(row), row, on_saved).build(None)


def values_of(row: ElementRow) -> ElementValues:
    """Return what a person can write into an element, as it is."""
    return ElementValues(
        queue=row.queue,
        reference=row.reference or "",
        data=row.data or "",
        message=row.message or "",
        created_by=row.created_by or "",
        status=row.status,
    )


class _ElementForm:
    """One open form.

    Args:
        stored: What is edited; None for a new element.
    """

    def __init__(
        self, view: View, values: ElementValues, stored: ElementRow | None, on_saved: Callable[[], Any]
    ) -> None:
        self._view = view
        self._values_at_first = values
        self._stored = stored
        self._on_saved = on_saved
        self._backend = ElementsBackend(view.database, view.clock)

    def build(self, queues: tuple[str, ...] | None) -> None:
        """Build the drawer and open it; with a field for the queue where names to choose from are given."""
        values, stored = self._values_at_first, self._stored
        drawer = self._drawer = FormDrawer(
            "New element" if stored is None else "Edit element",
            subtitle=values.queue if stored is None else stored.name,
            icon="sym_r_inbox",
            save="Create" if stored is None else "Save",
            on_save=self._save,
            address=self._view.form_address("new" if stored is None else f"edit-{stored.id}"),
        )
        self._queue: ui.input | None = None
        with drawer.section("Element"):
            if queues is not None:
                with field("Queue", hint="A new name makes a new queue.", wide=True):
                    self._queue = text_input(
                        "Queue", "", check=required("the name of a queue", 100), marker="queue"
                    ).props("autofocus")
                    offer(self._queue, queues, "queues")
                    drawer.watch("Queue", self._queue)
            with field("Reference", note="optional"):
                self._reference = text_input("Reference", values.reference, check=at_most(100), marker="reference")
                if queues is None:
                    self._reference.props("autofocus")
            self._status: ui.select | None = None
            if stored is not None:
                with field("Status"):
                    options = {status: status.value for status in QueueStatus}
                    self._status = choice("Status", options, values.status, marker="status")
                    self._status.on_value_change(drawer.touched)
                    drawer.keep("Status", self._status)
            with field("Created by", note="optional"):
                self._by = text_input("Created by", values.created_by, check=at_most(100), marker="created-by")
        self._is_long = len(values.data) > MOST_CHARACTERS
        shown = values.data[:200] + "…" if self._is_long else values.data
        with drawer.section("Data"):
            with field("Data", note="JSON or any text, optional", wide=True) as data_field:
                self._data = text_area(
                    "Data", shown, check=at_most(MOST_CHARACTERS, spaces=True), mono=True, marker="data"
                )
                self._data.set_enabled(not self._is_long)
                with data_field:
                    self._hint = ui.label().classes("oo-hint").mark("data-hint")
                self._data.on_value_change(self._show_hint)
            if stored is not None:
                with field("Message", note="optional", wide=True):
                    self._message = text_area(
                        "Message", values.message, check=at_most(1000, spaces=True), marker="message"
                    )
                    drawer.watch("Message", self._message)
        for name, each in (("Reference", self._reference), ("Created by", self._by), ("Data", self._data)):
            drawer.watch(name, each)
        self._show_hint()
        drawer.settle()
        drawer.open()

    def _show_hint(self) -> None:
        if self._is_long:
            words = f"{len(self._values_at_first.data)} characters: too many to be changed here. They stay as they are."
            self._hint.set_text(words)
            return
        text = str(self._data.value or "")
        words = f"{len(text)} characters"
        if len(text) > 2000:
            words += ", of which robots with a library before 4.0 see the beginning only"
        if text.strip()[:1] in ("{", "["):
            try:
                json.loads(text)
                words += ", valid JSON"
            except ValueError as error:
                words += f". Looks like JSON, but is not: {error}"
            except RecursionError:
                words += ". Too deep to be shown as JSON"
        self._hint.set_text(words)

    def _values(self) -> ElementValues:
        return ElementValues(
            queue=str(self._queue.value or "").strip() if self._queue is not None else self._values_at_first.queue,
            reference=str(self._reference.value or "").strip(),
            data=self._values_at_first.data if self._is_long else str(self._data.value or ""),
            message=str(self._message.value or "") if self._stored is not None else "",
            created_by=str(self._by.value or "").strip(),
            status=self._status.value if self._status is not None else QueueStatus.NEW,
        )

    async def _save(self) -> bool:
        values = self._values()
        name = values.reference or (self._stored.name if self._stored is not None else "The element")
        try:
            if self._stored is None:
                element_id = await self._backend.create(values)
                link = ("Open element", f"{path_of(values.queue)}/{element_id}")
                feedback.done(f"{name} was added to {values.queue}", link=link)
            elif not await self._update(self._stored, values):
                return False
            else:
                feedback.done(f"{name} was saved")
        except (DatabaseError, InvalidInputError, NotFoundError) as error:
            feedback.failed(f"{name} was not saved", str(error))
            return False
        self._on_saved()
        return True

    async def _update(self, stored: ElementRow, values: ElementValues) -> bool:
        if stored.status is QueueStatus.IN_PROGRESS and values.status is not stored.status:
            holder = await self._backend.holder(stored)
            if holder is not None and not await confirm(
                f"Set {stored.name} to {values.status.value}?",
                [
                    f"Job {holder.trigger or holder.process} works on it on {holder.scheduler}.",
                    "What it does afterwards with the element is refused, or comes on top of your change.",
                ],
                action="Save",
            ):
                return False
        while not await self._backend.update(stored, values):
            newer = await self._backend.get(stored.id)
            if not differences(values_of(newer), values):
                return True  # somebody else saved the same
            mine = differences(values_of(stored), values)
            changed = differences(values_of(stored), values_of(newer)) or ["who holds it"]
            way = await overwrite(
                f"Save over the changes to {stored.name}?",
                [
                    f"While this form was open, somebody else changed {_listed(changed)}.",
                    f"It is {newer.status.value} now.",
                    f"Saving changes {_listed(mine) if mine else 'nothing'}, and leaves the rest as it is now.",
                ],
                both_values(values_of(newer), values),
                action="Save over it",
            )
            if way == THEIRS:
                self._drawer.discard()
                edit_element(self._view, newer, self._on_saved)
            if way is None or way == THEIRS:
                return False
            values = replace(values_of(newer), **{each: getattr(values, each) for each in mine})
            stored = newer
        return True


def differences(before: ElementValues, after: ElementValues) -> list[str]:
    """Return the names of the values that differ."""
    names = ("reference", "status", "data", "message", "created_by")
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def both_values(theirs: ElementValues, yours: ElementValues) -> list[Difference]:
    """Return the values that differ, both in words."""
    return [
        Difference(_listed([name]).capitalize(), _shown(getattr(theirs, name)), _shown(getattr(yours, name)))
        for name in differences(theirs, yours)
    ]


def _shown(value: QueueStatus | str) -> str:
    if isinstance(value, QueueStatus):
        return value.value
    return (value if len(value) <= _COMPARED else f"{value[:_COMPARED]}…") or "None"


def _listed(names: list[str]) -> str:
    return ", ".join(_WORDS.get(name, name) for name in names)
