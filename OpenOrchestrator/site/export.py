"""The file that says what a site is. Pure.

Owns what stands in it, in which order, and with which comments. The same site always gives the same text: no date, no
order that depends on the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from OpenOrchestrator.site import yaml_text
from OpenOrchestrator.site.calendar_entries import written_calendar
from OpenOrchestrator.site.constant_entries import ConstantKind, shown_values
from OpenOrchestrator.site.document import SETTINGS, VERSION
from OpenOrchestrator.site.present import PresentSite, PresentTrigger
from OpenOrchestrator.site.queue_entries import written_queue
from OpenOrchestrator.site.trigger_fields import fields_of

SCHEMA_NAME = "site-file.schema.json"

_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA_NAME}
# What is set on a site of OpenOrchestrator. See what a change of this file would do, and do it, with
#   python -m OpenOrchestrator plan FILE
#   python -m OpenOrchestrator apply FILE
# A key that is left out has its default; a section that is left out is left alone.
"""

_COMMENTS = {
    "calendars": "On which days schedules hold.",
    "pools": "How much there is of what not all can have at once.",
    "queues": "What queues say about their elements. Those that are not here have the defaults.",
    "triggers": "To rename a trigger, give its id as well. What *** stands for is in no file, and stays as it is.",
    "constants": "What robots read by name.",
    "credentials": "By name alone. Users and passwords are in no file: they are entered in the app.",
}


def text_of(site: PresentSite, *, with_ids: bool = False) -> str:
    """Return the text of the file.

    Args:
        site: What the site is.
        with_ids: Whether every trigger gets its id; otherwise those whose name another one has.
    """
    names = Counter(each.name for each in site.triggers)
    lines = [f"version: {VERSION}"]
    for key, value in site.settings.items():
        lines += yaml_text.entry(key, SETTINGS[key].kind.plain(value), 0)
    calendars = [
        yaml_text.item(written_calendar(each.calendar), 2)
        for each in site.calendars.values()
        if each.calendar is not None
    ]
    triggers = [_trigger(each, with_id=with_ids or names[each.name] > 1) for each in site.triggers]
    lines += _section("calendars", calendars, "[]")
    pools = [yaml_text.entry(name, each.size, 2) for name, each in site.pools.items()]
    lines += _section("pools", pools, "{}")
    queues = [yaml_text.item(written_queue(each.values), 2) for each in site.queues.values()]
    lines += _section("queues", queues, "[]")
    lines += _section("triggers", triggers, "[]")
    kind = ConstantKind()
    constants = [
        yaml_text.entry(name.strip(), kind.plain(shown_values(each)), 2) for name, each in site.constants.items()
    ]
    lines += _section("constants", constants, "{}")
    names_of_credentials = [[f"  - {yaml_text.scalar(name.strip(), in_line=False)}"] for name in site.credentials]
    lines += _section("credentials", names_of_credentials, "[]")
    for what in site.unreadable:
        lines.append(f"# {' '.join(what.split())} cannot be read and is not in this file.")
    return _HEAD + "\n".join(lines) + "\n"


def _section(name: str, items: Iterable[list[str]], none: str) -> list[str]:
    lines = [line for item in items for line in item]
    head = ["", f"# {_COMMENTS[name]}"]
    return [*head, f"{name}:", *lines] if lines else [*head, f"{name}: {none}"]


def _trigger(trigger: PresentTrigger, *, with_id: bool) -> list[str]:
    values: dict[str, Any] = {}
    for field in fields_of(trigger.type):
        value = trigger.values[field.key]
        if field.key == "enabled":
            values[field.key] = bool(value)
        elif field.key == "process":
            if value != trigger.name:
                values[field.key] = field.plain(value)
        elif field.required or value != field.default:
            values[field.key] = field.plain(value)
        if field.key == "name" and with_id:
            values["id"] = str(trigger.id)
    return yaml_text.item(values, 2)
