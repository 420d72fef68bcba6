"""Why something cannot be done with a trigger now. Pure."""

from __future__ import annotations

from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES
from OpenOrchestrator.orchestrator.triggers.backend.rows import POSSIBLE_FROM, ListedTrigger


def reasons(row: ListedTrigger) -> dict[str, str]:
    """Return why each action cannot be done with a trigger now; an empty text where it can."""
    return {name: _reason(name, row) for name in POSSIBLE_FROM}


def _reason(name: str, row: ListedTrigger) -> str:
    if row.odd_id is not None:
        return f"The database has its id as {row.odd_id!r}, by which nothing is found: correct it there"
    if row.odd_status is not None:
        return f"The database says {row.odd_status!r}, which is no status: correct it there"
    if name in ("run", "once") and row.run_requested:
        return "A run is requested already"
    if row.status in POSSIBLE_FROM[name]:
        return ""
    if name in ("run", "once") and row.status in BUSY_TRIGGER_STATUSES:
        return f"It is {row.status.value.lower()}"
    if name == "run":
        return f"It is {row.status.value.lower()}: enable it first"
    return f"It is {row.status.value.lower()}"
