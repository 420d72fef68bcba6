"""The JSON schema of files, for editors: made from the registry that reads them. Pure."""

from __future__ import annotations

import json
from typing import Any

from OpenOrchestrator.database.stores import constants
from OpenOrchestrator.site.calendar_entries import CALENDAR
from OpenOrchestrator.site.document import CONSTANTS, POOLS, SETTINGS, VERSION
from OpenOrchestrator.site.queue_entries import QUEUE
from OpenOrchestrator.site.trigger_fields import TRIGGER_FIELDS, TYPE_KEYS

_UUID = "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"


def schema() -> dict[str, Any]:
    """Return the schema. What it cannot say, such as whether a cron expression is one, is said by ``plan``."""
    settings = {key: {**part.kind.schema(), "description": part.words} for key, part in SETTINGS.items()}
    names = {"type": "string", "minLength": 1, "maxLength": constants.NAME_LENGTH}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A site of OpenOrchestrator as a file",
        "type": "object",
        "properties": {
            "version": {"const": int(VERSION), "description": "The version of this kind of files."},
            **settings,
            "calendars": {
                "type": "array",
                "items": CALENDAR.schema(),
                "description": "On which days schedules hold.",
            },
            "pools": {**POOLS.schema(), "description": "How much there is of what not all can have at once."},
            "queues": {
                "type": "array",
                "items": QUEUE.schema(),
                "description": "What queues say about their elements.",
            },
            "triggers": {"type": "array", "items": _trigger(), "description": "When which process runs."},
            "constants": {**CONSTANTS.schema(), "description": "What robots read by name."},
            "credentials": {
                "type": "array",
                "items": names,
                "description": "Names of credentials. Users and passwords are entered in the app.",
            },
        },
        "required": ["version"],
        "additionalProperties": False,
    }


def text() -> str:
    """Return the schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _trigger() -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in TRIGGER_FIELDS:
        properties[field.key] = {**field.kind.schema(), "description": field.words}
        if field.key == "name":
            properties["id"] = {
                "type": "string",
                "pattern": _UUID,
                "description": "Which trigger of the site it is, whatever that is called.",
            }
    # A key that goes with one kind of triggers wants the key that makes this kind.
    needs = {
        field.key: [key]
        for field in TRIGGER_FIELDS
        for key, kind in TYPE_KEYS.items()
        if field.types == {kind} and field.key != key
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [field.key for field in TRIGGER_FIELDS if field.required],
        "oneOf": [{"required": [key]} for key in TYPE_KEYS],
        "dependencies": needs,
        "additionalProperties": False,
    }
