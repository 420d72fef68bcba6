"""Which expected runs will not fit: blocking ones that meet others, and more at once than there are slots. Pure.

A blocking run needs a scheduler for itself, any other run a slot. Which scheduler takes a run that several may take is
not known beforehand, so nothing is guessed: runs are set against all that those schedulers can do together. What is
reported cannot fit, however the schedulers share it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum, auto
from uuid import UUID

from OpenOrchestrator.orchestrator.coming.backend.occurrences import Coming

MOST_TROUBLES = 200

MOST_COMPARED = 200_000
"""Runs that are set against each other, each as often as there are choices of schedulers that it counts for. What
comes after that many is left out."""

MOST_SINGLE = 100_000
"""Runs of hours with many that are looked at one by one."""

Places = frozenset[str]
"""Names of schedulers that a run may be taken by."""


class Kind(Enum):
    """What will not fit."""

    COLLISION = auto()
    """A blocking run and others."""
    SHORTAGE = auto()
    """More runs than slots."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A run with the schedulers that may take it; none if all that may are silent or unknown."""

    run: Coming
    places: Places


@dataclass(frozen=True, slots=True)
class Trouble:
    """A span in which not all runs fit.

    Attributes:
        places: The schedulers that these runs are left to.
        start: Instant.
        end: Instant.
        demands: All that take part, by start.
        needed: Runs at once at the worst moment, each trigger counted once.
        slots: For how many there is room at that moment; 0 where a blocking run takes the last scheduler.
        times: How often, where the same triggers meet several times within an hour.
    """

    kind: Kind
    places: Places
    start: datetime
    end: datetime
    demands: tuple[Demand, ...]
    needed: int
    slots: int
    times: int = 1

    @property
    def runs(self) -> tuple[Coming, ...]:
        """All that take part, by start."""
        return tuple(demand.run for demand in self.demands)


@dataclass(frozen=True, slots=True)
class Troubles:
    """What will not fit.

    Attributes:
        listed: The earliest first.
        more: How many more there are beyond MOST_TROUBLES.
        looked_to: What starts from here on was not set against each other, because there is too much of it; None if
            everything was.
    """

    listed: list[Trouble]
    more: int = 0
    looked_to: datetime | None = None


def troubles_of(demands: Iterable[Demand], slots: Mapping[str, int | None]) -> Troubles:
    """Return what will not fit. The work is bounded: of very many runs only the first are looked at.

    Args:
        demands: Expected runs; those that no scheduler may take are left out.
        slots: Of each scheduler; None where it is not known, which counts as enough.
    """
    by_places: dict[Places, list[_Timed]] = {}
    first, looked_to = _first([demand for demand in demands if demand.places], slots)
    for demand in first:
        by_places.setdefault(demand.places, []).append(_Timed.of(demand))
    lanes = {places: _Lane(some) for places, some in by_places.items()}
    found: list[_Span] = []
    more = 0
    for places in {*lanes, frozenset(slots)}:
        inner = [lane for choice, lane in lanes.items() if choice <= places]
        if 1 < len(places) < len(slots):
            # What happens while none of its own runs is under way is the trouble of a smaller choice.
            spans = lanes[places].spans()
            within = [timed for lane in inner for timed in lane.during(spans)]
        else:
            within = [timed for lane in inner for timed in lane.runs]
        some, others = _sweep(within, places, _Room({name: slots[name] for name in places}))
        found += some
        more += others
    found.sort(key=lambda span: (span.start, span.end, sorted(span.places)))
    exact: list[Trouble] = []
    left = MOST_SINGLE
    for trouble in map(_closed, found[:MOST_TROUBLES]):
        refined: Trouble | None = trouble
        end = trouble.end
        if not _is_certain(trouble, slots):
            count = sum(demand.run.count for demand in trouble.demands)
            end = trouble.start + (trouble.end - trouble.start) * min(left / count, 1.0)
            left -= min(count, left)
            refined = _exact(trouble, end, slots)
        if refined is not None:
            exact.append(refined)
        if end < trouble.end:
            return Troubles(exact, 0, end)
    return Troubles(exact, more + max(len(found) - MOST_TROUBLES, 0), looked_to)


