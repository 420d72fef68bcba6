"""The address of coming runs: what it asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from OpenOrchestrator.orchestrator.coming.backend.collisions import Demand, Trouble
from OpenOrchestrator.orchestrator.coming.backend.coming import Horizon
from OpenOrchestrator.orchestrator.components.choices import split_choice
from OpenOrchestrator.orchestrator.components.tables.paging import place_of


def hour_link(hour: datetime) -> str:
    """Return the path of the runs that start within the hour from an instant."""
    return f"/coming?hour={int(hour.timestamp()) // 60}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an address asks for.

    Attributes:
        hour: Only runs that start within the hour from here; None for all.
    """

    text: str
    schedulers: tuple[str, ...]
    not_schedulers: bool
    horizon: Horizon
    hour: datetime | None
    page: int
    size: int

    def has(self, expected: Demand) -> bool:
        """Tell whether a run is asked for."""
        trigger = expected.run.trigger
        if self.text and not any(self.text in name.casefold() for name in (trigger.name, trigger.process)):
            return False
        if self.hour is not None:
            until = self.hour + timedelta(hours=1)
            if not any(self.hour <= start < until for start in expected.run.starts):
                return False
        return self._has_place(expected.places)

    def has_trouble(self, trouble: Trouble) -> bool:
        """Tell whether what will not fit is asked for."""
        if self.hour is not None and not (trouble.start < self.hour + timedelta(hours=1) and trouble.end > self.hour):
            return False
        names = [name.casefold() for run in trouble.runs for name in (run.trigger.name, run.trigger.process)]
        return self._has_place(trouble.places) and (not self.text or any(self.text in name for name in names))

    def _has_place(self, places: frozenset[str]) -> bool:
        return not self.schedulers or (not places.isdisjoint(self.schedulers)) != self.not_schedulers


def wanted_of(address: Mapping[str, str]) -> Wanted:
    """Return what an address asks for; parts that mean nothing are left out."""
    schedulers, exclude = split_choice(address.get("scheduler", ""))
    page, size = place_of(address)
    hour = address.get("hour", "")
    known = hour.isascii() and hour.isdigit() and len(hour) <= 9
    return Wanted(
        text=address.get("q", "")[:200].casefold(),
        schedulers=schedulers,
        not_schedulers=exclude,
        horizon=Horizon.WEEK if address.get("segment") == Horizon.WEEK.value else Horizon.DAY,
        hour=datetime.fromtimestamp(int(hour) * 60, tz=timezone.utc) if known else None,
        page=page,
        size=size,
    )
