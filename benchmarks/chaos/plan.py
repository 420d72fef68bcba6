"""Which disturbance comes when: pure, and the same again for the same seed.

The kinds are dealt like cards of a deck, so that a run of some minutes meets them all, in an order that nobody chose.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

LONG_RUN_SECONDS = 150.0
"""Shorter runs have disturbances that are shorter in proportion."""

PACE_SECONDS = 2.6
"""Between two disturbances of a long run, on average."""

_SHORT_PACE_SECONDS = 1.0
_TRIES = 12

_LEAST_GAP_SECONDS = 0.3
_SAFE_MACHINES = 1  # nothing happens to the first one: what it loses, it loses for no reason of its own
_UNKILLED_MACHINES = 2  # stopped and cut off, but never killed: their memory can be compared


class Kind(Enum):
    """What can happen. Values are words for the log."""

    KILL_SCHEDULER = "kill -9 a scheduler"
    KILL_SCHEDULER_FOR_LONG = "kill -9 a scheduler, which stays away"
    KILL_MACHINE = "kill -9 a scheduler, its hosts and robots"
    STOP_SCHEDULER = "stop a scheduler (SIGSTOP)"
    REPLACE_SCHEDULER = "stop a scheduler and start its successor"
    KILL_ROBOT = "kill -9 a robot"
    KILL_HOST = "kill -9 a robot host"
    STOP_ROBOT = "stop a robot (SIGSTOP)"
    STOP_HOST = "stop a robot host (SIGSTOP)"
    ASK_TO_KILL = "an admin kills a run"
    DROP_CONNECTIONS = "reset all connections of a machine"
    CUT_COMMIT = "cut a connection after COMMIT was sent"
    CUT_MESSAGE = "cut a connection after some message"
    CUT_UNSENT = "cut a connection instead of sending COMMIT"
    REFUSE_CONNECTIONS = "refuse all connections of a machine"
    SILENCE = "silence between a machine and the server"
    SILENT_ANSWERS = "answers of the server do not arrive"
    LOCK_JOB = "hold the lock of a job's row"
    LOCK_TRIGGER = "hold the lock of a trigger's row"
    LOCK_ELEMENT = "hold the lock of an element's row"
    LOCK_SCHEDULER = "hold the lock of a scheduler's row"
    LOCK_DATABASE = "hold the write lock of the database"
    CLOCK_FORWARD = "step the database's clock forward"
    CLOCK_BACKWARD = "step the database's clock backward"
    CRASH_DATABASE = "crash and restart the database"
    PAUSE_SITE = "an admin pauses the site"
    DRAIN_SCHEDULER = "an admin drains a scheduler"


@dataclass(frozen=True, slots=True)
class _Card:
    weight: int
    low: float = 0.0
    high: float = 0.0


# Seconds are those of a long run. The lease is 30 s.
_CARDS: dict[Kind, _Card] = {
    Kind.KILL_SCHEDULER: _Card(6, 0.2, 15),
    Kind.KILL_SCHEDULER_FOR_LONG: _Card(2, 50, 75),
    Kind.KILL_MACHINE: _Card(2, 2, 70),
    Kind.STOP_SCHEDULER: _Card(3, 5, 50),
    Kind.REPLACE_SCHEDULER: _Card(1, 36, 45),
    Kind.KILL_ROBOT: _Card(4),
    Kind.KILL_HOST: _Card(3),
    Kind.STOP_ROBOT: _Card(1, 5, 40),
    Kind.STOP_HOST: _Card(1, 5, 40),
    Kind.ASK_TO_KILL: _Card(2),
    Kind.DROP_CONNECTIONS: _Card(2),
    Kind.CUT_COMMIT: _Card(5),
    Kind.CUT_MESSAGE: _Card(4),
    Kind.CUT_UNSENT: _Card(2),
    Kind.REFUSE_CONNECTIONS: _Card(2, 3, 45),
    Kind.SILENCE: _Card(3, 5, 50),
    Kind.SILENT_ANSWERS: _Card(2, 5, 40),
    Kind.LOCK_JOB: _Card(2, 40, 75),
    Kind.LOCK_TRIGGER: _Card(1, 40, 75),
    Kind.LOCK_ELEMENT: _Card(2, 40, 75),
    Kind.LOCK_SCHEDULER: _Card(1, 40, 75),
    Kind.LOCK_DATABASE: _Card(2, 2, 20),
    Kind.CLOCK_FORWARD: _Card(1),
    Kind.CLOCK_BACKWARD: _Card(1),
    Kind.CRASH_DATABASE: _Card(1),
    Kind.PAUSE_SITE: _Card(2, 5, 5),
    Kind.DRAIN_SCHEDULER: _Card(2, 30, 45),
}

AWAY = frozenset(
    {
        Kind.KILL_SCHEDULER,
        Kind.KILL_SCHEDULER_FOR_LONG,
        Kind.KILL_MACHINE,
        Kind.STOP_SCHEDULER,
        Kind.REPLACE_SCHEDULER,
        Kind.REFUSE_CONNECTIONS,
        Kind.SILENCE,
        Kind.SILENT_ANSWERS,
    }
)
"""A machine that meets one of these is out of contact until it is over."""

OF_A_LINK = frozenset(
    {
        Kind.DROP_CONNECTIONS,
        Kind.CUT_COMMIT,
        Kind.CUT_MESSAGE,
        Kind.CUT_UNSENT,
        Kind.REFUSE_CONNECTIONS,
        Kind.SILENCE,
        Kind.SILENT_ANSWERS,
    }
)
KILLS = frozenset({Kind.KILL_SCHEDULER, Kind.KILL_SCHEDULER_FOR_LONG, Kind.KILL_MACHINE, Kind.REPLACE_SCHEDULER})
OF_AN_ADMIN = frozenset({Kind.PAUSE_SITE, Kind.DRAIN_SCHEDULER})
"""What admins ask for takes as long in a short run as in a long one: robots end, and a scheduler starts anew."""

OF_A_MACHINE = AWAY | OF_A_LINK | {Kind.DRAIN_SCHEDULER}
CLOCK_STEPS = frozenset({Kind.CLOCK_FORWARD, Kind.CLOCK_BACKWARD})
_LEAVES_ITS_PLACE = AWAY | {Kind.DRAIN_SCHEDULER}
_STARTED_ANEW = KILLS | {Kind.DRAIN_SCHEDULER}
_ROW_LOCKS = frozenset({Kind.LOCK_JOB, Kind.LOCK_TRIGGER, Kind.LOCK_ELEMENT, Kind.LOCK_SCHEDULER})
_STEPS_SECONDS = (45, 120, 3600)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One disturbance.

    Attributes:
        at: Seconds after the beginning.
        seconds: How long it lasts; 0 for a moment.
        machine: Index of the machine; None if it is none's.
        pick: From 0 to 1: which of the robots or rows that are there then.
        amount: Seconds that a clock is stepped by.
    """

    at: float
    kind: Kind
    seconds: float = 0.0
    machine: int | None = None
    pick: float = 0.0
    amount: int = 0


