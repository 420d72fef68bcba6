"""What a scheduler can be asked to do, and how it is said that it was: cordon, uncordon, drain. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.vocabulary import Look

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.schedulers.backend.schedulers import SchedulerRow

ALIVE = Look("Heard from", "done", "sym_r_check_circle", quiet=True)
SILENT = Look("Not heard from", "lost", "sym_r_link_off")
CORDONED = Look("Cordoned", "paused", "sym_r_block")
DRAINING = Look("Draining", "paused", "sym_r_hourglass_top")
STOPPING = Look("Stopping", "paused", "sym_r_hourglass_top")

OLD = "It is of a version before 4.0, which obeys neither cordon nor drain: stop it on its machine"


@dataclass(frozen=True, slots=True)
class Wish:
    """Something a scheduler can be asked.

    Attributes:
        verb: What the button says.
        refused: Returns why it cannot be asked now; empty if it can.
        sentences: Returns what it means.
        done: Returns what is said afterwards, behind the scheduler's name.
    """

    verb: str
    refused: Callable[[SchedulerRow], str]
    sentences: Callable[[SchedulerRow], list[str]]
    done: Callable[[SchedulerRow], str]


def state_of(row: SchedulerRow) -> Look:
    """Return the state of a scheduler: of several the one that matters most."""
    if row.silent:
        return SILENT
    if row.drain is not None:
        return DRAINING
    if row.stopping is not None:
        return STOPPING
    return ALIVE if row.cordon is None else CORDONED


def held_words(row: SchedulerRow, zone: tzinfo) -> str:
    """Return who asked a scheduler for what and since when; empty if nobody did."""
    mark, word = (row.drain, "Drained") if row.drain is not None else (row.cordon, "Cordoned")
    if mark is not None:
        by = f" by {mark.by}" if mark.by else ""
        return f"{word}{by} since {times.absolute(mark.since, zone)}"
    if row.stopping is not None:
        return f"Asked to stop on its machine, {times.absolute(row.stopping, zone)}"
    return ""


def _runs(row: SchedulerRow) -> list[str]:
    if not row.running:
        return []
    return [f"{len(row.running)} job{'' if len(row.running) == 1 else 's'} running there now."]


def _cordon_refused(row: SchedulerRow) -> str:
    return OLD if not row.obeys else "It is cordoned" if row.cordon is not None else ""


def _drain_refused(row: SchedulerRow) -> str:
    if not row.obeys:
        return OLD
    if row.drain is not None:
        return "It is being drained"
    return "It is not heard from, so there is nothing to end. Cordon it instead" if row.silent else ""


ASKED = {
    "cordon": Wish(
        "Cordon",
        _cordon_refused,
        lambda row: [
            "It starts nothing new until it is uncordoned, also after a restart. Its robots go on.",
            *_runs(row),
        ],
        lambda _row: "starts nothing new",
    ),
    "uncordon": Wish(
        "Uncordon",
        lambda row: "" if row.cordon is not None or row.drain is not None else "It is not cordoned",
        lambda row: [
            "It starts robots again when they are due.",
            *(["It is being drained: that is called off."] if row.drain is not None else []),
        ],
        lambda _row: "starts robots again",
    ),
    "drain": Wish(
        "Drain",
        _drain_refused,
        lambda row: [
            "It starts nothing new, and its scheduler ends when its robots have. Robots that ask are told to end.",
            *_runs(row),
            "When it is started again, it is still cordoned: uncordon it then.",
            "A service that is always restarted comes back at once, and starts nothing.",
        ],
        lambda _row: "ends when its robots have",
    ),
}
"""By the name of the action."""
