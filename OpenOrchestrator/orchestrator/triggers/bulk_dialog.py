"""The question what is to be changed of several triggers, and doing it, each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError
from OpenOrchestrator.database.statuses import RobotEnvironment
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.confirm import listing, question, take_away
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChange, BulkChangesBackend
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.bulk_fields import BulkChoices, BulkFields
from OpenOrchestrator.orchestrator.triggers.limit_fields import limit_words
from OpenOrchestrator.orchestrator.triggers.missed_fields import in_words
from OpenOrchestrator.orchestrator.triggers.place_words import DESKTOP_NEEDS
from OpenOrchestrator.orchestrator.triggers.pool_fields import pool_words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View


def counted(rows: Sequence[ListedTrigger]) -> str:
    """Return the name of one trigger, or how many there are. Pure."""
    return rows[0].name if len(rows) == 1 else f"{times.number(len(rows))} triggers"


def effect(change: BulkChange) -> str:
    """Return what a change does, in a sentence; empty if it does nothing. Pure."""
    parts = []
    if change.schedulers is not None:
        parts.append(f"run on {listing(change.schedulers)}" if change.schedulers else "run on any scheduler")
    if change.labels is not None:
        many = "s" if len(change.labels) > 1 else ""
        parts.append(f"require the label{many} {listing(change.labels)}" if change.labels else "require no labels")
    if change.desktop is not None:
        parts.append(f"need {DESKTOP_NEEDS[change.desktop]}")
    if change.priority is not None:
        parts.append(f"have the priority {change.priority}")
    if change.limit is not None:
        parts.append(limit_words(change.limit))
    if change.missed is not None:
        parts.append(f"treat missed runs of a schedule so: {in_words(change.missed).lower()}")
    if change.environment is not None:
        parts.append(f"run in {'a managed environment' if _is_managed(change) else 'the environment of their own'}")
    if change.jobs is not None:
        jobs = "one job at a time" if change.jobs == 1 else f"up to {change.jobs} jobs at the same time"
        parts.append(f"have {jobs}, single ones aside")
    if change.pools is not None:
        parts.append(f"need {pool_words(change.pools) or 'no pool'}")
    if change.add_tags:
        parts.append(f"get the tag{'s' if len(change.add_tags) > 1 else ''} {listing(change.add_tags)}")
    if change.drop_tags:
        parts.append(f"lose the tag{'s' if len(change.drop_tags) > 1 else ''} {listing(change.drop_tags)}")
    return f"From now on they {listing(parts)}." if parts else ""


def _is_managed(change: BulkChange) -> bool:
    return change.environment is RobotEnvironment.MANAGED


async def ask_changes(view: View, rows: Sequence[ListedTrigger], choices: BulkChoices) -> BulkChange | None:
    """Ask what is to be changed of some triggers, by name and count; None for nothing.

    Args:
        view: The page.
        rows: The triggers, at least one.
        choices: What may be chosen.
    """
    what = counted(rows)
    names = listing([row.name for row in rows])
    with view.container, question(f"Change {what}?", [f"{names}."], role="dialog") as (dialog, body):

        def show() -> None:
            change = fields.values()
            said.set_text(effect(change) if change is not None else "")
            button.set_enabled(bool(change))

        def accept() -> None:
            change = fields.values()
            if change:
                dialog.submit(change)

        with body, ui.element("div").classes("oo-bulk-form"):
            fields = BulkFields(choices, show)
            said = ui.label().classes("oo-hint oo-pre").props("role=status").mark("bulk-effect")
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel")
            button = primary(f"Change {what}", accept, marker="confirm-change")
        show()
    try:
        change: BulkChange | None = await dialog
        return change
    finally:
        take_away(dialog)


async def change_many(
    view: View, backend: BulkChangesBackend, rows: Sequence[ListedTrigger], change: BulkChange
) -> None:
    """Change several triggers, each on its own, and say for how many it was done and which ones were left out."""
    gone: list[str] = []
    refused: dict[str, list[str]] = {}
    count = 0
    with view.container:
        try:
            for row in rows:
                try:
                    if await backend.change(row.id, change):
                        count += 1
                    else:
                        gone.append(row.name)
                except InvalidInputError as error:
                    refused.setdefault(str(error), []).append(row.name)
        except DatabaseError as error:
            title = f"Change: the database does not answer; {count} of {len(rows)} triggers were changed"
            feedback.failed(title, str(error))
            return
        finally:
            view.refresh()
        if count:
            were = f"{rows[0].name} was" if len(rows) == 1 else f"{count} trigger{'s were' if count > 1 else ' was'}"
            feedback.done(f"{were} changed", effect(change))
        if gone:
            feedback.changed_meanwhile(
                f"Change {listing(gone)}", "Somebody deleted what is named here, so nothing was changed there."
            )
        for reason, names in refused.items():
            feedback.failed(f"Could not change {listing(names)}", reason)
