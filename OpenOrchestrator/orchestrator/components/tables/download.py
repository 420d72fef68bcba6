"""Files that are made while they are downloaded.

Owns the address of each: it cannot be guessed, works once and soon, only for who is signed in, and only the tab that
asked for it is told. Must not know what a file holds.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from urllib.parse import quote

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from OpenOrchestrator.orchestrator.backend.csv_format import MEDIA_TYPE
from OpenOrchestrator.orchestrator.components import feedback

SECONDS = 60.0
"""How long the address of a download works."""


def offer(
    name: str,
    media_type: str,
    content: Callable[[], Iterator[bytes] | AsyncIterator[bytes]],
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> str:
    """Let the browser of this tab download a file, and return its path.

    Args:
        name: Of the file.
        media_type: What it is.
        content: Makes it bit by bit, when the browser asks for it; runs in threads if it is no asynchronous one.
        monotonic: Seconds that never go back.
    """
    path = f"/_downloads/{secrets.token_urlsafe(32)}"
    waiting = [content]
    end = monotonic() + SECONDS

    async def send(_: Request) -> Response:
        app.remove_route(path)
        if not waiting or monotonic() > end:
            return PlainTextResponse("This download was used already, or has ended. Start it anew on the page.", 410)
        make = waiting.pop()
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Cache-Control": "no-store",
        }
        return StreamingResponse(make(), media_type=media_type, headers=headers)

    app.add_route(path, send, methods=["GET"], include_in_schema=False)
    ui.context.client.on_delete(lambda: app.remove_route(path))
    ui.download.from_url(path, name)
    return path


def offer_csv(what: str, site_now: datetime, content: Callable[[], Iterator[bytes] | AsyncIterator[bytes]]) -> str:
    """Let the browser of this tab download a CSV file that is named after its time, say so, and return its path.

    Args:
        what: It holds.
        site_now: By the site's clock.
        content: As for ``offer``.
    """
    name = file_name(what, f"{site_now:%Y-%m-%d-%H%M}") + ".csv"
    path = offer(name, MEDIA_TYPE, content)
    feedback.done(f"{name} is being downloaded", "Semicolons and UTF-8, as Excel opens it.")
    return path


def file_name(*parts: str) -> str:
    """Return a name that every file system takes: ``queue-invoices-2026-11-23.csv``."""
    kept = ("".join(c if c.isalnum() or c in "-_." else "-" for c in part).strip("-.") for part in parts)
    return "-".join(part for part in kept if part)[:120]
