"""Files of an element, and data that is too long to be shown as a whole, as an admin meets them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import AttachmentOwner
from OpenOrchestrator.database.stores import attachment_files, attachments, queue_elements, queue_rules
from OpenOrchestrator.database.stores.queue_rules import QueueRules
from OpenOrchestrator.orchestrator.queues.backend import csv_export
from OpenOrchestrator.orchestrator.queues.backend.csv_import import CsvImportBackend
from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementsBackend, ElementValues
from OpenOrchestrator.orchestrator.queues.backend.matching_elements import MatchingElementsBackend
from OpenOrchestrator.orchestrator.queues.elements.form import values_of
from OpenOrchestrator.orchestrator.queues.elements.long_content import size_words
from tests.ui.conftest import App
from tests.ui.pages import click
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

LONG = json.dumps({"text": "ø" * 150_000})
EVIL = '<img src=x onerror=alert(1)> "; x=.html'


def add(database: Database, data: str | None = None, **values: Any) -> UUID:
    given = {"queue_name": "q", "reference": "r1", "created_by": None, "created_date": site_time(NOW), **values}
    return database.write(lambda session: queue_elements.create(session, data=data, **given)).id


async def texts(user: User, marker: str) -> list[str]:
    await user.should_see(marker=marker, retries=30)
    (element,) = user.find(marker=marker).elements
    return [each.text for each in element.descendants() if isinstance(each, ui.label)]


async def test_files_are_listed_and_downloaded(user: User, app: App, site: Database, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000
    path = tmp_path / "x"
    path.write_bytes(content)
    element_id = add(site)
    attachment_files.attach(site, AttachmentOwner.ELEMENT, element_id, path, name=EVIL)
    hidden = attachment_files.attach(site, AttachmentOwner.ELEMENT, element_id, path, name="half of it").id
    site.write(lambda session: attachments.hide(session, [hidden]))
    await user.open(f"/queues/q/{element_id}")
    assert await texts(user, "element-files") == [EVIL, "512 kB"]
    async with app.client() as user.http_client:
        await click(user, "download-file")
        answer = await user.download.next(timeout=5)
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%3Cimg%20src%3Dx")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_element_without_files_has_no_card_for_them(user: User, site: Database) -> None:
    await user.open(f"/queues/q/{add(site)}")
    await user.should_see("It has no data.", retries=30)
    await user.should_not_see("Files")


async def test_of_long_data_the_page_shows_the_beginning(user: User, app: App, site: Database) -> None:
    element_id = add(site, LONG)
    await user.open(f"/queues/q/{element_id}")
    note, shown = await texts(user, "element-data")
    assert note == f"The first 20000 of {len(LONG)} characters."
    assert shown == LONG[:20_000]
    async with app.client() as user.http_client:
        await click(user, "download-data")
        answer = await user.download.next(timeout=5)
    assert answer.content.decode() == LONG


async def test_long_data_is_changed_guarded_and_exported_whole(site: Database, app: App) -> None:
    element_id = add(site, LONG)
    backend = ElementsBackend(site, app.installation.clock)
    seen = await backend.get(element_id)
    assert seen.data == LONG
    values = values_of(seen)
    assert await backend.update(seen, ElementValues(**{**_asdict(values), "reference": "r2"}))
    seen = await backend.get(element_id)
    assert (seen.reference, seen.data) == ("r2", LONG)
    matching = await MatchingElementsBackend(site, app.installation.clock).resolve(ElementQuery(queue="q"))
    assert LONG.replace('"', '""') in b"".join(csv_export.elements(site, matching)).decode("utf-8-sig")
    other = LONG[:-2] + 'y"}'
    site.write(lambda session: queue_elements.update(session, element_id, {"data": other}))
    assert not await backend.update(seen, ElementValues(**{**_asdict(values), "data": "short"}))
    newer = await backend.get(element_id)
    assert await backend.update(newer, ElementValues(**{**_asdict(values_of(newer)), "data": "short"}))
    assert (await backend.get(element_id)).data == "short"


def _asdict(values: ElementValues) -> dict[str, Any]:
    return {name: getattr(values, name) for name in ("queue", "reference", "data", "message", "created_by", "status")}


async def test_data_that_does_not_fit_the_schema_is_refused_in_form_and_import(site: Database, app: App) -> None:
    rules = queue_rules.checked(QueueRules(json_schema='{"properties": {"a": {"type": "number"}}}'))
    site.write(lambda session: queue_rules.write(session, "q", rules, None, now=NOW))
    backend = ElementsBackend(site, app.installation.clock)
    with pytest.raises(InvalidInputError, match=r"\$\.a: 'x' is not of type 'number'"):
        await backend.create(ElementValues(queue="q", data='{"a": "x"}'))
    element_id = await backend.create(ElementValues(queue="q", data='{"a": 1}'))
    seen = await backend.get(element_id)
    with pytest.raises(InvalidInputError, match=r"\$\.a: 'x'"):
        await backend.update(seen, ElementValues(queue="q", data='{"a": "x"}'))
    assert await backend.update(seen, ElementValues(queue="q", data='{"a": 1}', reference="r"))
    imports = CsvImportBackend(site, app.installation.clock)
    content = b'Reference;Data\n1;"{""a"": 2}"\n2;"{""a"": ""x""}"\n'
    preview = await imports.preview("q", "x.csv", content)
    assert [line.problem for line in preview.lines] == [
        "",
        "Data does not fit the schema of the queue: $.a: 'x' is not of type 'number'",
    ]
    with pytest.raises(InvalidInputError, match="data number 2"):
        await imports.write(preview, preview.lines)
    assert await imports.write(preview, preview.chosen(known_too=True)) == 1


async def test_files_go_with_elements_that_are_deleted_in_the_app(site: Database, app: App, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    ids = [
        add(site, reference=str(number), created_date=site_time(NOW) + timedelta(seconds=number))
        for number in (1, 2, 3)
    ]
    for element_id in ids:
        attachment_files.attach(site, AttachmentOwner.ELEMENT, element_id, path)
    backend = ElementsBackend(site, app.installation.clock)
    assert await backend.delete(await backend.get(ids[0]))
    many = MatchingElementsBackend(site, app.installation.clock)
    matching = await many.resolve(ElementQuery(queue="q", text="2"))
    assert (await many.delete_next(matching, None)).changed == 1
    kept = site.read(lambda session: attachments.ids_of(session, AttachmentOwner.ELEMENT, ids))
    assert len(kept) == 1
    assert site.read(lambda session: len(attachments.find(session, AttachmentOwner.ELEMENT, ids[2]))) == 1


def test_sizes_are_told_in_words() -> None:
    sizes = (0, 999, 1000, 9_949, 9_950, 999_999, 1_000_000, 20_000_000)
    assert [size_words(size) for size in sizes] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "9.9 kB",
        "10 kB",
        "1000 kB",
        "1.0 MB",
        "20 MB",
    ]
