"""Elements out of a CSV file: first a preview that says of each line what is wrong with it, then all in one go.

Every line becomes a New element: state, dates and job of a file that was exported are shown, but not brought back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.exact_texts import SameText, TextBytes
from OpenOrchestrator.database.lifecycle import element_creation
from OpenOrchestrator.database.lifecycle.element_creation import Wishes
from OpenOrchestrator.database.stores import data_schemas, queue_elements, queue_names, validation
from OpenOrchestrator.database.stores.data_schemas import DataSchema
from OpenOrchestrator.orchestrator.backend import csv_format, csv_text
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop
from OpenOrchestrator.orchestrator.backend.tables import ELEMENTS as _Q
from OpenOrchestrator.orchestrator.queues.backend import csv_columns
from OpenOrchestrator.orchestrator.queues.backend.csv_columns import ColumnMap

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_LINES = 50_000
MOST_BYTES = 20 * 1024 * 1024
_AT_ONCE = 500

_LIMITS = {
    "reference": queue_elements.REFERENCE_LENGTH,
    "data": queue_elements.DATA_LENGTH,
    "created by": queue_elements.CREATED_BY_LENGTH,
}
_UNWRAPPED = 'Written as ="text": the text is taken'
_ROUNDED = re.compile(r"\d+([.,]\d+)?E\+\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line of the file.

    Attributes:
        number: In the file, from 1.
        problem: Why it cannot be imported; empty if it can.
        note: What to look at; empty for nothing.
        known: Whether the queue has an element with this reference already.
    """

    number: int
    reference: str
    data: str
    created_by: str
    problem: str = ""
    note: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What would be imported.

    Attributes:
        name: Of the file.
        ignored: Columns that are not imported.
        encoding: What its text was read as.
        notes: What was left out of the file or read as something else, in sentences.
        head: The names of all columns.
        columns: What becomes of them where they were mapped; None where their names say it.
        usual: Whether their names say it, be they mapped or not.
    """

    queue: str
    name: str
    lines: tuple[ImportLine, ...]
    ignored: tuple[str, ...]
    encoding: str
    delimiter: str
    notes: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    columns: ColumnMap | None = None
    usual: bool = True

    @property
    def wrong(self) -> int:
        """Lines that cannot be imported."""
        return sum(bool(line.problem) for line in self.lines)

    @property
    def known(self) -> int:
        """Lines without problem whose reference the queue has already."""
        return sum(line.known and not line.problem for line in self.lines)

    def chosen(self, *, known_too: bool) -> tuple[ImportLine, ...]:
        """Return the lines to import."""
        return tuple(line for line in self.lines if not line.problem and (known_too or not line.known))


class CsvImportBackend(Backend):
    """Imports into a queue."""

    async def preview(
        self, queue: str, name: str, content: bytes, columns: ColumnMap | None = None, *, usual: bool = False
    ) -> ImportPreview:
        """Read a file and check each line; writes nothing.

        Args:
            queue: Where it shall go.
            name: Of the file.
            content: The file.
            columns: What becomes of its columns; None takes what was chosen for the queue the last time if that fits,
                else what their names say, else a guess.
            usual: Whether their names count, whatever was chosen the last time.

        Raises:
            InvalidInputError: If it is no CSV file with the columns that are needed.
        """

        def work(session: Session) -> ImportPreview:
            last = csv_columns.remembered(session, queue) if columns is None and not usual else None
            read = preview_of(queue, name, content, session.get_bind().dialect.name, columns, last=last)
            schema = data_schemas.find(session, queue)
            if schema is not None:
                read = replace(read, lines=tuple(_fitting(line, schema) for line in read.lines))
            known = _known(
                session, queue, {line.reference for line in read.lines if line.reference and not line.problem}
            )
            lines = tuple(
                replace(line, known=True, note=line.note or "In the queue already") if line.reference in known else line
                for line in read.lines
            )
            return replace(read, lines=lines)

        return await self._read(work)

    async def write(self, preview: ImportPreview, lines: Sequence[ImportLine]) -> int:
        """Add lines of a preview as New elements in their order, all or none, and return how many these are.

        Those whose reference is taken are left out where the queue says that references are unique.

        How its columns were mapped is remembered for the queue.

        Raises:
            InvalidInputError: If a line cannot be stored after all; nothing was added then.
        """

        def checked() -> list[dict[str, Any]]:
            rows = queue_elements.new_rows(
                self._database.dialect_name,
                queue_name=preview.queue,
                references=[line.reference or None for line in lines],
                data=[line.data or None for line in lines],
                created_by=None,
            )
            data_schemas.require_rows_fit(self._database, rows)
            return rows

        rows = await off_loop(checked)

        def work(session: Session) -> int:
            source = f"Imported from {preview.name}"[: queue_elements.CREATED_BY_LENGTH // 2]
            given = [{**row, "created_by": line.created_by or source} for row, line in zip(rows, lines, strict=True)]
            created = element_creation.add_rows(session, given, created_date=self._database.site_now(), wishes=Wishes())
            if preview.columns is not None:
                csv_columns.remember(session, preview.queue, preview.columns)
            return created.created

        return await self._write(work)


def preview_of(
    queue: str,
    name: str,
    content: bytes,
    dialect_name: str,
    columns: ColumnMap | None = None,
    *,
    last: ColumnMap | None = None,
) -> ImportPreview:
    """Return what a file holds for a queue, without asking the database anything.

    Args:
        queue: Where it shall go.
        name: Of the file.
        content: The file.
        dialect_name: The kind of database.
        columns: What becomes of its columns, if that was chosen.
        last: What was chosen the last time; counts if it fits.

    Raises:
        InvalidInputError: If it is no CSV file with the columns that are needed.
    """
    if len(content) > MOST_BYTES:
        raise InvalidInputError(
            f"The file is larger than {MOST_BYTES // 1024 // 1024} MB. Split it and import the parts."
        )
    queue_names.queue_name_of(queue, dialect_name)
    table = csv_format.read(content, most_lines=MOST_LINES)
    places: dict[str, int] = {}
    for place, column in enumerate(table.head):
        key = column.casefold().replace("_", " ")
        if key in _LIMITS and key in places:
            raise InvalidInputError(f"The file has two columns {column!r}: remove one of them.")
        places.setdefault(key, place)
    usual = "reference" in places or "data" in places
    if columns is None and last is not None and last.fits(table.head):
        columns = last
    elif columns is None and not usual:
        columns = csv_columns.guess(table.head)
    if columns is not None:
        columns.check(table.head)
    if not table.lines:
        raise InvalidInputError("The file has no lines beneath the names of its columns.")
    values = [_values(cells, table.head, places, columns) for _, cells in table.lines]
    counted = Counter(each["reference"] for each in values)
    lines = tuple(
        _line(number, cells, each, len(table.head), dialect_name)
        for (number, cells), each in zip(table.lines, values, strict=True)
    )
    lines = tuple(
        replace(line, note=line.note or _UNWRAPPED) if line.number in table.unwrapped else line for line in lines
    )
    lines = tuple(
        replace(line, note=line.note or f"{counted[line.reference]} times in this file")
        if line.reference and counted[line.reference] > 1
        else line
        for line in lines
    )
    taken = {"created by"} if columns is not None else set(_LIMITS)
    mapped = columns.headings if columns is not None else ()
    ignored = tuple(
        column
        for column in table.head
        if column and column not in mapped and column.casefold().replace("_", " ") not in taken
    )
    return ImportPreview(
        queue, name, lines, ignored, table.encoding, table.delimiter, table.notes, table.head, columns, usual
    )


def _values(
    cells: tuple[str, ...], head: Sequence[str], places: dict[str, int], columns: ColumnMap | None
) -> dict[str, str]:
    values = {name: _cell(cells, places.get(name)) for name in _LIMITS}
    if columns is not None:
        values |= {"reference": columns.reference_of(cells, head), "data": columns.data_of(cells, head)}
    return values


def _line(number: int, cells: tuple[str, ...], values: dict[str, str], columns: int, dialect_name: str) -> ImportLine:
    problems = []
    if any(cells[columns:]):
        problems.append(f"{len(cells)} cells, but {columns} columns: is a quotation mark missing?")
    for name, limit in _LIMITS.items():
        if len(values[name]) > limit:
            problems.append(f"{name.capitalize()} has {len(values[name])} of {limit} characters.")
            continue
        try:
            validation.text(values[name], name, limit, dialect_name)
        except InvalidInputError as error:
            problems.append(str(error))
    if not values["reference"] and not values["data"]:
        problems.append("Neither reference nor data.")
    note = ""
    if "\N{REPLACEMENT CHARACTER}" in "".join(values.values()):
        note = "Holds characters that could not be read"
    elif _ROUNDED.fullmatch(values["reference"]) or _ROUNDED.fullmatch(values["data"]):
        note = "Looks like a number that Excel has rounded"
    elif values["reference"].strip().strip(csv_text.INVISIBLE) != values["reference"]:
        note = "The reference begins or ends with a blank or a character that cannot be seen"
    elif len(cells) < columns:
        note = f"{len(cells)} of {columns} cells: is a line broken in two?"
    return ImportLine(number, values["reference"], values["data"], values["created by"], " ".join(problems), note)


def _fitting(line: ImportLine, schema: DataSchema) -> ImportLine:
    problem = schema.problem(line.data or None)
    if not problem:
        return line
    return replace(line, problem=f"{line.problem} Data does not fit the schema of the queue: {problem}".strip())


def _cell(cells: tuple[str, ...], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _known(session: Session, queue: str, references: set[str]) -> set[str]:
    """Return those references that the queue has."""
    known: set[str] = set()
    wanted = sorted(reference for reference in references if len(reference) <= queue_elements.REFERENCE_LENGTH)
    for start in range(0, len(wanted), _AT_ONCE):
        query = sa.select(_Q.c.reference, TextBytes(_Q.c.reference)).distinct()
        query = query.where(SameText(_Q.c.queue_name, queue), _Q.c.reference.in_(wanted[start : start + _AT_ONCE]))
        known.update(session.scalars(query))
    return known
