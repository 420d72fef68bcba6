"""Files that are made while they are downloaded.

Owns the address of each: it cannot be guessed, works once, and only for who is signed in. Must not know what a file
holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from urllib.parse import quote

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse


def offer(name: str, media_type: str, content: Callable[[], Iterator[bytes]]) -> str:
    """Let the browser of this tab download a file, and return its path.

    Args:
        name: Of the file.
        media_type: What it is.
        content: Makes it bit by bit; runs in threads, when the browser asks for it.
    """
    path = f"/_downloads/{secrets.token_urlsafe(32)}"
    waiting = [content]

    async def send(_: Request) -> Response:
        if not waiting:
            return PlainTextResponse("This download was used already. Start it anew on the page.", 410)
        make = waiting.pop()
        app.remove_route(path)
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
