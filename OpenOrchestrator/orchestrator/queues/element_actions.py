"""What is done with queue elements: one, several, or all that match, each guarded by what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm, listing
from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery, ElementRow
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementsBackend
from OpenOrchestrator.orchestrator.queues.backend.matching_elements import (
    SOURCES,
    Matching,
    MatchingElementsBackend,
    Step,
)

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

TARGETS = {"new": QueueStatus.NEW, "abandon": QueueStatus.ABANDONED}
_TWICE = "If it goes on, the element may be worked on twice."


def reasons(row: ElementRow) -> dict[str, str]:
    """Return why each action cannot be done with an element now; an empty text where it can."""
    found = {"edit": "", "delete": ""}
    for name, target in TARGETS.items():
        found[name] = "" if row.status in SOURCES[target] else f"It is {row.status.value}"
    return found


class ElementActions:
    """Actions of one page.

    Args:
        view: The page.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._elements = ElementsBackend(view.database, view.clock)
        self._bulk = MatchingElementsBackend(view.database, view.clock)

    async def one(self, action: str, row: ElementRow) -> bool:
        """Do something with one element: ``new``, ``abandon`` or ``delete``; returns whether it happened."""
        if not await self._meant(action, row):
            return False
        name = row.name
        if action == "delete":
            work, tried, done = self._elements.delete, f"Delete {name}", f"{name} was deleted"
            return bool(await self._view.act(lambda: work(row), name=tried, done=done))
        target = TARGETS[action]
        return bool(
            await self._view.act(
                lambda: self._elements.set_status(row, target),
                name=f"Set {name} to {target.value}",
                done=f"{name} is {target.value}",
            )
        )

    async def many(self, action: str, rows: Sequence[ElementRow]) -> bool:
        """Do something with several elements, each on its own; returns whether it was begun."""
        held = await self._view.load(lambda: self._elements.held(rows))
        if held is None:
            return False
        allowed = [row for row in rows if action == "delete" or row.status in SOURCES[TARGETS[action]]]
        possible = [row for row in allowed if row.id not in held]
        if not possible:
            feedback.failed(
                f"{_verb(action)}: none of the selected elements allows it now",
                "Robots work on them." if allowed else None,
            )
            return False
        counts = Counter(row.status for row in possible)
        names = listing([row.name for row in possible])
        if not await self._meant_many(action, len(possible), counts, len(allowed) - len(possible), names=names):
            return False
        if action == "delete":
            outcome = await self._view.act(lambda: self._elements.delete_all(possible), name=_verb(action))
        else:
            target = TARGETS[action]
            outcome = await self._view.act(lambda: self._elements.set_status_of(possible, target), name=_verb(action))
        if outcome is None:
            return False
        if outcome.done:
            feedback.done(_said(action, outcome.done))
        if outcome.lost:
            feedback.changed_meanwhile(f"{_verb(action)} {listing(outcome.lost)}")
        return True

    async def matching(self, action: str, query: ElementQuery) -> bool:
        """Do something with all that match, on whatever page; returns whether it was begun."""
        matching = await self._view.load(lambda: self._bulk.resolve(query))
        counted = None if matching is None else await self._view.load(lambda: self._bulk.counts(matching))
        if matching is None or counted is None:
            return False
        sources = tuple(QueueStatus) if action == "delete" else SOURCES[TARGETS[action]]
        counts = Counter({status: number for status, number in counted.by_status.items() if status in sources})
        counts[QueueStatus.IN_PROGRESS] -= counted.held
        total = sum(counts.values())
        if total <= 0:
            feedback.failed(f"{_verb(action)}: none of those that match allows it now")
            return False
        if not await self._meant_many(action, total, +counts, counted.held, names=None):
            return False
        await _Progress(self._view, self._bulk, matching, action, total).run()
        return True

    async def _meant(self, action: str, row: ElementRow) -> bool:
        worked_on = ""
        if row.status is QueueStatus.IN_PROGRESS:
            job = await self._view.load(lambda: self._elements.holder(row))
            worked_on = (
                f"Job {job.trigger or job.process} works on it on {job.scheduler}."
                if job is not None
                else "A robot may be working on it: it is In Progress, but no active job is known to hold it."
            )
        if action == "delete":
            sentences = [f"{row.name} leaves queue {row.queue} for good."]
            return await confirm(
                f"Delete {row.name}?", [*sentences, *([worked_on] if worked_on else [])], action=f"Delete {row.name}"
            )
        target = TARGETS[action].value
        if worked_on:
            return await confirm(f"Set {row.name} to {target}?", [worked_on, _TWICE], action=f"Set to {target}")
        if row.status is QueueStatus.DONE:
            return await confirm(
                f"Set {row.name} to {target}?",
                ["It was done once already. A robot will do it again."],
                action=f"Set to {target}",
                dangerous=False,
            )
        return True

    async def _meant_many(
        self, action: str, total: int, counts: Counter[QueueStatus], held: int, *, names: str | None
    ) -> bool:
        count = f"{times.number(total)} element{'s' if total != 1 else ''}"
        parts = [f"{times.number(counts[status])} {status.value}" for status in QueueStatus if counts[status]]
        sentences = [names] if names else []
        sentences.append(", ".join(parts) + ".")
        if action == "delete":
            sentences.append("They leave the queue for good.")
        elif action == "new":
            sentences.append("Robots take them again, the oldest first.")
        if counts.get(QueueStatus.IN_PROGRESS):
            sentences.append("Those In Progress have no active job that is known, but a robot may still work on them.")
        if held:
            sentences.append(f"{times.number(held)} more that robots work on now are left alone.")
        titles = {
            "delete": (f"Delete {count}?", f"Delete {count}"),
            "new": (f"Set {count} to New?", f"Set {count} to New"),
            "abandon": (f"Abandon {count}?", f"Abandon {count}"),
        }
        title, button = titles[action]
        return await confirm(title, sentences, action=button, dangerous=action == "delete")


