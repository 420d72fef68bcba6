"""The difference between the queues of a file and those of a site. Pure.

Settings alone are meant: elements are in no file, and none is made, changed or deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from OpenOrchestrator.site import queue_entries
from OpenOrchestrator.site.findings import Findings
from OpenOrchestrator.site.plans import Action, Change, Noun, Step


def queue_changes(findings: Findings) -> list[Change]:
    """Return which queues are to say something else, and which nothing any more."""
    if findings.document.queues is None:
        return []
    changes = []
    for entry in findings.document.queues:
        stored = findings.site.queues.get(entry.name)
        before = queue_entries.nothing_said(entry.name) if stored is None else stored.values
        steps = _steps(before, entry.values)
        if steps:
            changes.append(
                Change(action=Action.CHANGE, noun=Noun.QUEUE, name=entry.name, steps=steps, wanted=entry.values)
            )
    named = {entry.name for entry in findings.document.queues}
    for name, stored in findings.site.queues.items():
        if name in named:
            continue
        nothing = {**queue_entries.nothing_said(name), "paused": None}  # who paused it ends that
        steps = _steps(stored.values, nothing)
        if not findings.prune:
            findings.others.append((Noun.QUEUE, name))
        elif steps:
            changes.append(Change(action=Action.DELETE, noun=Noun.QUEUE, name=name, steps=steps, wanted=nothing))
    return changes


def _steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Step, ...]:
    return tuple(
        Step(key, queue_entries.plain(key, before[key]), queue_entries.plain(key, after[key]))
        for key in queue_entries.differing(before, after)
    )