def possible(*, links: bool, crashes: bool, clock: bool) -> frozenset[Kind]:
    """Return the kinds that can be done on a database: with a network, a server, a clock of its own."""
    kinds = set(Kind) - {Kind.LOCK_DATABASE}
    if not links:
        kinds = (kinds | {Kind.LOCK_DATABASE}) - OF_A_LINK - _ROW_LOCKS
    if not crashes:
        kinds.discard(Kind.CRASH_DATABASE)
    if not clock:
        kinds -= CLOCK_STEPS
    return frozenset(kinds)


def make_plan(seed: int, *, seconds: float, machines: int, kinds: frozenset[Kind]) -> tuple[Disturbance, ...]:
    """Return what happens in a run, in order.

    At any time at most half of the machines are away or drained, and the first one never is.

    Args:
        seed: The same gives the same.
        seconds: How long disturbances go on; each is over by then.
        machines: How many there are.
        kinds: Which may happen.
    """
    rng = random.Random(seed)
    if seconds < LONG_RUN_SECONDS:
        kinds -= {Kind.REPLACE_SCHEDULER}  # a successor is refused as long as the lease of the name lives
    deal = _deal(rng, kinds)
    scale = min(1.0, seconds / LONG_RUN_SECONDS)
    away_until = [0.0] * machines
    pace = max(_SHORT_PACE_SECONDS, PACE_SECONDS * scale) - _LEAST_GAP_SECONDS
    waiting: list[Kind] = []  # what could not be played when it was dealt comes first as soon as it can
    plan: list[Disturbance] = []
    at = _LEAST_GAP_SECONDS
    while at < seconds - 1:
        for kind in itertools.chain(list(waiting), itertools.islice(deal, _TRIES)):
            card = _CARDS[kind]
            scaled = (card.low + (card.high - card.low) * rng.random()) * (1.0 if kind in OF_AN_ADMIN else scale)
            lasts = min(scaled, seconds - at)
            pick, step = rng.random(), rng.choice(_STEPS_SECONDS)
            machine = None
            if kind in OF_A_MACHINE:
                first = _UNKILLED_MACHINES if kind in _STARTED_ANEW else _SAFE_MACHINES
                free = [index for index in range(min(first, machines - 1), machines) if away_until[index] < at]
                if not free or (kind in _LEAVES_ITS_PLACE and sum(until > at for until in away_until) >= machines // 2):
                    waiting = list(dict.fromkeys([*waiting, kind]))
                    continue  # the next card, then
                machine = free[int(pick * len(free))]
                if kind in _LEAVES_ITS_PLACE:
                    away_until[machine] = at + lasts
            amount = step * (1 if kind is Kind.CLOCK_FORWARD else -1) if kind in CLOCK_STEPS else 0
            plan.append(Disturbance(at, kind, lasts, machine, pick, amount))
            waiting = [one for one in waiting if one is not kind]
            break
        at += _LEAST_GAP_SECONDS + rng.expovariate(1 / pace)
    return tuple(plan)


def _deal(rng: random.Random, kinds: frozenset[Kind]) -> Iterator[Kind]:
    """Deal the deck, shuffled anew each time; what weighs little comes once in each round."""
    deck = [kind for kind in Kind if kind in kinds for _ in range(_CARDS[kind].weight)]
    once = [kind for kind in Kind if kind in kinds]
    rng.shuffle(once)
    yield from once  # a short run shall meet as many kinds as it can
    while True:
        rng.shuffle(deck)
        yield from deck
