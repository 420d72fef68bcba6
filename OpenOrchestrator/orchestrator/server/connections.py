"""Limits on connections, so that those who send nothing, or half a request, keep nobody else out.

Owns how long a request may take to arrive, and how many may be on their way. Must not know what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""How long a connection may take to send the head of a request, also of its next one."""

MOST_WAITING = 100
"""So many connections may have no whole request; one more, and the one that waits for longest is dropped."""

MOST_CONNECTIONS = 400
"""So many are served at a time, tabs included; further requests are answered with 503."""


class Waiting:
    """The connections that have not sent a whole request, the one that waits for longest first.

    Args:
        most: How many there may be.
        seconds: How long each may take to send the head of a request.
    """

    def __init__(self, most: int = MOST_WAITING, seconds: float = HEADER_SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._clocks: dict[BoundedProtocol, asyncio.TimerHandle | None] = {}

    def __len__(self) -> int:
        return len(self._clocks)

    def begin(self, connection: BoundedProtocol) -> None:
        """Wait for the head of a request; drops the oldest if there are too many."""
        self.end(connection)
        self._clocks[connection] = connection.loop.call_later(self._seconds, self._drop, connection)
        if len(self._clocks) > self._most:
            self._drop(next(iter(self._clocks)))

    def headed(self, connection: BoundedProtocol) -> None:
        """Wait for the body only: how long that may take is the matter of who reads it."""
        if connection in self._clocks:
            self._stop(connection)
            self._clocks[connection] = None

    def end(self, connection: BoundedProtocol) -> None:
        """Wait no longer: the request is there, or the connection has ended."""
        self._stop(connection)
        self._clocks.pop(connection, None)

    def _stop(self, connection: BoundedProtocol) -> None:
        clock = self._clocks.get(connection)
        if clock is not None:
            clock.cancel()

    def _drop(self, connection: BoundedProtocol) -> None:
        self.end(connection)
        connection.transport.abort()


class BoundedProtocol(H11Protocol):
    """HTTP with those limits. It is h11, which also limits how long the head of a request may be.

    Args:
        waiting: Shared by all connections of a server.
        *args: What the server gives.
        **kwargs: What the server gives.
    """

    def __init__(self, waiting: Waiting, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting = waiting

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._waiting.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._waiting.end(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and see whether it made a request whole."""
        super().data_received(data)
        self._see()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand over to the websocket, which has limits of its own."""
        self._waiting.end(self)
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        self._waiting.begin(self)
        super().on_response_complete()
        self._see()

    def _see(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            return
        if self.cycle.more_body:
            self._waiting.headed(self)
        else:
            self._waiting.end(self)


def protocol(waiting: Waiting) -> Callable[..., BoundedProtocol]:
    """Return what makes a connection of a server."""

    class Protocol(BoundedProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(waiting, *args, **kwargs)

    return Protocol
