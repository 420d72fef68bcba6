"""The output of a job on its page: what the browser has got so far, and the route that downloads everything.

Owns the position of each tab in the output. No page of its own.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote
from uuid import UUID

from nicegui import app, background_tasks
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.jobs.backend.details import JobDetailsBackend
from OpenOrchestrator.orchestrator.jobs.backend.jobs import as_uuid
from OpenOrchestrator.orchestrator.jobs.backend.output import JobOutputBackend
from OpenOrchestrator.orchestrator.jobs.output_viewer import OutputViewer
from OpenOrchestrator.orchestrator.live.view import View

ROUTE = "/jobs/{job_id}/output.txt"


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
        serve_downloads(view.installation)
        self.element = OutputViewer(
            zone=times.zone_name(view.zone),
            download=view.prefix + ROUTE.format(job_id=job_id),
            live=live,
            follow=follow,
            on_ready=self._show_end,
            on_earlier=self._show_earlier,
        ).mark("output")

    def reach(self, sequence: int, *, live: bool) -> None:
        """Show what there is up to a piece, soon; called at every look at the job."""
        self.element.set_live(live=live)
        if self._ready and sequence > self._last and not self._lock.locked():
            background_tasks.create(self._show_new(), name="output")

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


def serve_downloads(installation: Installation) -> None:
    """Register the route that downloads the output of a job, once; the guard lets nobody without a session reach it."""
    if any(getattr(route, "path", None) == ROUTE for route in app.routes):
        return

    async def download(request: Request) -> Response:
        job_id = as_uuid(request.path_params["job_id"])
        if job_id is None or not installation.has_database:
            return PlainTextResponse("There is no such job.", 404)
        details = JobDetailsBackend(installation.database, installation.clock)
        output = JobOutputBackend(installation.database, installation.clock)
        try:
            job = await details.find(job_id)
            if job is None:
                return PlainTextResponse("There is no such job.", 404)
            parts = output.text(job_id)
            first = await anext(parts, "")
        except DatabaseError:
            return PlainTextResponse("The database does not answer. Try again.", 503)
        name = f"{job.row.name} {job.row.claimed:%Y-%m-%d %H.%M.%S}.txt"
        return StreamingResponse(_all(first, parts), media_type="text/plain; charset=utf-8", headers=_headers(name))

    app.add_route(ROUTE, download, methods=["GET"])


async def _all(first: str, parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    yield first.encode("utf-8", "replace")
    async for part in parts:
        yield part.encode("utf-8", "replace")


def _headers(name: str) -> dict[str, str]:
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
