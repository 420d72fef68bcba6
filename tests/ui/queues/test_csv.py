"""CSV: what Excel opens, what comes back as it was, and what is refused before anything is written."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from nicegui.testing import User

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Log, QueueElement, SiteSetting
from OpenOrchestrator.database.statuses import LogLevel, QueueStatus
from OpenOrchestrator.orchestrator.backend import csv_format
from OpenOrchestrator.orchestrator.logs.backend import csv_export as log_export
from OpenOrchestrator.orchestrator.queues.backend import csv_columns, csv_export
from OpenOrchestrator.orchestrator.queues.backend.csv_columns import ColumnMap
from OpenOrchestrator.orchestrator.queues.backend.csv_import import MOST_BYTES, CsvImportBackend, preview_of
from tests.ui.conftest import App
from tests.ui.pages import cell, click, rows_of, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time

QUEUE = "fakturaer-indgående"
PATH = "/queues/fakturaer-indg%C3%A5ende"
AWKWARD = [
    "plain",
    "semi;colon, comma",
    'quote " inside',
    "two\nlines\r\nand three",
    "=1+1",
    "+45 12 34",
    "-5",
    "@home",
    "\ttab",
    "'=already",
    "'word",
    "''",
    "ÆØÅ æøå € 😀",
    "\uff1d1+1",
    " leading blank ",
    "sep=;",
]


def elements(database: Database, queue: str = QUEUE) -> list[QueueElement]:
    return database.read(
        lambda session: list(
            session.scalars(
                sa.select(QueueElement)
                .where(QueueElement.queue_name == queue)
                .order_by(QueueElement.created_date, QueueElement.id)
            )
        )
    )


def test_what_is_written_is_read_as_it_was() -> None:
    content = csv_format.beginning(["Reference", "Data"]) + csv_format.encode([(text, text) for text in AWKWARD])
    table = csv_format.read(content, most_lines=100)
    assert table.head == ("Reference", "Data")
    assert [cells for _, cells in table.lines] == [(text, text) for text in AWKWARD]
    assert (table.encoding, table.delimiter) == ("UTF-8", ";")


def test_a_file_is_what_danish_excel_opens() -> None:
    content = csv_format.beginning(["Reference", "Data"]) + csv_format.encode([("a", None)])
    assert content == b"\xef\xbb\xbfReference;Data\r\na;\r\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "=cmd|' /C calc'!A0"])
def test_no_cell_is_a_formula(text: str) -> None:
    content = csv_format.encode([(text, f"x{text}")]).decode()
    (row,) = csv.reader(io.StringIO(content, newline=""), delimiter=";")
    assert row[0][:2] == "'" + text[0]
    assert [csv_format.original(cell) for cell in row] == [text, f"x{text}"]


@pytest.mark.parametrize(
    ("content", "encoding", "delimiter"),
    [
        ('Reference,Data\næ,"x,y"\n'.encode(), "UTF-8", ","),
        ("\ufeffReference\tData\næ\tx,y\n".encode(), "UTF-8", "\t"),
        ("Reference;Data\r\næ;x,y\r\n".encode("cp1252"), "Windows-1252", ";"),
        ("Reference;Data\r\næ;x,y\r\n".encode("utf-16"), "UTF-16", ";"),
        ("Reference;Data\r\næ;x,y\r\n".encode("utf-16-le"), "UTF-16", ";"),
        ("Reference;Data\r\næ;x,y\r\n".encode("utf-16-be"), "UTF-16", ";"),
        (("Reference;Data\næ;x,y\n" + "Ελλάδα;Āā Ā\n" * 5).encode("utf-16-le"), "UTF-16", ";"),
        ("sep=;\r\nReference;Data\r\næ;x,y\r\n".encode(), "UTF-8", ";"),
    ],
)
def test_files_of_others_are_read(content: bytes, encoding: str, delimiter: str) -> None:
    table = csv_format.read(content, most_lines=10)
    assert table.lines[0][1] == ("æ", "x,y")
    assert (table.encoding, table.delimiter) == (encoding, delimiter)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("\ufeff\ufeffReference;Data\nA;1\n", "2 byte order marks"),
        ("\ufeff\u200bReference;Data\nA;1\n", "cannot be seen"),
        ('\u200b"Reference";Data\u00a0\nA;1\n', "cannot be seen"),
        ("Reference;Data\nA;1\n;\n;\n", "2 lines without content"),
        ("Reference;Data\n\nA;1\n ; \n", "1 line without content"),
        ("Reference;Data\r\nA;1\r\n\x1a", "Ctrl-Z"),
        ("Reference;Data\r\nA;1\x1a\r\n", "Ctrl-Z"),
    ],
)
def test_what_is_left_out_is_said(content: str, note: str) -> None:
    preview = preview_of(QUEUE, "x.csv", content.encode(), "sqlite")
    assert [(line.reference, line.data, line.problem) for line in preview.lines] == [("A", "1", "")]
    assert len(preview.notes) == 1
    assert note in preview.notes[0]


@pytest.mark.parametrize(
    "content", ["Reference;Data\nA;1\n\n", "sep=|\nReference|Data\nA|1\n", "Reference;Data\rA;1\r"]
)
def test_an_ordinary_file_needs_no_notes(content: str) -> None:
    preview = preview_of(QUEUE, "x.csv", content.encode(), "sqlite")
    assert [(line.reference, line.data, line.note) for line in preview.lines] == [("A", "1", "")]
    assert preview.notes == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Reference;Data\nSmørrebrød;1\n".encode() + b"K\xf8benhavn;2\n", "except for the byte F8 in line 3"),
        (b"\xef\xbb\xbfReference;Data\nK\xf8benhavn;2\n", "except for the byte F8 in line 2"),
        ("Reference;Data\nKøbenhavn;2\n".encode("mac_roman"), "it may be Mac Roman"),
        ("Reference;Data\nBlåbær;2\n".encode("mac_roman"), "it may be Mac Roman"),
        ("Reference;Data\nÅrhus;2\n".encode("mac_roman"), "It may be Mac Roman"),
        ("Reference;Data\nLärm;2\n".encode("mac_roman"), "it may be Mac Roman"),
        ("Reference;Data\nMüller, Søborg;2\n".encode("cp865"), "of DOS"),
    ],
)
def test_an_encoding_that_cannot_be_told_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        preview_of(QUEUE, "x.csv", content, "sqlite")


@pytest.mark.parametrize(
    "text",
    [
        "København, Årø, Ærø, ØLSTED, Çelik, Müller, 5 € · m² ½ «x» ‘y’ “z” it’s – naïve señor ¿qué?",  # noqa: RUF001
        "rené 100 §4 ®",
        "ÅÄÖ",
    ],
)
def test_windows_1252_is_read(text: str) -> None:
    preview = preview_of(QUEUE, "x.csv", f"Reference;Data\r\nA;{text}\r\n".encode("cp1252"), "sqlite")
    assert (preview.encoding, preview.lines[0].data) == ("Windows-1252", text)


@pytest.mark.parametrize(
    ("line", "reference", "note"),
    [
        ('="0101901234";x', "0101901234", 'Written as ="text"'),
        ('"=""0101901234""";x', "0101901234", 'Written as ="text"'),
        ('\'="0101901234";x', '="0101901234"', ""),
        ("5E+11;x", "5E+11", "rounded"),
        ("1,23E+15;x", "1,23E+15", "rounded"),
        ("A;5E+11", "A", "rounded"),
        ("5E11;x", "5E11", ""),
        ("A\u200b;x", "A\u200b", "cannot be seen"),
        (" A;x", " A", "cannot be seen"),
        ("A", "A", "1 of 2 cells"),
    ],
)
def test_what_a_spreadsheet_did_is_said(line: str, reference: str, note: str) -> None:
    preview = preview_of(QUEUE, "x.csv", f"Reference;Data\n{line}\n".encode(), "sqlite")
    (found,) = preview.lines
    assert (found.reference, found.problem) == (reference, "")
    assert note in found.note
    assert bool(note) == bool(found.note)


