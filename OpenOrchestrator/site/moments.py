"""The time of a trigger that runs once, in a file: a wall clock, and where that does not tell, its offset. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from OpenOrchestrator.common import cron
from OpenOrchestrator.site.kinds import Reading, Schema, shown
from OpenOrchestrator.site.problems import ProblemError
from OpenOrchestrator.site.yaml_text import Bare
from OpenOrchestrator.site.yaml_tree import Node, Scalar

PATTERN = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?$"

_WRITTEN = re.compile(PATTERN.replace(r"\d", "[0-9]"))


class Moment:
    """A date with a time; the value is a datetime, naive in site time or aware."""

    def read(self, node: Node, _reading: Reading) -> datetime:
        """Return the date and time of a node."""
        text = node.text if isinstance(node, Scalar) else ""
        match = _WRITTEN.match(text)
        try:
            if match:
                fraction = (match[2] or "").ljust(7, "0") if match[2] else ""
                told = text.replace(match[2], fraction) if match[2] else text
                return datetime.fromisoformat(told.replace("Z", "+00:00"))
        except ValueError:
            pass
        raise ProblemError(
            node.mark, f"Here has to stand a date and time of the site such as 2026-12-01 05:00, not {shown(node)}."
        )

    def schema(self) -> Schema:
        """Return its type and form."""
        return {"type": "string", "pattern": PATTERN}

    def plain(self, value: datetime) -> str:
        """Return it to the minute, or as exactly as it is."""
        exact = "minutes" if not value.second and not value.microsecond else "auto"
        return Bare(value.isoformat(" ", exact))


def in_site_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return a moment naive on the site's clock; aware where that shows its time twice and the later one is meant.

    Args:
        moment: Naive in site time, or aware.
        zone: The site's time zone.
    """
    if moment.tzinfo is None:
        return moment
    wall = cron.to_site(moment.astimezone(timezone.utc), zone)
    return wall if cron.to_utc(wall, zone) == moment else moment.astimezone(zone)


def stored(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return a moment as naive site time and as an aware instant."""
    due = cron.to_utc(moment, zone) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    return (moment if moment.tzinfo is None else cron.to_site(due, zone)), due
