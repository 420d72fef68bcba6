"""Queues that their breaker paused, as rows. Pure: facts in, words out."""

from __future__ import annotations

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.dashboard.attention import AttentionRow
from OpenOrchestrator.orchestrator.dashboard.backend.overview import Glance
from OpenOrchestrator.orchestrator.dashboard.owned import owned
from OpenOrchestrator.orchestrator.dashboard.words import Moment
from OpenOrchestrator.orchestrator.queues.address import path_of


def broken_rows(glance: Glance, moment: Moment) -> list[AttentionRow]:
    """Return queues that their breaker paused."""
    return [
        AttentionRow(
            id=f"breaker {each.queue}",
            icon="r_pause_circle",
            tone="failed",
            title=f"{each.queue} was paused by its breaker",
            tip=each.reason,
            who=each.reason,
            count="1",
            countOf="paused queue",
            countHref=path_of(each.queue),
            first=moment.past(each.since),
            firstTip=f"Paused {moment.full(each.since)}",
            last=f"since {times.span(moment.seconds_since(each.since))}",
            link="Queue",
            href=path_of(each.queue),
            **owned(glance.owners.of_queues([each.queue])),
        )
        for each in glance.broken
    ]
