"""The output of a job on its page: what the browser has got so far, and the download of everything.

Owns the position of each tab in the output. No page of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from nicegui import background_tasks

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import download
from OpenOrchestrator.orchestrator.jobs.backend.details import JobDetailsBackend
from OpenOrchestrator.orchestrator.jobs.backend.output import JobOutputBackend
from OpenOrchestrator.orchestrator.jobs.output_viewer import OutputViewer
from OpenOrchestrator.orchestrator.live.view import View

MEDIA_TYPE = "text/plain; charset=utf-8"


class OutputPanel:
    """The output of one job in one tab.

    Args:
        view: The page.
        job_id: The job.
        live: Whether more may come.
        follow: Whether the end stays in sight from the start.
    """

    def __init__(self, view: View, job_id: UUID, *, live: bool, follow: bool) -> None:
        self._view = view
        self._job_id = job_id
        self._backend = JobOutputBackend(view.database, view.clock)
        self._lock = asyncio.Lock()
        self._first = 0
        self._last = 0
        self._ready = False
        self.element = OutputViewer(
            zone=times.zone_name(view.zone),
            live=live,
            follow=follow,
            on_ready=self._show_end,
            on_earlier=self._show_earlier,
            on_download=self._download,
        ).mark("output")

    def reach(self, sequence: int, *, live: bool) -> None:
        """Show what there is up to a piece, soon; called at every look at the job."""
        self.element.set_live(live=live)
        if self._ready and sequence > self._last and not self._lock.locked():
            background_tasks.create(self._show_new(), name="output")

    async def _download(self) -> None:
        details = JobDetailsBackend(self._view.database, self._view.clock)
        job = await self._view.load(lambda: details.find(self._job_id))
        if job is None or self.element.is_deleted:
            return
        name = f"{job.row.name} {job.row.claimed:%Y-%m-%d %H.%M.%S}.txt"
        with self.element:
            download.offer(name, MEDIA_TYPE, lambda: _all(self._backend.text(self._job_id)))

    async def _show_end(self) -> None:
        async with self._lock:
            end = await self._view.load(lambda: self._backend.end(self._job_id))
            if end is None or self.element.is_deleted:
                return
            self._first = end.pieces[0].sequence if end.pieces else 0
            self._last = end.pieces[-1].sequence if end.pieces else 0
            self._ready = True
            self.element.show_end(end)

    async def _show_new(self) -> None:
        async with self._lock:
            while not self.element.is_deleted:
                pieces = await self._view.load(lambda: self._backend.after(self._job_id, self._last))
                if not pieces or self.element.is_deleted:
                    return
                self._first = self._first or pieces[0].sequence
                self._last = pieces[-1].sequence
                self.element.add(pieces)

    async def _show_earlier(self) -> None:
        async with self._lock:
            stretch = await self._view.load(lambda: self._backend.before(self._job_id, self._first))
            if stretch is None or self.element.is_deleted:
                return
            if stretch.pieces:
                self._first = stretch.pieces[0].sequence
            self.element.add_earlier(stretch)


async def _all(parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield part.encode("utf-8", "replace")
