"""The network between machines and the database server: forwards, falls silent, cuts.

Owns one listening port for each link, and a thread with an event loop that serves them all. Knows of a database only
what a message that commits looks like. All methods of a link are safe to call from any thread and return at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

_COMMIT = b"COMMIT"
_LINGER_SECONDS = 0.3


class Network:
    """Makes links to one server.

    Args:
        host: Where the server is.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def link(self) -> Link:
        """Return a new link, which forwards."""
        link = Link(self._loop, self._server)
        asyncio.run_coroutine_threadsafe(link.listen(), self._loop).result(10)
        return link

    def close(self) -> None:
        """End the loop; what is connected is cut."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class Link:
    """What lies between one machine and the server.

    Attributes:
        port: Where the machine connects to, on 127.0.0.1.
        cuts: How many connections were cut by ``cut_after``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, server: tuple[str, int]) -> None:
        self._loop = loop
        self._server = server
        self._pairs: set[_Pair] = set()
        self._listener: asyncio.Server | None = None
        self._refusing = False
        self._silent = {"up": False, "down": False}
        self._cut: tuple[bool, bool] | None = None
        self.port = 0
        self.cuts = 0

    async def listen(self) -> None:
        """Begin to listen."""
        self._listener = await self._loop.create_server(lambda: _End(self, None, "up"), "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    def drop(self) -> None:
        """Reset all connections; new ones are welcome."""
        self._soon(self._abort_all)

    def refuse(self) -> None:
        """Reset all connections, and all new ones, until ``restore``."""
        self._soon(self._refuse)

    def fall_silent(self, *, answers_only: bool) -> None:
        """Keep back all that is sent, or only what the server answers, until ``restore``."""
        self._soon(lambda: self._set_silent(up=not answers_only, down=True))

    def restore(self, *, reset: bool) -> None:
        """Forward again: what was kept back, or, with reset, nothing of it, and the connections are gone."""
        self._soon(lambda: self._restore(reset))

    def cut_after(self, *, commits: bool, forward: bool) -> None:
        """Cut the next connection that commits (or sends anything), after passing it on or, if not, instead."""
        self._soon(lambda: self._arm(commits, forward))

    def open_connections(self) -> int:
        """Return how many connections the link holds."""
        return len(self._pairs)

    def _soon(self, call: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(call)

    def _abort_all(self) -> None:
        for pair in list(self._pairs):
            pair.abort()

    def _refuse(self) -> None:
        self._refusing = True
        self._abort_all()

    def _set_silent(self, *, up: bool, down: bool) -> None:
        self._silent = {"up": up, "down": down}

    def _restore(self, reset: bool) -> None:
        self._refusing = False
        self._silent = {"up": False, "down": False}
        if reset:
            self._abort_all()
        for pair in list(self._pairs):
            pair.flush()

    def _arm(self, commits: bool, forward: bool) -> None:
        self._cut = (commits, forward)

    # Called by the connections, in the loop.

    def is_silent(self, direction: str) -> bool:
        """Tell whether nothing goes in a direction now."""
        return self._silent[direction]

    def accepted(self, client: _End, transport: asyncio.Transport) -> None:
        """Connect a new client to the server, or refuse it."""
        if self._refusing:
            transport.abort()
            return
        pair = client.pair = _Pair(self, client)
        self._pairs.add(pair)
        pair.connecting = self._loop.create_task(self._connect(pair))

    async def _connect(self, pair: _Pair) -> None:
        try:
            await self._loop.create_connection(lambda: _End(self, pair, "down"), *self._server)
        except OSError:  # the server is being restarted
            pair.abort()
        else:
            pair.flush()

    def forget(self, pair: _Pair) -> None:
        """Take note that a connection is over."""
        self._pairs.discard(pair)

    def take_cut(self, data: bytes) -> bool | None:
        """Return whether this message from a client is passed on before its connection is cut; None: it is not cut."""
        if self._cut is None or (self._cut[0] and _COMMIT not in data):
            return None
        forward = self._cut[1]
        self._cut = None
        self.cuts += 1
        return forward


class _Pair:
    """One connection: the client's end, the server's end, and what is kept back between them."""

    def __init__(self, link: Link, client: _End) -> None:
        self._link = link
        self._ends: dict[str, _End] = {"up": client}
        self._kept: dict[str, list[bytes]] = {"up": [], "down": []}
        self.connecting: asyncio.Task[None] | None = None
        self._closed = False

    def add(self, server: _End) -> None:
        self._ends["down"] = server
        if self._closed:
            self.abort()

    def is_connected(self) -> bool:
        return "down" in self._ends

    def pass_on(self, direction: str, data: bytes) -> None:
        self._kept[direction].append(data)
        self.flush()

    def flush(self) -> None:
        for direction, kept in self._kept.items():
            sink = self._ends.get("down" if direction == "up" else "up")
            if kept and not self._link.is_silent(direction) and sink is not None and sink.transport is not None:
                sink.transport.write(b"".join(kept))
                kept.clear()

    def cut(self, data: bytes, *, forward: bool) -> None:
        """Let the client see no answer; the server gets the message first if it is to be forwarded."""
        client, server = self._ends["up"], self._ends.get("down")
        if client.transport is not None:
            client.transport.abort()
        if forward and server is not None and server.transport is not None:
            server.transport.write(data)
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.abort)
        else:
            self.abort()

    def ended(self, end: _End) -> None:
        """One end is gone: the other follows, once it has what was sent to it."""
        if self._closed:
            return
        self.flush()
        for other in self._ends.values():
            if other is not end and other.transport is not None:
                other.transport.close()
        self._over()

    def abort(self) -> None:
        for end in self._ends.values():
            if end.transport is not None:
                end.transport.abort()
        self._over()

    def _over(self) -> None:
        self._closed = True
        self._link.forget(self)


class _End(asyncio.Protocol):
    """One end of a connection. ``direction`` is where what it receives goes: up to the server, down to the client."""

    def __init__(self, link: Link, pair: _Pair | None, direction: str) -> None:
        self._link = link
        self.pair = pair
        self._direction = direction
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._direction == "up":
            self._link.accepted(self, transport)
        elif self.pair is not None:
            self.pair.add(self)

    def data_received(self, data: bytes) -> None:
        if self.pair is None:
            return
        if self._direction == "up" and self.pair.is_connected():
            forward = self._link.take_cut(data)
            if forward is not None:
                self.pair.cut(data, forward=forward)
                return
        self.pair.pass_on(self._direction, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        if self.pair is not None:
            with suppress(OSError):
                self.pair.ended(self)
