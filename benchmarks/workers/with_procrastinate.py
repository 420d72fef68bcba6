"""Fills or drains a queue of procrastinate. Arguments: connection string, fill or drain, how many or jobs at once."""

from __future__ import annotations

import asyncio
import sys

import handshake
import procrastinate

numbers: list[str] = []
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=sys.argv[1]))


@app.task(queue="drain")
async def handle(number: int) -> None:
    """Note that the job was handed out."""
    numbers.append(str(number))


async def fill(count: int) -> None:
    """Make the tables where they are not, and so many jobs."""
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for start in range(0, count, 1000):
            await handle.batch_defer_async(*({"number": n} for n in range(start, min(start + 1000, count))))


async def drain(at_once: int) -> None:
    """Work until there is nothing left."""
    async with app.open_async():
        await app.check_connection_async()
        handshake.wait_for_start()
        await app.run_worker_async(
            queues=["drain"], wait=False, concurrency=at_once, install_signal_handlers=False, delete_jobs="never"
        )
    handshake.tell(numbers)


asyncio.run((fill if sys.argv[2] == "fill" else drain)(int(sys.argv[3])))
