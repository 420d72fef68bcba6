"""How much a request may bring along, and for how long we wait for it."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

MOST_BYTES = 24 * 1024 * 1024
"""What a request of somebody who is in may bring: a CSV file of the largest size, and what a form puts around it."""

TOO_LARGE = f"A request may bring {MOST_BYTES // 1024 // 1024} MB at most."

FORM_SECONDS = 10.0
"""How long a stranger may take to send the form of the login."""


def declared_too_large(length: str) -> bool:
    """Tell whether a ``Content-Length`` says that more will come than a request may bring."""
    return length.isdecimal() and (len(length) > 12 or int(length) > MOST_BYTES)


def limited(receive: Receive) -> Receive:
    """Return the same, but refusing a body that is too large while it comes, before anything of it is kept.

    Raises:
        HTTPException: From what is returned; 413.
    """
    size = 0

    async def guarded() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > MOST_BYTES:
                raise HTTPException(413, TOO_LARGE)
        return message

    return guarded


async def whole_body(receive: Receive, *, limit: int, seconds: float = FORM_SECONDS) -> bytes | None:
    """Return the body of a request, or None if it is larger than ``limit`` bytes.

    Raises:
        TimeoutError: If it is not there in time.
        EOFError: If whoever sent it went away in the middle.
    """

    async def read() -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > limit:
                return None
            if message["type"] == "http.disconnect":
                raise EOFError("The request ended in the middle.")
            if not message.get("more_body"):
                return bytes(body)

    try:
        return await asyncio.wait_for(read(), seconds)
    except asyncio.TimeoutError as error:  # another class until Python 3.11
        raise TimeoutError from error
