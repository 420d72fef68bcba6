"""Fills or drains a queue of pgqueuer. Arguments: connection string, fill or drain, how many or a batch size."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import handshake
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

numbers: list[str] = []


async def fill(count: int) -> None:
    """Make the tables where they are not, and so many jobs."""
    connection = await asyncpg.connect(sys.argv[1])
    queries = Queries(AsyncpgDriver(connection))
    if await connection.fetchval("SELECT to_regclass('pgqueuer')") is None:
        await queries.install()
    for start in range(0, count, 1000):
        some = [str(number).encode() for number in range(start, min(start + 1000, count))]
        await queries.enqueue(["drain"] * len(some), some, [0] * len(some))
    await connection.close()


async def drain(batch_size: int) -> None:
    """Work until there is nothing left."""
    connection = await asyncpg.connect(sys.argv[1])
    queue = PgQueuer(AsyncpgDriver(connection))

    @queue.entrypoint("drain")
    async def handle(job: Job) -> None:
        numbers.append((job.payload or b"").decode())

    handshake.wait_for_start()
    await queue.run(mode=QueueExecutionMode.drain, batch_size=batch_size)
    handshake.tell(numbers)


asyncio.run((fill if sys.argv[2] == "fill" else drain)(int(sys.argv[3])))
