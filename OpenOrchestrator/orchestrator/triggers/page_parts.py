"""What the page of a trigger says, as plain words, pairs and options of its chart. Pure. No page of its own."""

import json
from datetime import datetime, tzinfo
from typing import Any

from OpenOrchestrator.database.statuses import SecretPassing, TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS
from OpenOrchestrator.orchestrator.jobs.backend.history import RunLength, typical
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings
from OpenOrchestrator.orchestrator.triggers.cron_words import short

_PASSING = {
    SecretPassing.AUTO: "As the process needs it",
    SecretPassing.ENVIRONMENT: "Environment",
    SecretPassing.ARGUMENTS: "Arguments",
}


def next_words(row: ListedTrigger, now: datetime, zone: tzinfo) -> tuple[str, str | None, str]:
    """Return when a trigger runs next: words, tooltip, tone."""
    if row.stuck:
        return "Stuck", f"It is {row.status.value}, but no job of it runs.", "timeout"
    if row.active is not None:
        return "Running now", None, ""
    if row.status is TriggerStatus.FAILED:
        return "Will not run", "It failed, and runs again only after it was enabled.", "failed"
    if row.status in (TriggerStatus.PAUSED, TriggerStatus.KILLED):
        return "Disabled", "It runs again only after it was enabled.", ""
    if row.status is TriggerStatus.DONE:
        return "Has run", "A single trigger runs once.", ""
    if row.run_requested:
        return "Run requested", "The next free scheduler starts it.", ""
    if row.next_run is None:
        return "When New elements wait", None, ""
    instant = times.from_site(row.next_run, zone)
    if row.late:
        late = times.span((now - instant).total_seconds())
        return f"{late} late", f"Due {times.absolute(instant, zone)}", "timeout"
    return times.future(instant, now), times.absolute(instant, zone), ""


def setting_pairs(settings: TriggerSettings) -> list[tuple[str, str, bool]]:
    """Return what is set in words: label, value, whether it is shown in the fixed-width font."""
    pairs = [("Process", settings.process, False)]
    if settings.cron is not None:
        pairs += [("Schedule", short(settings.cron), False), ("Cron", settings.cron, True)]
    if settings.queue is not None:
        pairs += [("Queue", settings.queue, False), ("Batch size", times.number(settings.min_batch_size or 1), False)]
    if settings.next_run is not None:
        pairs.append(("Date", f"{settings.next_run:%Y-%m-%d %H:%M}", False))
    pairs.append(("Repository" if settings.is_git else "Path", settings.path, True))
    if settings.is_git:
        pairs.append(("Branch", settings.branch or "the default one", bool(settings.branch)))
    pairs += [
        ("Blocking", "Yes" if settings.is_blocking else "No", False),
        ("Priority", "Normal" if settings.priority == 0 else times.number(settings.priority), False),
        ("Schedulers", ", ".join(settings.schedulers) or "Any", False),
        ("Secrets", _PASSING[settings.passing], False),
        ("Time limit", times.limit(settings.timeout_seconds) if settings.timeout_seconds else "None", False),
    ]
    return pairs


def pretty(arguments: str) -> str:
    """Return arguments as they are read best: JSON indented, anything else as it is."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return arguments
    return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else arguments


def chart_options(lengths: tuple[RunLength, ...], zone: tzinfo) -> dict[str, Any]:
    """Return the chart of how long runs took: a bar for each, in the colour of how it ended."""
    longest = max((run.seconds or 0.0 for run in lengths), default=0.0)
    divisor, unit = (3600, "h") if longest >= 7200 else (60, "min") if longest >= 120 else (1, "s")
    data = []
    for run in lengths:
        look = JOB_LOOKS[run.status]
        took = times.exact_duration(run.seconds) if run.seconds is not None else "not ended"
        when = times.full(times.from_site(run.claimed, zone), zone)
        data.append(
            {
                "value": round((run.seconds or 0.0) / divisor, 3),
                "name": f"{look.word}, {took}, {when}",
                "itemStyle": {"color": f"var(--{look.tone}-mark)"},
            }
        )
    usual = typical(lengths)
    line = {
        "silent": True,
        "symbol": "none",
        "label": {"show": False},
        "lineStyle": {"color": "var(--text-3)", "type": "dotted", "width": 1.5},
        "data": [{"yAxis": usual / divisor}] if usual is not None else [],
    }
    names = [f"{times.day(times.from_site(run.claimed, zone), zone)} {run.claimed:%H:%M}" for run in lengths]
    return {
        "animation": False,
        "grid": {"left": 8, "right": 10, "top": 26, "bottom": 6, "containLabel": True},
        "tooltip": {
            "trigger": "item",
            "formatter": "{b}",
            "renderMode": "richText",
            "backgroundColor": "var(--raised)",
            "borderColor": "var(--border-strong)",
            "textStyle": {"color": "var(--text)", "fontSize": 12},
        },
        "xAxis": {
            "type": "category",
            "data": names,
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": "var(--border-strong)"}},
            "axisLabel": {"color": "var(--text-3)", "fontSize": 11, "hideOverlap": True},
        },
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": "var(--text-3)", "fontSize": 11},
            "splitNumber": 3,
            "splitLine": {"lineStyle": {"color": "var(--grid)"}},
            "axisLabel": {"color": "var(--text-3)", "fontSize": 11},
        },
        "series": [
            {
                "type": "bar",
                "data": data,
                "barMaxWidth": 18,
                "barMinHeight": 3,
                "itemStyle": {"borderRadius": [2, 2, 0, 0]},
                "markLine": line,
                "cursor": "pointer",
            }
        ],
    }
