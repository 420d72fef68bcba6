"""What the address of a queue's page asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.backend.periods import is_moment, period_of
from OpenOrchestrator.orchestrator.components.choices import split_choice
from OpenOrchestrator.orchestrator.components.tables.paging import place_of
from OpenOrchestrator.orchestrator.queues.backend.element_rows import SORTS, ElementQuery

SEARCH_SECONDS = 15.0
"""A search reads many elements, so it is repeated less often."""

DEEP_SEARCH_SECONDS = 120.0


def query_of(queue: str, address: Mapping[str, str]) -> ElementQuery:
    """Return what an address asks for; parts that mean nothing are left out."""
    names, exclude = split_choice(address.get("status", ""))
    known = {status.name.lower(): status for status in QueueStatus}
    statuses = {known[name] for name in names if name in known}
    if exclude and statuses:
        statuses = set(QueueStatus) - statuses
    sort = address.get("sort", "-created")
    page, size = place_of(address)
    return ElementQuery(
        queue=queue,
        text=address.get("q", "")[:200],
        statuses=tuple(status for status in QueueStatus if status in statuses),
        period=period_of(address),
        cause=address.get("cause", "")[:40],
        ended_from=datetime.fromisoformat(ended) if is_moment(ended := address.get("ended", "")) else None,
        sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "created",
        descending=sort.startswith("-") or sort not in SORTS,
        page=page,
        size=size,
        deep=address.get("deep") == "1",
    )


def refresh_seconds(query: ElementQuery) -> float:
    """Return how long a list stays as it is; nought for as short as can be."""
    if not query.text:
        return 0
    return DEEP_SEARCH_SECONDS if query.deep else SEARCH_SECONDS
