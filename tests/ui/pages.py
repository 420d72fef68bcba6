"""What the user simulation lacks: seeing and using the rows of a DataTable, and waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from nicegui.testing import User

from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable

DEADLINE = 5.0


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds and return what it returned; fail after five seconds."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            found = condition()
        except AssertionError:
            found = None
        if found:
            return found
        await asyncio.sleep(0.02)
    found = condition()
    assert found, "the condition did not come true"
    return found


async def table(user: User, marker: str) -> DataTable:
    """Return a table of the page, once it is there."""

    def find() -> DataTable:
        (element,) = user.find(kind=DataTable, marker=marker).elements
        return element

    return await until(find)


async def rows_of(user: User, marker: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by what people call them."""
    return {row["name"]: row for row in (await table(user, marker)).rows}


async def act_on(user: User, marker: str, action: str, name: str) -> None:
    """Choose an action of the row of that name."""
    row = (await rows_of(user, marker))[name]
    user.find(kind=DataTable, marker=marker).trigger("action", {"action": action, "id": row["id"]})


async def select(user: User, marker: str, *names: str) -> None:
    """Select rows by name."""
    rows = await rows_of(user, marker)
    user.find(kind=DataTable, marker=marker).trigger("select", [rows[name]["id"] for name in names])


async def click(user: User, marker: str) -> None:
    """Click what has a marker, once it is there."""
    await user.should_see(marker=marker, retries=30)
    user.find(marker=marker).click()


def cell(row: dict[str, Any], column: str) -> dict[str, Any]:
    """Return a cell as the browser gets it."""
    return row["c"][column]
