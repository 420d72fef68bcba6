"""How much a request may bring along, and for how long we wait for it."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

MOST_BYTES = 24 * 1024 * 1024
"""What a request of somebody who is in may bring: a CSV file of the largest size, and what a form puts around it."""

TOO_LARGE = f"A request may bring {MOST_BYTES // 1024 // 1024} MB at most."

FORM_SECONDS = 10.0
"""How long a stranger may take to send the form of the login."""


def declared_too_large(length: str) -> bool:
    """Tell whether a ``Content-Length`` says that more will come than a request may bring."""
    return length.isdecimal() and (len(length) > 12 or int(length) > MOST_BYTES)


class Limited:
    """A body that is cut off when it becomes too large, while it comes and before more of it is kept.

    Args:
        receive: Where it comes from.

    Attributes:
        exceeded: Whether it was too large; for the app its sender went away then.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self.exceeded = False

    async def receive(self) -> Message:
        """Return the next part."""
        if self.exceeded:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self.exceeded = self._size > MOST_BYTES
        return {"type": "http.disconnect"} if self.exceeded else message


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
