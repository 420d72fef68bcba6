"""The form of an annotation: notes, owner and tags of one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.orchestrator.annotations.backend import (
    NOTES_LENGTH,
    OWNER_NAME_LENGTH,
    RUNBOOK_LENGTH,
    Annotated,
    AnnotatedKind,
    AnnotationsBackend,
    Owner,
    StoredAnnotation,
    wrong_mail,
    wrong_runbook,
    wrong_tags,
)
from OpenOrchestrator.orchestrator.annotations.owner_words import differences
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.checks import at_most
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.forms.drawer import FormAddress, FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, text_area, text_input

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

SHOWN_LENGTH = 200
"""Characters of a value of somebody else in the question before it is overwritten."""


async def annotate(view: View, kind: AnnotatedKind, subject: str, name: str, on_saved: Callable[[], Any]) -> None:
    """Open the form for what is noted about one thing.

    While it is open the address of the page asks for ``notes`` of the subject; the page opens it again then.

    Args:
        view: The page.
        kind: Of the thing.
        subject: Id of the trigger as text, or the name.
        name: What people call it.
        on_saved: Called when it was saved.
    """
    backend = AnnotationsBackend(view.database, view.clock)
    stored = await view.load(lambda: backend.get(kind, subject))
    tags = await view.load(lambda: backend.tags(kind))
    if stored is not None and tags is not None:
        with view.container:
            form = _AnnotationForm(backend, kind, subject, stored, name=name, on_saved=on_saved)
            form.build(tags, view.form_address(f"notes-{subject}"))


class _AnnotationForm:
    """One open form."""

    def __init__(
        self,
        backend: AnnotationsBackend,
        kind: AnnotatedKind,
        subject: str,
        stored: StoredAnnotation,
        *,
        name: str,
        on_saved: Callable[[], Any],
    ) -> None:
        self._backend = backend
        self._kind = kind
        self._subject = subject
        self._name = name
        self._stored = stored
        self._on_saved = on_saved

    def build(self, tags: tuple[str, ...], address: FormAddress) -> None:
        """Build the drawer and open it.

        Args:
            tags: To choose from.
            address: Where it stands in that of the page, which opens it again.
        """
        values, kind = self._stored.values, self._kind.value
        drawer = FormDrawer(
            "Notes, owner and tags",
            subtitle=self._name,
            icon="sym_r_sell",
            save="Save",
            on_save=self._save,
            address=address,
        )
        with drawer.section("Owner"):
            with field("Name", hint="A person or a team: who is called when it fails."):
                self._owner = text_input(
                    "Name of the owner", values.owner.name, check=at_most(OWNER_NAME_LENGTH), marker="owner-name"
                )
            with field("Mail", note="optional"):
                self._mail = text_input("Mail of the owner", values.owner.mail, check=wrong_mail, marker="owner-mail")
            with field("Runbook", hint="Where it says what to do. An address (https) can be clicked.", wide=True):
                self._runbook = text_input(
                    "Runbook", values.owner.runbook, check=_runbook_problem, marker="owner-runbook"
                )
        with (
            drawer.section("Tags"),
            field("Tags", hint=f"Short words. The list of {kind}s can be filtered by them.", wide=True),
        ):
            self._tags = choice(
                "Tags",
                list(dict.fromkeys((*tags, *values.tags))),
                list(values.tags),
                check=wrong_tags,
                multiple=True,
                new_values=True,
                marker="tags",
            )
        with drawer.section("Notes"), field("Notes", note="optional", wide=True):
            self._notes = text_area("Notes", values.notes, check=at_most(NOTES_LENGTH, spaces=True), marker="notes")
        self._owner.props("autofocus")
        for label, element in {
            "Name": self._owner,
            "Mail": self._mail,
            "Runbook": self._runbook,
            "Tags": self._tags,
            "Notes": self._notes,
        }.items():
            drawer.watch(label, element)
        drawer.settle()
        drawer.open()

    def _values(self) -> Annotated:
        return Annotated(
            str(self._notes.value or ""),
            Owner(str(self._owner.value or ""), str(self._mail.value or ""), str(self._runbook.value or "")),
            tuple(self._tags.value or ()),
        )

    async def _save(self) -> bool:
        try:
            while not await self._backend.save(self._kind, self._subject, self._values(), self._stored):
                newer = await self._backend.get(self._kind, self._subject)
                if newer.values == self._values():
                    break  # somebody else saved the same
                if not await confirm(
                    f"Overwrite the changes to {self._name}?",
                    _question(self._stored.values, newer.values),
                    action="Overwrite",
                ):
                    return False
                self._stored = newer
        except OpenOrchestratorError as error:
            feedback.failed(f"The notes on {self._name} were not saved", str(error))
            return False
        feedback.done(f"The notes on {self._name} were saved")
        self._on_saved()
        return True


def _runbook_problem(value: Any) -> str | None:
    return wrong_runbook(value) or at_most(RUNBOOK_LENGTH)(value)


def _question(before: Annotated, newer: Annotated) -> list[str]:
    theirs = [f"{label}: {_short(value)}" for label, value in differences(_pairs(before), _pairs(newer))]
    return [
        "Somebody else changed it while this form was open. It is now:",
        *theirs,
        "Saving puts your values in their place.",
    ]


def _pairs(values: Annotated) -> list[tuple[str, str]]:
    return [
        ("Name", values.owner.name),
        ("Mail", values.owner.mail),
        ("Runbook", values.owner.runbook),
        ("Tags", ", ".join(values.tags)),
        ("Notes", values.notes),
    ]


def _short(value: str) -> str:
    return (value if len(value) <= SHOWN_LENGTH else f"{value[:SHOWN_LENGTH]}…") or "(empty)"
