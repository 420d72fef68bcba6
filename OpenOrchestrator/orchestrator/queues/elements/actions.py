"""What is done with queue elements: one, several, or all that match, each guarded by what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm, listing
from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery, ElementRow
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementsBackend
from OpenOrchestrator.orchestrator.queues.backend.matching_elements import PRIORITIZED, SOURCES, MatchingElementsBackend
from OpenOrchestrator.orchestrator.queues.elements.bulk_progress import BulkProgress
from OpenOrchestrator.orchestrator.queues.elements.priority_dialog import ask_priority
from OpenOrchestrator.orchestrator.queues.elements.words import TARGETS, said, verb

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

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
        if action == "priority":
            return await self._prioritize(rows)
        held = await self._view.load(lambda: self._elements.held(rows))
        if held is None:
            return False
        allowed = [row for row in rows if action == "delete" or row.status in SOURCES[TARGETS[action]]]
        possible = [row for row in allowed if row.id not in held]
        if not possible:
            feedback.failed(
                f"{verb(action)}: none of the selected elements allows it now",
                "Robots work on them." if allowed else None,
            )
            return False
        counts = Counter(row.status for row in possible)
        names = listing([row.name for row in possible])
        if not await self._meant_many(action, len(possible), counts, len(allowed) - len(possible), names=names):
            return False
        if action == "delete":
            outcome = await self._view.act(lambda: self._elements.delete_all(possible), name=verb(action))
        else:
            target = TARGETS[action]
            outcome = await self._view.act(lambda: self._elements.set_status_of(possible, target), name=verb(action))
        if outcome is None:
            return False
        if outcome.done:
            feedback.done(said(action, outcome.done))
        if outcome.lost:
            feedback.changed_meanwhile(f"{verb(action)} {listing(outcome.lost)}")
        return True

    async def matching(self, action: str, query: ElementQuery) -> bool:
        """Do something with all that match, on whatever page; returns whether it was begun."""
        priority: int | None = 0
        matching = await self._view.load(lambda: self._bulk.resolve(query))
        counted = None if matching is None else await self._view.load(lambda: self._bulk.counts(matching))
        if matching is None or counted is None:
            return False
        sources = _sources(action)
        counts = Counter({status: number for status, number in counted.by_status.items() if status in sources})
        if action != "priority":
            counts[QueueStatus.IN_PROGRESS] -= counted.held
        total = sum(counts.values())
        if total <= 0:
            feedback.failed(f"{verb(action)}: none of those that match allows it now")
            return False
        if action == "priority":
            priority = await ask_priority(self._view, total, [_parts(counts)])
        elif not await self._meant_many(action, total, +counts, counted.held, names=None):
            return False
        if priority is None:
            return False
        await BulkProgress(self._view, self._bulk, matching, action, total, priority=priority).run()
        return True

    async def _prioritize(self, rows: Sequence[ElementRow]) -> bool:
        possible = [row for row in rows if row.status in PRIORITIZED]
        if not possible:
            feedback.failed(f"{verb('priority')}: none of the selected elements is New or In Progress")
            return False
        sentences = [listing([row.name for row in possible]), _parts(Counter(row.status for row in possible))]
        present = {row.priority for row in possible}
        priority = await ask_priority(
            self._view, len(possible), sentences, present=present.pop() if len(present) == 1 else 0
        )
        if priority is None:
            return False
        work, action = self._elements.set_priority_of, "priority"
        done = await self._view.act(lambda: work(possible, priority), name=verb(action))
        if done:
            feedback.done(f"{said(action, done)} {times.number(priority)}")
        return done is not None

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
        sentences = [*([names] if names else []), _parts(counts)]
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


def _sources(action: str) -> tuple[QueueStatus, ...]:
    if action == "priority":
        return PRIORITIZED
    return tuple(QueueStatus) if action == "delete" else SOURCES[TARGETS[action]]


def _parts(counts: Counter[QueueStatus]) -> str:
    parts = [f"{times.number(counts[status])} {status.value}" for status in QueueStatus if counts[status]]
    return ", ".join(parts) + "."
