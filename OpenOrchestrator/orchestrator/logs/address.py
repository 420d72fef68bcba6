"""The address of the list of messages: what it asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.orchestrator.backend.periods import period_of
from OpenOrchestrator.orchestrator.components.choices import split_choice
from OpenOrchestrator.orchestrator.logs.backend.logs import LogQuery, cursor_of

LEVELS = {level.name.lower(): level for level in (LogLevel.ERROR, LogLevel.INFO, LogLevel.TRACE)}


def query_of(address: Mapping[str, str]) -> LogQuery:
    """Return what an address asks for; parts that mean nothing are left out."""
    names, exclude = split_choice(address.get("level", ""))
    levels = {LEVELS[name] for name in names if name in LEVELS}
    if exclude and levels:
        levels = set(LogLevel) - levels
    processes, not_processes = split_choice(address.get("process", ""))
    schedulers, not_schedulers = split_choice(address.get("scheduler", ""))
    before = cursor_of(address.get("before", ""))
    return LogQuery(
        text=address.get("q", "")[:200],
        levels=tuple(level for level in LEVELS.values() if level in levels),
        processes=tuple(name[:100] for name in processes[:20]),
        not_processes=not_processes,
        jobs=tuple(_uuids(split_choice(address.get("job", ""))[0][:20])),
        elements=tuple(_uuids(split_choice(address.get("element", ""))[0][:20])),
        schedulers=tuple(name[:100] for name in schedulers[:20]),
        not_schedulers=not_schedulers,
        period=period_of(address),
        before=before,
        after=None if before is not None else cursor_of(address.get("after", "")),
    )


def _uuids(texts: Sequence[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
