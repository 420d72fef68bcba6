"""How long triggers run: the mean of their last runs that were done. Kept for a while, because it hardly changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LAST_RUNS = 10
"""The mean is that of so many runs at most, among the last LOOKED_AT."""

LOOKED_AT = 20
KEPT_SECONDS = 300.0
_WALKS = 50


@dataclass(frozen=True, slots=True)
class Length:
    """How long runs of a trigger took.

    Attributes:
        seconds: Their mean.
        runs: How many that is the mean of.
    """

    seconds: float
    runs: int


class Lengths:
    """The lengths of the runs of triggers, asked anew after some minutes.

    Args:
        monotonic: Seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[UUID, tuple[float, Length | None]] = {}

    def of(self, session: Session, triggers: Iterable[UUID]) -> dict[UUID, Length]:
        """Return what is known of triggers; those without a run that was done are left out."""
        now = self._monotonic()
        self._known = {key: value for key, value in self._known.items() if now - value[0] < KEPT_SECONDS}
        wanted = list(triggers)
        missing = [each for each in wanted if each not in self._known]
        found = _read(session, missing)
        self._known |= {each: (now, found.get(each)) for each in missing}
        lengths = ((each, self._known[each][1]) for each in wanted)
        return {each: length for each, length in lengths if length is not None}


def _read(session: Session, triggers: Sequence[UUID]) -> dict[UUID, Length]:
    taken: dict[UUID, list[float]] = {}
    for start in range(0, len(triggers), _WALKS):
        some = triggers[start : start + _WALKS]
        values = {f"trigger_{number}": trigger for number, trigger in enumerate(some)}
        rows = sorted(session.execute(_walks(len(some)), values), key=lambda row: row.start_time, reverse=True)
        for row in rows:
            runs = taken.setdefault(some[row.number], [])
            if row.status == JobStatus.DONE and row.end_time is not None and len(runs) < LAST_RUNS:
                runs.append(max((row.end_time - row.start_time).total_seconds(), 0.0))
    return {trigger: Length(sum(runs) / len(runs), len(runs)) for trigger, runs in taken.items() if runs}


@cache
def _walks(triggers: int) -> Any:
    """Return the query of the last runs of so many triggers: a short walk along the index for each of them."""
    parts: list[Any] = []
    for number in range(triggers):
        newest = sa.select(sa.literal(number).label("number"), _J.c.status, _J.c.start_time, _J.c.end_time)
        newest = newest.where(_J.c.trigger_id == sa.bindparam(f"trigger_{number}"))
        parts.append(sa.select(newest.order_by(_J.c.start_time.desc(), _J.c.id.desc()).limit(LOOKED_AT).subquery()))
    return sa.union_all(*parts)
