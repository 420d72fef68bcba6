"""Limits on connections, with a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from OpenOrchestrator.orchestrator.server.connections import Waiting, protocol

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "
HALF_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole request and answers."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(waiting: Waiting, **options: Any) -> AsyncIterator[int]:
    """Serve it and give the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(application, http=protocol(waiting), lifespan="off", log_level="error", **options)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve([listener]))
    await until(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task
        listener.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""

    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), 30)


async def answered(port: int) -> bytes:
    """Ask once, and return the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    line = await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    return line


async def ended(reader: asyncio.StreamReader) -> bool:
    """Tell whether the server ended a connection without an answer."""
    try:
        return await asyncio.wait_for(reader.read(), 30) == b""
    except ConnectionError:
        return True


async def test_half_a_head_is_waited_for_so_long() -> None:
    waiting = Waiting(seconds=0.2)
    async with serving(waiting) as port:
        for part in (b"", HALF):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(part)
            assert await ended(reader)
            writer.close()
        await until(lambda: len(waiting) == 0)


async def test_the_next_request_of_a_connection_has_the_same_time() -> None:
    waiting = Waiting(seconds=0.3)
    async with serving(waiting, timeout_keep_alive=600) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        assert b"200" in await reader.readline()
        writer.write(HALF)
        rest = await asyncio.wait_for(reader.read(), 30)
        assert rest.endswith(b"ok")
        writer.close()


async def test_those_who_wait_for_longest_go_first_and_others_are_served() -> None:
    waiting = Waiting(most=20, seconds=600)
    async with serving(waiting, limit_concurrency=60) as port:
        kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        for number in range(200):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HALF if number % 2 else HALF_BODY)
            kept.append((reader, writer))
            if number % 50 == 49:
                assert b"200" in await answered(port)
        await until(lambda: len(waiting) <= 20)
        assert await ended(kept[0][0])
        assert b"200" in await answered(port)
        kept[-1][1].write(b"\r\n\r\n")
        assert b"200" in await asyncio.wait_for(kept[-1][0].readline(), 30), "the newest still has its time"
        for _, writer in kept:
            writer.close()


async def test_a_slow_body_is_no_matter_of_the_head() -> None:
    waiting = Waiting(seconds=0.2)
    async with serving(waiting) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF_BODY)
        await asyncio.sleep(0.6)  # three times what a head may take
        writer.write(b"x" * 97)
        assert b"200" in await asyncio.wait_for(reader.readline(), 30)
        writer.close()