class _Progress:
    """A bulk action on its way: how far it is, and a way to stop it."""

    def __init__(
        self, view: View, backend: MatchingElementsBackend, matching: Matching, action: str, total: int
    ) -> None:
        self._view = view
        self._backend = backend
        self._matching = matching
        self._action = action
        self._total = total
        self._stopped = False

    async def run(self) -> None:
        """Do it step by step, and say how it went."""
        with self._view.container, ui.dialog().props("persistent") as dialog:
            dialog.props["aria-label"] = _verb(self._action)
            with ui.card().classes("oo-dialog").props("flat"):
                with ui.element("div").classes("oo-dialog-b"):
                    with ui.element("h2"):
                        ui.label(f"{_verb(self._action)}…")
                    self._text = ui.label().classes("oo-t2").mark("progress")
                    with ui.element("div").classes("oo-progress"):
                        self._bar = ui.element("div").style("width: 0%")
                with ui.element("div").classes("oo-dialog-f"):
                    ghost("Stop", self._stop, marker="stop")
        done = 0
        try:
            done = await self._steps(dialog)
        finally:
            dialog.close()
            dialog.delete()
            self._view.refresh()
        with self._view.container:
            if self._stopped:
                feedback.done(f"Stopped: {_said(self._action, done)}", "What was done stays done.")
            else:
                feedback.done(_said(self._action, done))
            if done < self._total and not self._stopped:
                left = times.number(self._total - done)
                feedback.changed_meanwhile(f"{left} of {times.number(self._total)} elements", "They were left alone.")

    async def _steps(self, dialog: ui.dialog) -> int:
        done = 0
        after: tuple[datetime, UUID] | None = None
        shown = False
        while not self._stopped:
            try:
                step = await self._next(after)
            except DatabaseError as error:
                self._stopped = True
                with self._view.container:
                    feedback.failed(f"{_verb(self._action)}: the database does not answer", str(error))
                break
            done += step.changed
            after = step.last
            if after is None:
                break
            self._text.set_text(f"{times.number(done)} of {times.number(self._total)}")
            self._bar.style(f"width: {min(100, 100 * done // max(self._total, 1))}%")
            if not shown and done < self._total:
                dialog.open()
                shown = True
        return done

    async def _next(self, after: tuple[datetime, UUID] | None) -> Step:
        if self._action == "delete":
            return await self._backend.delete_next(self._matching, after)
        return await self._backend.set_status_next(self._matching, TARGETS[self._action], after)

    def _stop(self) -> None:
        self._stopped = True


def _verb(action: str) -> str:
    return {"delete": "Delete", "new": "Set to New", "abandon": "Abandon"}[action]


def _said(action: str, count: int) -> str:
    what = f"{times.number(count)} element{'s' if count != 1 else ''}"
    were = "was" if count == 1 else "were"
    return {
        "delete": f"{what} {were} deleted",
        "new": f"{what} {were} set to New",
        "abandon": f"{what} {were} abandoned",
    }[action]
