"""All pages of the app. A noun says in ``PAGES`` where its pages stand and what is counted; a new one is named here."""

from __future__ import annotations

from OpenOrchestrator.orchestrator.calendars import page as calendars
from OpenOrchestrator.orchestrator.coming import page as coming
from OpenOrchestrator.orchestrator.dashboard import page as dashboard
from OpenOrchestrator.orchestrator.jobs import list_page as jobs
from OpenOrchestrator.orchestrator.jobs import page as job
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.logs import page as logs
from OpenOrchestrator.orchestrator.pools import page as pools
from OpenOrchestrator.orchestrator.queues import list_page as queues
from OpenOrchestrator.orchestrator.queues import page as queue
from OpenOrchestrator.orchestrator.queues.elements import page as element
from OpenOrchestrator.orchestrator.schedulers import page as schedulers
from OpenOrchestrator.orchestrator.setup import settings_page as settings
from OpenOrchestrator.orchestrator.triggers import list_page as triggers
from OpenOrchestrator.orchestrator.triggers import page as trigger
from OpenOrchestrator.orchestrator.values import constants_page as constants
from OpenOrchestrator.orchestrator.values import credentials_page as credentials

_MODULES = (
    dashboard,
    triggers,
    trigger,
    jobs,
    job,
    queues,
    queue,
    element,
    logs,
    coming,
    schedulers,
    calendars,
    pools,
    constants,
    credentials,
    settings,
)


def all_pages() -> tuple[PageSpec, ...]:
    """Return all pages, each with its address and its place in the navigation."""
    return tuple(page for module in _MODULES for page in module.PAGES)
