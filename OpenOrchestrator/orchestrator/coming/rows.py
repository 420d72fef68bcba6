"""Coming runs, and what will not fit, as tables show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from OpenOrchestrator.orchestrator.coming.backend.collisions import Demand, Kind, Trouble
from OpenOrchestrator.orchestrator.coming.backend.coming import Forecast
from OpenOrchestrator.orchestrator.coming.words import (
    length_words,
    places_text,
    some,
    trouble_time,
    trouble_words,
    when_words,
)
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row
from OpenOrchestrator.orchestrator.components.vocabulary import Look

COLUMNS = (
    Column("when", "Expected", "196px", phone=True, phone_width="132px"),
    Column("name", "Trigger", phone=True),
    Column("where", "Scheduler", "22%"),
    Column("length", "Takes about", "110px", right=True),
    Column("fits", "", "136px", described="Whether it fits"),
)
TROUBLE_COLUMNS = (
    Column("when", "When", "196px", phone=True, phone_width="132px"),
    Column("kind", "What", "140px"),
    Column("where", "Scheduler", "20%"),
    Column("who", "Which", phone=True),
)
COLLISION = Look("Collision", "timeout", "sym_r_warning")
SHORTAGE = Look("Too few slots", "timeout", "sym_r_stacked_bar_chart")
NOWHERE = Look("No scheduler", "lost", "sym_r_link_off")


def coming_row(expected: Demand, trouble: Trouble | None, now: datetime, live: Sequence[str], zone: tzinfo) -> Row:
    """Return an expected run as the table shows it."""
    run = expected.run
    when, when_tip = when_words(run, now, zone)
    length, length_tip = length_words(run)
    second = f"{times.number(run.count)} runs" if run.count > 1 else None
    if run.is_retry:
        second = f"Retry {run.trigger.retry}"
    return Row(
        id=f"{run.trigger.id}-{int(run.start.timestamp())}",
        name=run.trigger.name,
        cells={
            "when": cells.text(when, second=second, tip=when_tip),
            "name": cells.text(run.trigger.name, second=run.trigger.process, href=f"/triggers/{run.trigger.id}"),
            "where": _where(expected.places, run.trigger.schedulers, live, blocking=run.trigger.is_blocking),
            "length": cells.text(length, tone="t3" if run.trigger.seconds is None else None, tip=length_tip),
            "fits": _fits(expected, trouble),
        },
    )


def trouble_row(trouble: Trouble, now: datetime, live: Sequence[str], zone: tzinfo) -> Row:
    """Return what will not fit as the table shows it."""
    when, tip = trouble_time(trouble, now, zone)
    what, means = trouble_words(trouble)
    names = [run.trigger.name for run in trouble.runs]
    often = f"{times.number(trouble.times)} times" if trouble.times > 1 else None
    return Row(
        id=f"{int(trouble.start.timestamp())}-{'|'.join(sorted(trouble.places))}",
        name=what,
        cells={
            "when": cells.text(when, second=often, tip=tip),
            "kind": cells.pill(COLLISION if trouble.kind is Kind.COLLISION else SHORTAGE),
            "where": cells.text(places_text(trouble.places, live), tip="\n".join(sorted(trouble.places))),
            "who": cells.text(what, second=means, tip="\n".join(dict.fromkeys(names))),
        },
    )


def nowhere_row(forecast: Forecast) -> Row:
    """Return the triggers that nobody may take as the table shows them."""
    return Row(
        id="nowhere",
        name="Nobody may take them",
        cells={
            "when": cells.text("When due"),
            "kind": cells.pill(NOWHERE),
            "where": cells.text(places_text(frozenset(), ()), tone="t2"),
            "who": cells.text(
                some(forecast.nowhere),
                second="The schedulers that they name are unknown, not heard from, or cordoned.",
                tip="\n".join(forecast.nowhere),
            ),
        },
    )


def _where(places: frozenset[str], named: Sequence[str], live: Sequence[str], *, blocking: bool) -> cells.Cell:
    words = places_text(places, live)
    tip = "\n".join(sorted(places, key=str.casefold)) if places else "\n".join(named)
    tone = None if places else "lost"
    return cells.text(words, second="Blocking" if blocking else None, tone=tone, tip=tip or None)


def _fits(expected: Demand, trouble: Trouble | None) -> cells.Cell:
    if not expected.places:
        return cells.pill(NOWHERE)
    if trouble is None:
        return cells.text("", tone="t3")
    what, means = trouble_words(trouble)
    look = COLLISION if trouble.kind is Kind.COLLISION else SHORTAGE
    return {**cells.pill(look), "tip": f"{what}\n{means}"}
