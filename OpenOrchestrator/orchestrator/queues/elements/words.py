"""What is done with elements in words, and the state that it leads to. Pure."""

from __future__ import annotations

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.components import times

TARGETS = {"new": QueueStatus.NEW, "abandon": QueueStatus.ABANDONED}


def verb(action: str) -> str:
    """Return what is asked for: ``Set to New``."""
    return {"delete": "Delete", "new": "Set to New", "abandon": "Abandon", "priority": "Set priority"}[action]


def said(action: str, count: int) -> str:
    """Return what happened: ``3 elements were set to New``."""
    what = f"{times.number(count)} element{'s' if count != 1 else ''}"
    were = "was" if count == 1 else "were"
    return {
        "delete": f"{what} {were} deleted",
        "new": f"{what} {were} set to New",
        "abandon": f"{what} {were} abandoned",
        "priority": f"{what} got the priority",
    }[action]
