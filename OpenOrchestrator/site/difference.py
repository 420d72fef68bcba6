"""The difference between a file and a site: what would have to be done, before anything is. Pure."""

from __future__ import annotations

from datetime import datetime

from OpenOrchestrator.site.document import SETTINGS, SiteDocument
from OpenOrchestrator.site.findings import Findings
from OpenOrchestrator.site.plans import Action, Change, Noun, Plan, Step
from OpenOrchestrator.site.present import PresentSite
from OpenOrchestrator.site.problems import SiteFileError
from OpenOrchestrator.site.queue_differences import queue_changes
from OpenOrchestrator.site.shared_differences import (
    calendar_changes,
    calendar_deletions,
    pool_changes,
    pool_deletions,
)
from OpenOrchestrator.site.trigger_differences import trigger_changes
from OpenOrchestrator.site.value_differences import constant_changes, credential_changes


def between(
    document: SiteDocument, site: PresentSite, *, prune: bool, now: datetime, file_name: str = "the file"
) -> Plan:
    """Return what has to be done to make a site what a file says.

    Args:
        document: What the file says.
        site: What the site is.
        prune: Whether what the file does not have is to be deleted, in the sections that it has.
        now: Aware instant, from which next runs are computed.
        file_name: For messages.

    Raises:
        SiteFileError: If the file cannot be made true of this site.
    """
    findings = Findings(document, site, prune=prune, now=now)
    before = [
        *_setting_changes(findings),
        *calendar_changes(findings),
        *pool_changes(findings),
        *queue_changes(findings),
    ]
    triggers = trigger_changes(findings)
    after = [*calendar_deletions(findings, triggers), *pool_deletions(findings, triggers)]
    values = [*constant_changes(findings), *credential_changes(findings)]
    if findings.problems:
        raise SiteFileError(findings.problems, file_name)
    return Plan((*before, *triggers, *after, *values), tuple(findings.notes), tuple(findings.others))


def _setting_changes(findings: Findings) -> list[Change]:
    changes = []
    for key, (value, _) in findings.document.settings.items():
        before = findings.site.settings.get(key, SETTINGS[key].default)
        if value != before:
            kind = SETTINGS[key].kind
            step = Step(key, None if before is None else kind.plain(before), kind.plain(value))
            changes.append(Change(action=Action.CHANGE, noun=Noun.SITE, name="", steps=(step,), wanted=value))
    return changes
