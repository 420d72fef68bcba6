"""Finding a case: a reference, an id or a word in all queues, jobs and logs, in groups, each with how far it looked.

Owns what a search is made of and what is said about it. Must not know how it is shown.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

from OpenOrchestrator.orchestrator.backend.periods import ALL
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS, JOB_LOOKS, LOG_LOOKS
from OpenOrchestrator.orchestrator.jobs.backend.find_jobs import FindJobsBackend, FoundJob, FoundJobsWith
from OpenOrchestrator.orchestrator.logs.backend.logs import FoundLogs, LogQuery, LogRow, LogsBackend
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.queues.backend.find_elements import (
    SEARCHED_ELEMENTS,
    FindElementsBackend,
    FoundElement,
    FoundWord,
)

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.backend.installation import Installation

MOST_LOGS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Something to go to.

    Attributes:
        quieter: What stands beside its words.
        path: Where it is.
    """

    icon: str
    words: str
    quieter: str
    path: str


@dataclass(frozen=True, slots=True)
class Group:
    """Places of one kind.

    Attributes:
        note: How far was looked; empty where nothing was left out.
    """

    title: str
    places: tuple[Place, ...]
    note: str = ""


class CaseSearch:
    """Searches over all queues, jobs and logs of the database that is connected.

    Args:
        installation: What it works on.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        database, clock = installation.database, installation.clock
        self._elements = FindElementsBackend(database, clock)
        self._jobs = FindJobsBackend(database, clock)
        self._logs = LogsBackend(database, clock)

    async def at_once(self, text: str) -> list[Group]:
        """Return what has exactly this reference, or this id: all by an index.

        Raises:
            DatabaseError: If the database does not answer.
        """
        found = await self._elements.by_reference(text)
        groups = []
        if found.rows:
            places = tuple(self._element(row) for row in found.rows)
            groups.append(Group("Elements with this reference", places, "There are more." if found.more else ""))
        wanted = _uuid(text)
        if wanted is not None:
            element, job = await asyncio.gather(self._elements.by_id(wanted), self._jobs.by_id(wanted))
            places = (*([self._element(element)] if element else ()), *([self._job(job)] if job else ()))
            if places:
                groups.append(Group("With this id", tuple(places)))
        return groups

    async def everywhere(self, text: str) -> list[Group]:
        """Return what holds a word: elements, jobs and messages. A group is there even where nothing was found.

        What is found at once comes first, and only there: it may be older than all that is searched for a word.

        Raises:
            DatabaseError: If the database does not answer.
        """
        query = LogQuery(text=text, size=MOST_LOGS)
        first, elements, jobs, logs = await asyncio.gather(
            self.at_once(text), self._elements.holding(text), self._jobs.holding(text), self._logs.page(query)
        )
        there = {place.path for group in first for place in group.places}
        others = tuple(place for row in elements.rows if (place := self._element(row)).path not in there)
        return [
            *first,
            Group("Elements", others, elements_note(elements)),
            Group("Jobs", tuple(self._job(row) for row in jobs.rows), self._jobs_note(jobs)),
            Group("Logs", (*(self._log(row, text) for row in logs.rows), _all_logs(text)), self._logs_note(logs)),
        ]

    def _element(self, row: FoundElement) -> Place:
        quieter = f"{row.queue} · {ELEMENT_LOOKS[row.status].word} · {self._past(row.created)}"
        return Place("sym_r_inbox", row.name, quieter, f"{path_of(row.queue)}/{row.id}")

    def _job(self, row: FoundJob) -> Place:
        reason = (row.reason or "").strip().partition("\n")[0]
        parts = [JOB_LOOKS[row.status].word, self._past(row.started), row.title, reason]
        return Place("sym_r_play_circle", row.name, " · ".join(part for part in parts if part), f"/jobs/{row.id}")

    def _log(self, row: LogRow, text: str) -> Place:
        query = {"q": text, "from": ALL, **({"job": str(row.job_id)} if row.job_id else {"process": row.process})}
        quieter = f"{row.process} · {LOG_LOOKS[row.level].word} · {self._past(row.time)}"
        return Place("sym_r_notes", row.first or "(empty message)", quieter, f"/logs?{urlencode(query)}")

    def _past(self, site_time: datetime) -> str:
        zone = self._installation.zone
        return times.past(times.from_site(site_time, zone), self._installation.now(), zone)

    def _back_to(self, site_time: datetime) -> str:
        zone = self._installation.zone
        return f"Searched back to {times.full(times.from_site(site_time, zone), zone)}."

    def _jobs_note(self, found: FoundJobsWith) -> str:
        if found.searched_to is not None:
            return self._back_to(found.searched_to)
        return "There are more." if found.more else "All jobs were searched."

    def _logs_note(self, found: FoundLogs) -> str:
        if found.searched_to is not None:
            return self._back_to(found.searched_to)
        return "There are more." if found.older is not None else "The last 7 days were searched."


def elements_note(found: FoundWord) -> str:
    """Return how far elements were searched."""
    if not found.queues:
        return "There are no queues."
    more = "There are more. " if found.more else ""
    if found.complete:
        return more or "All elements were searched."
    newest = f"the newest {times.number(SEARCHED_ELEMENTS)} elements"
    if found.searched < found.queues:
        some = f"{times.number(found.searched)} of {times.number(found.queues)} queues"
        return f"{more}Searched {newest} of each of {some}: the rest would take too long. Open a queue to search it."
    return f"{more}Searched {newest} of each queue. Open a queue to search all of it."


def _all_logs(text: str) -> Place:
    return Place("sym_r_manage_search", "Search on in Logs", "", f"/logs?{urlencode({'q': text})}")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