def _first(demands: Sequence[Demand], slots: Mapping[str, int | None]) -> tuple[Sequence[Demand], datetime | None]:
    """Return as many of the earliest runs as can be set against each other, and when the next one starts."""
    choices = {demand.places for demand in demands} | {frozenset(slots)}
    counts = {places: sum(places <= each for each in choices) for places in choices}
    compared = 0
    ordered = sorted(demands, key=lambda demand: demand.run.start)
    for number, demand in enumerate(ordered):
        compared += counts[demand.places]
        # Runs of the same moment stay together.
        if compared > MOST_COMPARED and demand.run.start > ordered[number - 1].run.start:
            return ordered[:number], demand.run.start
    return ordered, None


# How a run is set against the room. Places in a list of counts: a sweep asks for them very often.
_SLOT, _SPARSE, _BOUND, _FREE = range(4)
"""It takes a slot; it is the many of an hour, which slip in between others but may meet a blocking run; it blocks a
certain scheduler; it blocks one of several."""


@dataclass(frozen=True, slots=True)
class _Timed:
    """A demand with what a sweep asks of it, worked out once."""

    demand: Demand
    start: float
    end: float
    sort: int

    @classmethod
    def of(cls, demand: Demand) -> _Timed:
        run = demand.run
        return cls(demand, run.start.timestamp(), run.end.timestamp(), _sort(demand, dense=run.is_dense))

    @classmethod
    def single(cls, demand: Demand, start: datetime, end: datetime) -> list[_Timed]:
        """Return the runs of a demand one by one that go on in a span; each stands for the demand as a whole."""
        run, sort = demand.run, _sort(demand, dense=True)
        timed = (cls(demand, first.timestamp(), last.timestamp(), sort) for first, last in run.spans_during(start, end))
        return list(timed)


def _sort(demand: Demand, *, dense: bool) -> int:
    if demand.run.trigger.is_blocking:
        return _BOUND if len(demand.places) == 1 else _FREE
    return _SLOT if dense else _SPARSE


class _Lane:
    """The runs of one choice of schedulers, by start."""

    def __init__(self, runs: Iterable[_Timed]) -> None:
        self.runs = sorted(runs, key=lambda each: each.start)
        self._starts = [each.start for each in self.runs]
        self._longest = max((each.end - each.start for each in self.runs), default=0.0)

    def spans(self) -> list[tuple[float, float]]:
        """Return when any of them goes on."""
        spans: list[tuple[float, float]] = []
        for timed in self.runs:
            if spans and timed.start <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(spans[-1][1], timed.end)
            else:
                spans.append((timed.start, timed.end))
        return spans

    def during(self, spans: Iterable[tuple[float, float]]) -> list[_Timed]:
        """Return those that go on in any of some spans, which are in order and apart."""
        kept: list[_Timed] = []
        place = 0
        for start, end in spans:
            first = max(bisect_left(self._starts, start - self._longest), place)
            place = max(bisect_left(self._starts, end), first)
            kept += [timed for timed in self.runs[first:place] if timed.end > start]
        return kept


class _Room:
    """How many runs fit on schedulers, some of which are taken whole.

    Args:
        slots: Of each; None for enough.
    """

    def __init__(self, slots: Mapping[str, int | None]) -> None:
        self._slots = {name: float("inf") if size is None else float(size) for name, size in slots.items()}
        self._all = sum(self._slots.values())
        self._known: dict[tuple[frozenset[str], int], float] = {}

    def beside(self, bound: Mapping[str, int], free: int) -> float:
        """Return how many runs fit beside blocking ones; less than nought if not even these fit.

        Args:
            bound: How many of the blocking runs have to be on a certain scheduler.
            free: How many may choose; they do best to take the smallest ones.
        """
        if len(self._slots) == 1 and sum(bound.values()) > 1:
            return -1.0  # among several schedulers that is the trouble of the one they are bound to
        if not bound and not free:
            return self._all
        key = frozenset(bound), free
        if key not in self._known:
            sizes = sorted(size for name, size in self._slots.items() if name not in bound)
            self._known[key] = sum(sizes[free:]) if free <= len(sizes) else -1.0
        return self._known[key]


@dataclass(slots=True)
class _Span:
    """A trouble that has begun; who takes part is only noted for those that may be listed."""

    places: Places
    start: float
    demands: dict[int, Demand] | None
    end: float = 0.0
    needed: int = 0
    slots: float = 0.0
    blocking: bool = False

    @property
    def kind(self) -> Kind:
        return Kind.COLLISION if self.blocking else Kind.SHORTAGE


