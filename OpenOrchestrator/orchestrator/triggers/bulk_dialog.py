"""The question what is to be changed of several triggers, and doing it, each on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError
from OpenOrchestrator.database.statuses import RobotEnvironment
from OpenOrchestrator.orchestrator.annotations.backend import wrong_tags
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.checks import whole
from OpenOrchestrator.orchestrator.components.forms.confirm import listing, question, take_away
from OpenOrchestrator.orchestrator.components.forms.fields import Doubt, choice, field, switch, text_input
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChange, BulkChangesBackend
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.checks import LARGEST_NUMBER, check_schedulers, doubt_schedulers
from OpenOrchestrator.orchestrator.triggers.environment_fields import EnvironmentChange
from OpenOrchestrator.orchestrator.triggers.missed_fields import MissedChange, in_words
from OpenOrchestrator.orchestrator.triggers.pool_fields import BulkPools, pool_words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

NO_POOLS: Mapping[str, int] = MappingProxyType({})
_check_priority = whole("the priority", -LARGEST_NUMBER, LARGEST_NUMBER)


def counted(rows: Sequence[ListedTrigger]) -> str:
    """Return the name of one trigger, or how many there are. Pure."""
    return rows[0].name if len(rows) == 1 else f"{times.number(len(rows))} triggers"


def effect(change: BulkChange) -> str:
    """Return what a change does, in a sentence; empty if it does nothing. Pure."""
    parts = []
    if change.schedulers is not None:
        parts.append(f"run on {listing(change.schedulers)}" if change.schedulers else "run on any scheduler")
    if change.priority is not None:
        parts.append(f"have the priority {change.priority}")
    if change.missed is not None:
        parts.append(f"treat missed runs of a schedule so: {in_words(change.missed).lower()}")
    if change.environment is not None:
        parts.append(f"run in {'a managed environment' if _is_managed(change) else 'the environment of their own'}")
    if change.pools is not None:
        parts.append(f"need {pool_words(change.pools) or 'no pool'}")
    if change.add_tags:
        parts.append(f"get the tag{'s' if len(change.add_tags) > 1 else ''} {listing(change.add_tags)}")
    if change.drop_tags:
        parts.append(f"lose the tag{'s' if len(change.drop_tags) > 1 else ''} {listing(change.drop_tags)}")
    return f"From now on they {listing(parts)}." if parts else ""


def _is_managed(change: BulkChange) -> bool:
    return change.environment is RobotEnvironment.MANAGED


async def ask_changes(
    view: View,
    rows: Sequence[ListedTrigger],
    *,
    schedulers: Sequence[str],
    heard_of: Sequence[str],
    tags: Sequence[str],
    own_tags: Sequence[str],
    pools: Mapping[str, int] = NO_POOLS,
) -> BulkChange | None:
    """Ask what is to be changed of some triggers, by name and count; None for nothing.

    Args:
        view: The page.
        rows: The triggers, at least one.
        schedulers: Names to choose from.
        heard_of: Those that ever reported.
        tags: To choose from.
        own_tags: Tags that some of these triggers have.
        pools: With how much there is of each.
    """
    what = counted(rows)
    names = listing([row.name for row in rows])
    with view.container, question(f"Change {what}?", [f"{names}."], role="dialog") as (dialog, body):
        with body, ui.element("div").classes("oo-bulk-form"):
            sets_where = switch("Set the schedulers", False, marker="set-schedulers")
            with field("Schedulers", hint="None chosen means any.") as where_field:
                where = choice(
                    "Schedulers",
                    list(schedulers),
                    [],
                    check=check_schedulers,
                    multiple=True,
                    new_values=True,
                    marker="bulk-schedulers",
                )
                where_doubt = Doubt("bulk-schedulers-doubt")
            sets_priority = switch("Set the priority", False, marker="set-priority")
            with field("Priority", hint="Higher runs first; 0 is normal.") as priority_field:
                priority = text_input("Priority", "0", check=_check_priority, marker="bulk-priority")
            missed = MissedChange(lambda: show(), shown=any(row.cron is not None for row in rows))  # noqa: PLW0108
            environment = EnvironmentChange(lambda: show())  # noqa: PLW0108
            needs = BulkPools(pools)
            with field("Add tags", note="optional"):
                added = choice(
                    "Add tags",
                    list(tags),
                    [],
                    check=wrong_tags,
                    multiple=True,
                    new_values=True,
                    marker="bulk-add-tags",
                )
            with field("Take tags away", note="optional") as drop_field:
                dropped = choice("Take tags away", list(own_tags), [], multiple=True, marker="bulk-drop-tags")
            drop_field.set_visibility(bool(own_tags))
            said = ui.label().classes("oo-hint oo-pre").props("role=status").mark("bulk-effect")

        def wanted() -> BulkChange | None:
            """Return what is entered; None if something about it is wrong."""
            checks = [added.validate(), missed.validate(), needs.validate()]
            if sets_where.value:
                checks.append(where.validate())
            if sets_priority.value:
                checks.append(priority.validate())
            if not all(checks):
                return None
            return BulkChange(
                schedulers=tuple(where.value or ()) if sets_where.value else None,
                priority=int(str(priority.value).strip()) if sets_priority.value else None,
                missed=missed.value(),
                environment=environment.value(),
                pools=needs.values(),
                add_tags=tuple(added.value or ()),
                drop_tags=tuple(dropped.value or ()),
            )

        def show() -> None:
            where_field.set_visibility(bool(sets_where.value))
            priority_field.set_visibility(bool(sets_priority.value))
            where_doubt.show(doubt_schedulers(where.value, heard_of))
            change = wanted()
            said.set_text(effect(change) if change is not None else "")
            button.set_enabled(bool(change))

        def accept() -> None:
            change = wanted()
            if change:
                dialog.submit(change)

        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel")
            button = primary(f"Change {what}", accept, marker="confirm-change")
        for each in (sets_where, where, sets_priority, priority, *needs.elements, added, dropped):
            each.on_value_change(show)
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
