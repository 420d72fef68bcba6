"""What is found out while a file is compared with a site."""

from __future__ import annotations

from datetime import datetime

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.schedules import zone_named
from OpenOrchestrator.site.document import SiteDocument
from OpenOrchestrator.site.plans import Noun
from OpenOrchestrator.site.present import PresentSite
from OpenOrchestrator.site.problems import Mark, Problem


class Findings:
    """What all comparisons start from, and what they find beside the changes.

    Args:
        document: What the file says.
        site: What the site is.
        prune: Whether what the file does not have is to be deleted.
        now: Aware instant.

    Attributes:
        zone: The site's time zone when everything is done.
        calendars: The calendars when everything is done; none is deleted that is used.
        problems: Why the file cannot be made true of this site.
        notes: What is left as it is though the file says otherwise.
        others: What the site has and the file does not, which stays.
    """

    def __init__(self, document: SiteDocument, site: PresentSite, *, prune: bool, now: datetime) -> None:
        self.document = document
        self.site = site
        self.prune = prune
        self.now = now
        zone = document.settings.get("timezone")
        self.zone = site.zone if zone is None else zone_named(zone[0])
        stored = {name: each.calendar for name, each in site.calendars.items() if each.calendar is not None}
        self.calendars: dict[str, Calendar] = stored | {
            each.calendar.name: each.calendar for each in document.calendars or ()
        }
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.others: list[tuple[Noun, str]] = []

    def problem(self, mark: Mark, words: str) -> None:
        """Note why the file cannot be made true."""
        self.problems.append(Problem(mark, words))
