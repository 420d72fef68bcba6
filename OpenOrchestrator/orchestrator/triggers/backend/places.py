"""Where triggers can run by their labels: what schedulers carry, and what nobody carries who is heard from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.labels import LONGEST_LABEL, MOST_LABELS, checked_labels, label_key
from OpenOrchestrator.database.lifecycle.required_labels import Carried, unmet_words
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "LONGEST_LABEL",
    "MOST_LABELS",
    "Carried",
    "PlacesBackend",
    "checked_labels",
    "live_labels",
    "unmet_words",
    "wrong_labels",
]


def wrong_labels(labels: Collection[str]) -> str | None:
    """Say what is wrong with labels that somebody entered; None for nothing. Pure."""
    try:
        checked_labels(labels)
    except InvalidInputError as error:
        return str(error)
    return None


def live_labels(session: Session) -> dict[str, tuple[str, ...] | None]:
    """Return what schedulers carry that are heard from, by name; None for one that knows no labels."""
    live = schedulers.live_names(session)
    return {name: labels for name, labels in schedulers.carried(session).items() if name in live}


class PlacesBackend(Backend):
    """Labels to choose from, and who carries which."""

    async def labels(self) -> tuple[str, ...]:
        """Return all labels that schedulers carry or triggers require, in order; each once, whatever its case."""

        def work(session: Session) -> tuple[str, ...]:
            found: dict[str, str] = {}
            for carried in schedulers.carried(session).values():
                _add(found, carried or ())
            for required in session.scalars(sa.select(_T.c.labels).where(_T.c.labels.is_not(None))):
                _add(found, required or ())
            return tuple(found[key] for key in sorted(found))

        return await self._read(work)

    async def live(self) -> Mapping[str, tuple[str, ...] | None]:
        """Return what schedulers carry that are heard from, by name; None for one that knows no labels."""
        return await self._read(live_labels)


def _add(found: dict[str, str], labels: Sequence[str]) -> None:
    for label in labels:
        found.setdefault(label_key(label), label)