def _sweep(runs: Sequence[_Timed], places: Places, room: _Room) -> tuple[list[_Span], int]:
    """Go through starts and ends in order, and note each span in which the active ones do not fit.

    Returns:
        The first ones, and how many more there are.
    """
    if _cannot_meet(runs, room):
        return [], 0
    moments = [(timed.start, 1, number) for number, timed in enumerate(runs)]
    moments += [(timed.end, -1, number) for number, timed in enumerate(runs)]
    moments.sort()
    active: dict[int, Demand] = {}
    counts = [0, 0, 0, 0]
    bound: dict[str, int] = {}
    span: _Span | None = None
    found: list[_Span] = []
    more = 0
    last = len(moments) - 1
    for place, (moment, step, number) in enumerate(moments):
        timed = runs[number]
        counts[timed.sort] += step
        if timed.sort == _BOUND:
            _bind(bound, timed.demand.places, step)
        if step < 0:
            del active[number]
        else:
            active[number] = timed.demand
            if span is not None and span.demands is not None:
                span.demands[number] = timed.demand
        if place < last and moments[place + 1][0] == moment:
            continue
        blocking = counts[_BOUND] + counts[_FREE]
        needed = counts[_SLOT] + (counts[_SPARSE] if blocking else 0)
        fits = room.beside(bound, counts[_FREE])
        if needed > fits:
            span = span or _Span(places, moment, dict(active) if len(found) < MOST_TROUBLES else None)
            if needed + blocking > span.needed:
                span.needed, span.slots = needed + blocking, max(fits, 0.0)
            span.blocking = span.blocking or blocking > 0
        elif span is not None:
            if span.demands is None:
                more += 1
            else:
                span.end = moment
                found.append(span)
            span = None
    return found, more


def _cannot_meet(runs: Sequence[_Timed], room: _Room) -> bool:
    """Tell whether there are no blocking ones and no more triggers than slots: no trigger runs twice at once."""
    if any(timed.sort in (_BOUND, _FREE) for timed in runs):
        return False
    return len({timed.demand.run.trigger.id for timed in runs}) <= room.beside({}, 0)


def _bind(bound: dict[str, int], places: Places, step: int) -> None:
    (name,) = places
    bound[name] = bound.get(name, 0) + step
    if not bound[name]:
        del bound[name]


def _closed(span: _Span) -> Trouble:
    demands = (span.demands or {}).values()
    order = sorted(demands, key=lambda each: (each.run.start, each.run.trigger.name, each.run.trigger.id))
    start, end = _instant(span.start), _instant(span.end)
    return Trouble(span.kind, span.places, start, end, tuple(order), span.needed, int(span.slots))


def _instant(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, tz=timezone.utc)


def _is_certain(trouble: Trouble, slots: Mapping[str, int | None]) -> bool:
    """Tell whether a trouble is one however the many runs of an hour lie within it."""
    timed = [_Timed.of(demand) for demand in trouble.demands]
    certain = [each for each in timed if each.demand.run.count == 1 or each.sort == _SLOT]
    if len(certain) == len(timed):
        return True
    return bool(_sweep(certain, trouble.places, _Room({name: slots[name] for name in trouble.places}))[0])


def _exact(trouble: Trouble, end: datetime, slots: Mapping[str, int | None]) -> Trouble | None:
    """Return a trouble as it is run by run, looked at up to some instant; None if its runs do not meet until then."""
    room = _Room({name: slots[name] for name in trouble.places})
    single = [each for demand in trouble.demands for each in _Timed.single(demand, trouble.start, end)]
    exact, _ = _sweep(single, trouble.places, room)
    if not exact:
        return None
    met: set[UUID] = {demand.run.trigger.id for each in exact for demand in (each.demands or {}).values()}
    worst = max(exact, key=lambda each: each.needed)
    return Trouble(
        kind=worst.kind,
        places=trouble.places,
        start=_instant(exact[0].start),
        end=_instant(exact[-1].end),
        demands=tuple(demand for demand in trouble.demands if demand.run.trigger.id in met),
        needed=worst.needed,
        slots=int(worst.slots),
        times=len(exact),
    )
