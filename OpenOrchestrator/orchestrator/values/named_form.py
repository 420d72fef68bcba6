"""What the forms of constants and credentials share: a name that stays, and the question before overwriting. No page.

Owns the drawer, the name, and the question before a change of somebody else is overwritten. Must not know what a value
is: the two forms do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.checks import required
from OpenOrchestrator.orchestrator.components.forms.confirm import THEIRS, Difference, overwrite
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.uses.parts import add_uses
from OpenOrchestrator.orchestrator.values.backend.named_values import NamedRow

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View
    from OpenOrchestrator.orchestrator.values.backend.named_values import NamedValuesBackend

R = TypeVar("R", bound=NamedRow)


class NamedForm(ABC, Generic[R]):
    """One open form.

    Args:
        view: The page.
        backend: Of the kind.
        row: What is edited; None for a new one.
        on_saved: Called when it was saved.

    Attributes:
        icon: Of the drawer.
        name_length: Characters that a name may have.
    """

    icon: str
    name_length: int

    def __init__(
        self, view: View, backend: NamedValuesBackend[R], row: R | None, *, on_saved: Callable[[], Any]
    ) -> None:
        self._view = view
        self._row = row
        self._on_saved = on_saved
        self._rows = backend

    def open(self) -> None:
        """Build the drawer and open it."""
        row, noun = self._row, self._rows.noun
        with self._view.container:
            drawer = self._drawer = FormDrawer(
                f"New {noun}" if row is None else f"Edit {noun}",
                subtitle=row.name if row is not None else "",
                icon=self.icon,
                save="Create" if row is None else "Save",
                on_save=self._save,
                address=self._view.form_address("new" if row is None else f"edit-{row.name}"),
            )
        with drawer.section(noun.capitalize()):
            hint = "Robots ask for it by this name." if row is None else "A name cannot be changed: robots ask for it."
            with field("Name", hint=hint, wide=True):
                self._name = text_input(
                    "Name", row.name if row else "", check=required("a name", self.name_length), marker="name"
                )
                self._name.set_enabled(row is None)
            fields = self._fields(row)
        first = self._name if row is None else next(iter(fields.values()))
        first.props("autofocus")
        for label, element in {"Name": self._name, **fields}.items():
            drawer.watch(label, element)
        self._build_more(drawer, row)
        if row is not None:
            add_uses(self._view, drawer, self._rows.used, row.name)
        drawer.settle()
        drawer.open()

    @abstractmethod
    def _fields(self, row: R | None) -> dict[str, Any]:
        """Build the fields below the name, and return them by their labels."""

    def _build_more(self, drawer: FormDrawer, row: R | None) -> None:
        """Build further sections; a kind overrides it if it has some."""

    @abstractmethod
    async def _create(self, name: str) -> None:
        """Save a new one."""

    @abstractmethod
    async def _update(self, row: R) -> bool:
        """Save a change; False if somebody else changed it since ``row`` was read."""

    @abstractmethod
    def _question(self, newer: R) -> list[str]:
        """Return what is said before the change of somebody else is overwritten."""

    @abstractmethod
    def _both_values(self, newer: R) -> list[Difference]:
        """Return what differs between what is stored now and what is entered; nothing of a secret.

        A secret that was entered counts as different: whether it is the same is not known.
        """

    @abstractmethod
    def _edit(self, row: R) -> None:
        """Open the form of what is stored now."""

    async def _save(self) -> bool:
        name = str(self._name.value).strip()
        try:
            if self._row is None:
                await self._create(name)
                path = f"/{self._rows.noun}s?{urlencode({'q': name})}"
                feedback.done(f"{name} was created", link=("Show it", path))
            elif not await self._overwrite(self._row):
                return False
            else:
                feedback.done(f"{name} was saved")
        except OpenOrchestratorError as error:
            feedback.failed(f"{name} was not saved", str(error))
            return False
        self._on_saved()
        return True

    async def _overwrite(self, row: R) -> bool:
        while not await self._update(row):
            newer = await self._rows.get(row.name)
            both = self._both_values(newer)
            if not both:
                return True  # somebody else saved the same
            title = f"Overwrite the change to {row.name}?"
            way = await overwrite(title, self._question(newer), both, action="Overwrite")
            if way == THEIRS:
                self._drawer.discard()
                self._edit(newer)
            if way is None or way == THEIRS:
                return False
            row = self._row = newer
        return True