def test_lines_are_numbered_as_editors_do() -> None:
    content = b'Reference;Data\n"a\nb";1\n\nc;2\n'
    assert [number for number, _ in csv_format.read(content, most_lines=10).lines] == [2, 5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b";;\na;b\n", "empty"),
        (b"Name;Name\na;b\n", "has to name the columns"),
        (b"Reference;Data\n", "no lines"),
        (b'Reference;Data\na;"b\n', "Line 2"),
        (b"Reference;reference\na;b\n", "two columns"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\xff\xfe", "binary"),
        ("Reference;Data\nA;1\n".encode("utf-16-le")[:-1], "looks like UTF-16"),
        ("\ufeffReference;Data\nA;1\n".encode("utf-32-le"), "UTF-32"),
        ("Reference;Data\nA;1\n".encode("utf-32-be"), "binary"),
        (b"Reference\n" + b"x\n" * 50_001, "more than 50000"),
        (b"x" * (MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_import_is_refused_with_the_reason(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        preview_of(QUEUE, "x.csv", content, "sqlite")


def test_each_line_says_what_is_wrong_with_it() -> None:
    content = (
        "reference;DATA;Status\n"
        "ok;1;Done\n" + "r" * 101 + ";x;\n"
        ";;Done\n"
        "many;1;2;3\n"
        "nul\0;1;\n"
        "1,23E+15;1;\n"
        "twice;1;\ntwice;2;\n"
    ).encode()
    preview = preview_of(QUEUE, "x.csv", content, "sqlite")
    problems = {line.number: line.problem for line in preview.lines if line.problem}
    assert preview.ignored == ("Status",)
    assert problems[3] == "Reference has 101 of 100 characters."
    assert problems[4] == "Neither reference nor data."
    assert "4 cells, but 3 columns" in problems[5]
    assert "NUL" in problems[6]
    assert set(problems) == {3, 4, 5, 6}
    assert [line.note for line in preview.lines if line.note] == [
        "Looks like a number that Excel has rounded",
        "2 times in this file",
        "2 times in this file",
    ]


async def _export(user: User, app: App, path: str) -> tuple[Any, str]:
    await user.open(path)
    await click(user, "export")
    with user:
        download = await user.download.next(timeout=5)
    return download, download.content.decode("utf-8")


async def test_elements_that_match_are_exported_and_can_be_imported_again(
    user: User, app: App, sample: Database
) -> None:
    def change(session: Any) -> None:
        element = session.scalars(
            sa.select(QueueElement)
            .where(QueueElement.queue_name == QUEUE, QueueElement.status == QueueStatus.FAILED)
            .order_by(QueueElement.created_date)
        ).first()
        element.data = '=HYPERLINK("http://x");\n"two"'

    sample.write(change)
    failed = [element for element in elements(sample) if element.status is QueueStatus.FAILED]
    download, text = await _export(user, app, f"{PATH}?status=failed")
    assert download.headers["content-disposition"].startswith("attachment;")
    assert download.headers["content-type"] == "text/csv; charset=utf-8"
    assert download.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert text.startswith("\ufeffReference;Data;Status;")
    assert [row["Reference"] for row in rows] == [element.reference for element in failed]
    assert {row["Status"] for row in rows} == {"Failed"}
    assert rows[0]["Data"] == "'" + '=HYPERLINK("http://x");\n"two"'
    assert rows[0]["Created"] == f"{failed[0].created_date:%Y-%m-%d %H:%M:%S}"

    await user.open("/queues/kopi")
    await _choose(user, "failed.csv", text.encode())
    await user.should_see(f"failed.csv: {len(failed)} lines, read as UTF-8 with semicolons.", retries=30)
    assert elements(sample, "kopi") == []
    await click(user, "import")
    await user.should_see(f"{len(failed)} elements were imported", retries=30)
    copies = elements(sample, "kopi")
    assert [(copy.reference, copy.data, copy.created_by) for copy in copies] == [
        (element.reference, element.data, element.created_by) for element in failed
    ]
    assert {copy.status for copy in copies} == {QueueStatus.NEW}


async def test_an_export_reads_in_parts_and_leaves_nothing_out(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from OpenOrchestrator.orchestrator.logs.backend.logs import LogQuery, LogsBackend
    from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery
    from OpenOrchestrator.orchestrator.queues.backend.matching_elements import MatchingElementsBackend

    monkeypatch.setattr(csv_export, "ROWS_AT_ONCE", 7)
    matching = await MatchingElementsBackend(sample, sample.clock).resolve(ElementQuery(queue=QUEUE))
    content = b"".join(csv_export.elements(sample, matching))
    table = csv_format.read(content, most_lines=1000)
    assert [cells[0] for _, cells in table.lines] == [element.reference for element in elements(sample)]
    everything = sample.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Log)))
    query = await LogsBackend(sample, sample.clock).pinned(LogQuery())
    lines = csv_format.read(b"".join(log_export.messages(sample, query)), most_lines=1000).lines
    assert len(lines) == everything
    assert [cells[0] for _, cells in lines] == sorted((cells[0] for _, cells in lines), reverse=True)


async def test_logs_that_match_are_exported(user: User, app: App, sample: Database) -> None:
    sample.write(
        lambda session: session.add(
            Log(
                log_time=site_time(NOW - timedelta(seconds=5)),
                log_level=LogLevel.ERROR,
                process_name="finance/x",
                job_id=None,
                log_message="@evil\nsecond line",
            )
        )
    )
    _, text = await _export(user, app, "/logs?level=error&process=finance/x")
    assert text == (
        '\ufeffTime;Level;Process;Message;Job\r\n2026-11-23 08:11:55,000;Error;finance/x;"\'@evil\nsecond line";\r\n'
    )


async def test_a_download_works_once_and_only_for_who_is_signed_in(user: User, app: App, sample: Database) -> None:
    from nicegui import core

    await user.open("/logs")
    await user.should_see(marker="export", retries=30)
    paths: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ui.download, "from_url", lambda path, *_: paths.append(path))
        user.find(marker="export").click()
        await until(lambda: paths)
    async with app.client(signed_in=False) as stranger:
        assert (await stranger.get(paths[0])).status_code == 401
    async with app.client() as client:
        assert (await client.get(paths[0])).headers["content-type"].startswith("text/csv")
        again = await client.get(paths[0])
        assert not again.headers["content-type"].startswith("text/csv")
    assert not [route for route in core.app.routes if getattr(route, "path", "") == paths[0]]


async def test_nothing_is_written_while_a_line_is_wrong(user: User, sample: Database) -> None:
    await user.open(PATH)
    before = {element.id for element in elements(sample)}
    known = elements(sample)[0].reference
    content = f"Reference;Data\nny-1;a\n{known};b\n{'x' * 101};c\n=2+2;d\n".encode()
    await _choose(user, "mixed.csv", content)
    await user.should_see("1 line cannot be imported", retries=30)
    rows = await rows_of(user, "import-lines")
    assert list(rows) == ["line 4"]
    (button,) = user.find(marker="import").elements
    assert not button.enabled  # type: ignore[attr-defined]
    _set(user, "leave-out", True)
    await user.should_see("Import 2 elements", retries=30)
    _set(user, "import-show", "")
    shown = await rows_of(user, "import-lines")
    assert cell(shown["line 3"], "what")["t"] == "Left out: in the queue already"
    _set(user, "known-too", True)
    await user.should_see("Import 3 elements", retries=30)
    assert {element.id for element in elements(sample)} == before
    await click(user, "import")
    await user.should_see("3 elements were imported", retries=30)
    new = [element for element in elements(sample) if element.id not in before]
    assert [element.reference for element in new] == ["ny-1", known, "=2+2"]
    assert {element.created_by for element in new} == {"Imported from mixed.csv"}
    assert {element.status for element in new} == {QueueStatus.NEW}


async def test_a_file_that_is_none_is_refused_in_the_drawer(user: User, sample: Database) -> None:
    await user.open(PATH)
    await _choose(user, "picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\xff\xfe")
    await user.should_see("binary", retries=30)
    await _choose(user, "again.csv", b"Reference\nr1\n", opened=True)
    await user.should_see("again.csv: 1 line, read as UTF-8", retries=30)
    await click(user, "cancel-import")
    assert not [element for element in elements(sample) if element.reference == "r1"]


CASES = "Sagsnummer;Beløb;Note\n2026-1;1.250,50;\n2026-2;;hast\n".encode()


def test_columns_of_other_names_become_reference_and_json() -> None:
    preview = preview_of(QUEUE, "x.csv", CASES, "sqlite")
    assert preview.columns == ColumnMap("Sagsnummer", ("Sagsnummer", "Beløb", "Note"))
    assert (preview.usual, preview.ignored) == (False, ())
    assert [(line.reference, json.loads(line.data)) for line in preview.lines] == [
        ("2026-1", {"Sagsnummer": "2026-1", "Beløb": "1.250,50", "Note": ""}),
        ("2026-2", {"Sagsnummer": "2026-2", "Beløb": "", "Note": "hast"}),
    ]


def test_chosen_columns_count_before_names_and_the_last_choice() -> None:
    content = b"Reference;Amount;Status\nA;5;Done\n"
    last = ColumnMap("Amount", ("Status",))
    by_name = preview_of(QUEUE, "x.csv", content, "sqlite")
    assert (by_name.columns, by_name.ignored, by_name.lines[0].data) == (None, ("Amount", "Status"), "")
    again = preview_of(QUEUE, "x.csv", content, "sqlite", last=last)
    assert (again.columns, again.lines[0].reference, again.lines[0].data) == (last, "5", '{"Status": "Done"}')
    chosen = preview_of(QUEUE, "x.csv", content, "sqlite", ColumnMap("", ("Amount",)), last=last)
    assert (chosen.lines[0].reference, chosen.lines[0].data) == ("", '{"Amount": "5"}')
    unfit = preview_of(QUEUE, "x.csv", content, "sqlite", last=ColumnMap("Sagsnummer", ()))
    assert unfit.columns is None


def test_what_maps_no_column_or_one_that_is_not_there_is_refused() -> None:
    for columns, said in (
        (ColumnMap("", ()), "Choose a column"),
        (ColumnMap("Gone", ()), "has no column 'Gone'"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            preview_of(QUEUE, "x.csv", CASES, "sqlite", columns)
    with pytest.raises(InvalidInputError, match="has two columns 'A'"):
        preview_of(QUEUE, "x.csv", b"A;A;B\n1;2;3\n", "sqlite", ColumnMap("A", ("B",)))


def test_json_that_is_too_long_is_a_problem_of_its_line() -> None:
    content = ("Case;Text\n1;" + "x" * 3_000_000 + "\n").encode()
    (line,) = preview_of(QUEUE, "x.csv", content, "sqlite").lines
    assert "of 3000000 characters" in line.problem


async def test_the_choice_of_columns_is_remembered_for_its_queue(user: User, sample: Database) -> None:
    await user.open("/queues/sager")
    await _choose(user, "sager.csv", CASES)
    await user.should_see("sager.csv: 2 lines", retries=30)
    _set(user, "map-data", ["Beløb"])
    await until(lambda: _shown_data(user) == ['{"Beløb": "1.250,50"}', ""])
    _set(user, "map-data", ["Note", "Beløb"])
    await until(lambda: _shown_data(user)[0] == '{"Beløb": "1.250,50", "Note": ""}')
    await click(user, "import")
    await user.should_see("2 elements were imported", retries=30)
    assert [(each.reference, each.data) for each in elements(sample, "sager")] == [
        ("2026-1", '{"Beløb": "1.250,50", "Note": ""}'),
        ("2026-2", '{"Beløb": "", "Note": "hast"}'),
    ]
    for queue, remembered in (("sager", True), ("andre", False)):
        backend = CsvImportBackend(sample, sample.clock)
        preview = await backend.preview(queue, "next.csv", CASES)
        assert (preview.columns == ColumnMap("Sagsnummer", ("Beløb", "Note"))) is remembered


async def test_columns_that_have_the_usual_names_can_be_mapped_and_taken_back(user: User, sample: Database) -> None:
    await user.open("/queues/sager")
    await _choose(user, "x.csv", b"Reference;Amount\nA;5\n")
    await user.should_see("Not imported: Amount.", retries=30)
    await click(user, "map-columns")
    await until(lambda: _shown_data(user) == ['{"Reference": "A", "Amount": "5"}'])
    await click(user, "usual-columns")
    await until(lambda: _shown_data(user) == [""])


async def test_an_empty_choice_is_refused_beside_it(user: User, sample: Database) -> None:
    await user.open("/queues/sager")
    await _choose(user, "x.csv", CASES)
    await user.should_see(marker="map-data", retries=30)
    _set(user, "map-data", [])
    await until(lambda: _shown_data(user) == ["", ""])
    _set(user, "map-reference", "")
    await user.should_see("Choose a column for the reference", retries=30)
    (button,) = user.find(marker="import").elements
    assert not button.enabled  # type: ignore[attr-defined]


async def test_what_somebody_else_wrote_as_a_choice_is_not_taken(sample: Database) -> None:
    name = f"csv_columns:{hashlib.sha256(b'sager').hexdigest()}"
    for value in ("no json", "[]", '{"reference": 1, "data": []}', '{"reference": "a", "data": "b"}'):
        sample.write(lambda session, value=value: session.merge(SiteSetting(name=name, value=value)))
        assert sample.read(lambda session: csv_columns.remembered(session, "sager")) is None


def test_a_choice_that_is_too_long_is_not_remembered(sample: Database) -> None:
    columns = ColumnMap("a", tuple("æ" * 20 + str(number) for number in range(20)))
    assert not sample.write(lambda session: csv_columns.remember(session, "sager", columns))


def _shown_data(user: User) -> list[str]:
    (element,) = user.find(marker="import-lines").elements
    return [row["c"]["data"]["t"] for row in element.rows]  # type: ignore[attr-defined]


async def _choose(user: User, name: str, content: bytes, *, opened: bool = False) -> None:
    if not opened:
        await click(user, "import-file")
    await user.should_see(marker="upload", retries=30)
    (upload,) = user.find(kind=ui.upload).elements
    await upload.handle_uploads([SmallFileUpload(name=name, content_type="text/csv", _data=content)])


def _set(user: User, marker: str, value: Any) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = value  # type: ignore[attr-defined]


async def test_a_file_that_is_too_large_is_refused_before_it_is_read(user: User, app: App, sample: Database) -> None:
    await user.open(PATH)
    await click(user, "import-file")
    await user.should_see(marker="upload", retries=30)
    (upload,) = user.find(kind=ui.upload).elements
    path = str(upload.props["url"])

    class Unread(SmallFileUpload):
        def size(self) -> int:
            return MOST_BYTES + 1

        async def read(self) -> bytes:
            raise AssertionError("it was read")

    await upload.handle_uploads([Unread(name="large.csv", content_type="text/csv", _data=b"")])  # type: ignore[attr-defined]
    await user.should_see("at most 20 MB", retries=30)

    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="large.csv"\r\n\r\n'
        while sent < 100:
            sent += 1
            yield b"a" * 1024 * 1024

    headers = {"origin": "http://test", "content-type": "multipart/form-data; boundary=x"}
    async with app.client() as client:
        declared = await client.post(path, content=b"", headers={**headers, "content-length": "99000000"})
        assert declared.status_code == 413
        assert (await client.post(path, content=endless(), headers=headers)).status_code == 413
    assert sent < 30, "the rest was never taken"
