"""What stands in files is complete, published and described."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa
import yaml

from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.site import schema
from OpenOrchestrator.site.calendar_entries import CALENDAR
from OpenOrchestrator.site.document import SECTIONS, read
from OpenOrchestrator.site.groups import Record
from OpenOrchestrator.site.problems import SiteFileError
from OpenOrchestrator.site.queue_entries import GROWING_PAUSE, QUEUE
from OpenOrchestrator.site.trigger_fields import NOT_EXPORTED, TRIGGER_FIELDS

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
EXAMPLE = re.search(r"```yaml\n(.*?)```", (REFERENCE / "site-file.md").read_text(encoding="utf-8"), re.DOTALL)


def test_every_column_of_a_trigger_is_exported_or_named_with_the_reason_why_not() -> None:
    columns = {
        attribute.key
        for model in (Trigger, SingleTrigger, ScheduledTrigger, QueueTrigger)
        for attribute in sa.inspect(model).column_attrs
    }
    exported = {column for field in TRIGGER_FIELDS for column in field.columns}
    assert columns - exported - set(NOT_EXPORTED) == set(), "give it a field in site/trigger_fields.py"
    assert exported | set(NOT_EXPORTED) <= columns
    assert not exported & set(NOT_EXPORTED)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = (REFERENCE / "site-file.schema.json").read_text(encoding="utf-8")
    assert published == schema.text(), (
        "run python -m OpenOrchestrator export --schema docs/reference/site-file.schema.json"
    )


def test_every_key_is_in_the_reference() -> None:
    text = (REFERENCE / "site-file.md").read_text(encoding="utf-8")
    records = [field.kind for field in TRIGGER_FIELDS if isinstance(field.kind, Record)]
    keys = {
        *SECTIONS,
        "id",
        *(field.key for field in TRIGGER_FIELDS),
        *CALENDAR.parts,
        *QUEUE.parts,
        *GROWING_PAUSE.parts,
    }
    records += [part.kind for part in QUEUE.parts.values() if isinstance(part.kind, Record)]
    keys |= {key for record in records for key in record.parts}
    rows = re.findall(r"^\| `(\w+)`", text, re.MULTILINE)
    assert keys == set(rows)


def test_the_example_of_the_reference_is_right_by_schema_and_by_reading() -> None:
    assert EXAMPLE
    read(EXAMPLE[1].encode(), dialect_name="sqlite")
    check(EXAMPLE[1])
    used = {key for trigger in as_editors_read(EXAMPLE[1])["triggers"] for key in trigger}
    assert used == {"id", *(field.key for field in TRIGGER_FIELDS)}
    assert {key for queue in as_editors_read(EXAMPLE[1])["queues"] for key in queue} == set(QUEUE.parts)


def as_editors_read(text: str) -> Any:
    """Return a file as editors do, which know no dates."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(text, Loader=Loader)


def check(text: str) -> None:
    made = schema.schema()
    jsonschema.Draft7Validator.check_schema(made)
    jsonschema.Draft7Validator(made).validate(as_editors_read(text))


@pytest.mark.parametrize(
    "trigger",
    [
        "{name: a, path: b}",
        "{name: a, queue: c}",
        "{path: b, queue: c}",
        "{name: a, path: b, queue: c, at: '2026-01-01 05:00'}",
        "{name: a, path: b, queue: c, timezone: Europe/Copenhagen}",
        "{name: a, path: b, schedule: '0 5 * * *', min_batch: 2}",
        "{name: a, path: b, queue: c, prority: 2}",
        "{name: a, path: b, queue: c, priority: high}",
        "{name: a, path: b, queue: c, time_out: 30 minutes}",
        "{name: a, path: b, queue: c, retry: {times: 1000}}",
        "{name: a, path: b, queue: c, secrets: none}",
        "{name: a, path: b, queue: c, arguments: 7}",
        "{name: a, path: b, at: tomorrow}",
    ],
)
def test_what_the_schema_refuses_is_refused_by_reading(trigger: str) -> None:
    text = f"version: 1\ntriggers: [{trigger}]"
    with pytest.raises(jsonschema.ValidationError):
        check(text)
    with pytest.raises(SiteFileError):
        read(text.encode(), dialect_name="sqlite")


@pytest.mark.parametrize(
    "queue",
    [
        "{attempts: 3}",
        "{name: a, attempts: 0}",
        "{name: a, atempts: 3}",
        "{name: a, attempt_pause: 5}",
        "{name: a, attempt_pause: {growth: 2}}",
        "{name: a, retention: {done: 12h}}",
        "{name: a, retention: {done: 0d}}",
        "{name: a, unique: always}",
        "{name: a, when_robot_died: leave}",
        "{name: a, paused: later}",
        "{name: a, breaker: 0}",
        "{name: a, schema: 7}",
        "{name: a, owner: Finance}",
    ],
)
def test_what_the_schema_refuses_of_a_queue_is_refused_by_reading(queue: str) -> None:
    text = f"version: 1\nqueues: [{queue}]"
    with pytest.raises(jsonschema.ValidationError):
        check(text)
    with pytest.raises(SiteFileError):
        read(text.encode(), dialect_name="sqlite")


def test_the_schema_has_words_for_everybody_who_hovers() -> None:
    trigger = json.loads(schema.text())["properties"]["triggers"]["items"]
    assert all(len(each["description"]) > 10 for each in trigger["properties"].values())
