"""A calendar in a file. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from OpenOrchestrator.common.calendars import MONDAY_TO_FRIDAY, WEEKDAYS, Calendar
from OpenOrchestrator.database.stores import calendars
from OpenOrchestrator.site.groups import Many, Part, Record
from OpenOrchestrator.site.kinds import Choice, Date, Reading, Text
from OpenOrchestrator.site.yaml_tree import Node


def _by_weekday(days: Any) -> list[str]:
    return sorted(days, key=WEEKDAYS.index)


CALENDAR = Record(
    MappingProxyType(
        {
            "name": Part(Text("name of the calendar", calendars.NAME_LENGTH), "", "What it is called."),
            "country": Part(Text("country", 2), None, "Two capital letters, whose public holidays are closed."),
            "region": Part(Text("region", 50), None, "A part of that country."),
            "closed": Part(Many(Date(), order=sorted), (), "Days that are closed as well."),
            "open": Part(Many(Date(), order=sorted), (), "Days that are open whatever else closes them."),
            "working_days": Part(
                Many(Choice(WEEKDAYS), order=_by_weekday, least=1),
                tuple(WEEKDAYS[day] for day in sorted(MONDAY_TO_FRIDAY)),
                "The weekdays that are open.",
            ),
        }
    ),
    required=("name",),
)


def read_calendar(node: Node, reading: Reading) -> Calendar:
    """Return the calendar of a node. What is wrong with one of its values is noted.

    Raises:
        ProblemError: If the node is no calendar.
    """
    values = CALENDAR.read(node, reading)
    return Calendar(
        values["name"],
        values["country"],
        values["region"],
        frozenset(values["closed"]),
        frozenset(values["open"]),
        frozenset(map(WEEKDAYS.index, values["working_days"])),
    )


def written_calendar(calendar: Calendar) -> dict[str, Any]:
    """Return a calendar as it is written; what is as by default is left out."""
    return CALENDAR.plain(
        {
            "name": calendar.name,
            "country": calendar.country,
            "region": calendar.region,
            "closed": tuple(sorted(calendar.closed)),
            "open": tuple(sorted(calendar.opened)),
            "working_days": tuple(WEEKDAYS[day] for day in sorted(calendar.working_days)),
        }
    )
