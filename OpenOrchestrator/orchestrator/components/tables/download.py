"""Files that are made while they are downloaded.

Owns the address of each: it cannot be guessed, works once and soon, only for who is signed in, and only the tab that
asked for it is told. Must not know what a file holds.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

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


def file_name(*parts: str) -> str:
    """Return a name that every file system takes: ``queue-invoices-2026-11-23.csv``."""
    kept = ("".join(c if c.isalnum() or c in "-_." else "-" for c in part).strip("-.") for part in parts)
    return "-".join(part for part in kept if part)[:120]
