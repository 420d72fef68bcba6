"""What robots told as rows of what needs attention. Pure: facts in, words out."""

from __future__ import annotations

from OpenOrchestrator.orchestrator.backend.alerts import Alert
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.choices import join_choice
from OpenOrchestrator.orchestrator.components.vocabulary import PARTIALLY_DONE
from OpenOrchestrator.orchestrator.dashboard.attention import AttentionRow
from OpenOrchestrator.orchestrator.dashboard.backend.overview import Glance
from OpenOrchestrator.orchestrator.dashboard.backend.told import PartialRuns
from OpenOrchestrator.orchestrator.dashboard.links import link
from OpenOrchestrator.orchestrator.dashboard.owned import owned
from OpenOrchestrator.orchestrator.dashboard.words import Moment


def alert_rows(glance: Glance, moment: Moment) -> list[AttentionRow]:
    """Return the open alerts, the newest first."""
    return [_alert(each, glance, moment) for each in glance.told.alerts]


def partial_rows(glance: Glance, moment: Moment) -> list[AttentionRow]:
    """Return what runs left undone, by trigger."""
    return [_partial(each, glance, moment) for each in glance.told.partial]


def dismissed_by(row_id: str, glance: Glance) -> Alert | None:
    """Return the alert that the button of a row dismisses."""
    return next((each for each in glance.told.alerts if f"alert {each.id}" == row_id), None)


def _alert(alert: Alert, glance: Glance, moment: Moment) -> AttentionRow:
    past = times.past(alert.raised_at, moment.now, moment.zone)
    full = times.absolute(alert.raised_at, moment.zone)
    return AttentionRow(
        id=f"alert {alert.id}",
        icon="sym_r_notifications_active",
        tone="failed",
        title=" ".join(alert.message.split()),
        tip=alert.message,
        who=f"Alert of {alert.name}",
        count="1",
        countOf="alert",
        countHref=f"/jobs/{alert.job_id}",
        first=past,
        firstTip=full,
        last=past,
        lastTip=full,
        link="Open job",
        href=f"/jobs/{alert.job_id}",
        action="Dismiss",
        actionIcon="sym_r_check",
        **owned(glance.owners.of_triggers([alert.trigger_id] if alert.trigger_id else [])),
    )


def _partial(runs: PartialRuns, glance: Glance, moment: Moment) -> AttentionRow:
    own = {"process": join_choice((runs.process,), exclude=False)}
    if runs.trigger_id is not None:
        own = {"trigger": str(runs.trigger_id)}
    listed = {"segment": "partial", "from": f"{glance.since:%Y-%m-%dT%H:%M}"}
    return AttentionRow(
        id=f"partial {runs.trigger_id or runs.process}",
        icon=PARTIALLY_DONE.icon,
        tone=PARTIALLY_DONE.tone,
        title=" ".join(runs.message.split()) or PARTIALLY_DONE.word,
        tip=runs.message or None,
        who=f"{PARTIALLY_DONE.word}: {runs.name}",
        count=times.number(runs.count),
        countOf="jobs: Partially done",
        countHref=link("/jobs", **own, **listed),
        first=moment.past(runs.first),
        firstTip=moment.full(runs.first),
        last=moment.past(runs.last),
        lastTip=moment.full(runs.last),
        link="Open job" if runs.count == 1 else "Last job",
        href=f"/jobs/{runs.newest}",
        **owned(glance.owners.of_triggers([runs.trigger_id] if runs.trigger_id else [])),
    )
