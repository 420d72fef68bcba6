"""CSV as Danish Excel opens it, and as anybody may hand it back. Pure.

Written: UTF-8 with a byte order mark, semicolons (Excel takes the list separator of Windows, which is a semicolon in
Denmark as in most of Europe), lines that end with CR LF, dates as ``2026-11-23 08:12:04``. A cell that a spreadsheet
would take for a formula gets an apostrophe before it, and so does what would be one if the file were split at commas,
tabs or lines instead; reading takes all of them away again, so a file that was written here is read as it was.

Read: the separator that Excel's own note names, else semicolon, comma or tab, whichever the first line has; UTF-8,
UTF-16 with its mark, or else Windows-1252, which is what Excel writes unless told otherwise. What is left out or read
as something else is said.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.orchestrator.backend.csv_text import INVISIBLE, decoded

DELIMITER = ";"
MARK = "\ufeff"
MEDIA_TYPE = "text/csv; charset=utf-8"

_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Full-width ones too: some spreadsheets take them for the plain ones."""
_DELIMITERS = (";", ",", "\t")
_SPLIT = '[;,\\t\\r\\n][ "\\u00a0]*'
"""What separates cells or lines elsewhere, and what is dropped behind it."""
_ACTIVE = (
    "(?='*[=+\\-@\uff1d\uff0b\uff0d\uff20])"
    # Not a plain number: those are in every list of them, and do nothing.
    '(?![+\\-][0-9]+([.][0-9]+)?([eE][+\\-]?[0-9]+)?[ \\]})"]*([;,\\t\\r\\n]|\\Z))'
)
_WITHIN = re.compile(f"({_SPLIT}){_ACTIVE}")
_WITHIN_MARKED = re.compile(f"({_SPLIT})'{_ACTIVE}")
_LONGEST_CELL = 10_000_000  # more than an element holds: what is too long for one is said of its line
_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATOR_NOTE = re.compile(r'"?sep=(.)"?[;,\t]*', re.IGNORECASE)
_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')


@dataclass(frozen=True, slots=True)
class Table:
    """What a CSV file holds.

    Attributes:
        head: The names in its first line.
        lines: The number of the line each row begins in, and its cells.
        encoding: What its text was read as, in words.
        delimiter: What stands between two cells.
        notes: What was left out, in sentences.
        unwrapped: Numbers of the lines with a cell like ``="0042"``, which is how spreadsheets are told that it is a
            text; the text is taken.
    """

    head: tuple[str, ...]
    lines: tuple[tuple[int, tuple[str, ...]], ...]
    encoding: str
    delimiter: str
    notes: tuple[str, ...] = ()
    unwrapped: frozenset[int] = frozenset()


def encode(rows: Iterable[Sequence[str | None]]) -> bytes:
    """Return rows as lines of a file, without the mark that begins it."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=DELIMITER, lineterminator="\r\n")
    writer.writerows([neutral(cell or "") for cell in row] for row in rows)
    return buffer.getvalue().encode("utf-8", "replace")


def beginning(head: Sequence[str]) -> bytes:
    """Return how a file begins: its mark and the names of its columns."""
    return MARK.encode("utf-8") + encode([head])


def neutral(text: str) -> str:
    """Return a text as a cell of which no spreadsheet takes any part for a formula; ``original`` undoes it."""
    marked = _WITHIN.sub(r"\1'", text)
    return "'" + marked if text and (marked != text or text[0] in _FORMULA or text[0] == "'") else text


def original(cell: str) -> str:
    """Return what a cell stood for before ``neutral``. Other cells, even with an apostrophe, mean themselves."""
    if len(cell) < 2 or cell[0] != "'":
        return cell
    text = _WITHIN_MARKED.sub(r"\1", cell[1:])
    return text if text != cell[1:] or cell[1] in _FORMULA or cell[1] == "'" else cell


def moment(value: datetime | None, *, fraction: bool = False) -> str:
    """Return a date and time as spreadsheets take it for one, with milliseconds behind a comma if asked for."""
    if value is None:
        return ""
    text = value.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text},{value.microsecond // 1000:03}" if fraction else text


def read(content: bytes, *, most_lines: int) -> Table:
    """Return what a file holds; lines without any content are left out, and counted in the notes.

    Args:
        content: The file.
        most_lines: How many rows it may have.

    Raises:
        InvalidInputError: If it is empty, has too many rows, is no CSV, or in no encoding that can be told.
    """
    text, encoding, notes = decoded(content)
    first, rest = _first_line(text)
    separator = _SEPARATOR_NOTE.fullmatch(first.strip(" "))
    if separator is not None and rest:  # Excel's own note
        offset, text, delimiter = 1, rest, separator[1]
    else:
        offset, delimiter = 0, _delimiter(first)
    rows = _rows(text, delimiter, offset)
    _, head = next(rows, (0, ()))
    names = tuple(cell.strip().strip(INVISIBLE).strip() for cell in head)
    if not any(names):
        raise InvalidInputError("The file is empty: its first line has to name the columns.")
    if any(character in cell for cell in head for character in INVISIBLE):
        notes.append("Names of columns have characters that cannot be seen; these are left out.")
    found: list[tuple[int, tuple[str, ...]]] = []
    unwrapped = set()
    blank = 0
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            blank += bool(cells)  # without cells it is no row, but an empty line, as at the end
            continue
        if len(found) == most_lines:
            raise InvalidInputError(f"The file has more than {most_lines} lines. Split it and import the parts.")
        if any(_TEXT_FORMULA.fullmatch(cell) for cell in cells):
            unwrapped.add(line)
        found.append((line, tuple(_meant(cell) for cell in cells)))
    if blank:
        notes.append(
            "1 line without content is left out." if blank == 1 else f"{blank} lines without content are left out."
        )
    return Table(names, tuple(found), encoding, delimiter, tuple(notes), frozenset(unwrapped))


def _meant(cell: str) -> str:
    formula = _TEXT_FORMULA.fullmatch(cell)
    return original(cell) if formula is None else formula[1].replace('""', '"')


def _first_line(text: str) -> tuple[str, str]:
    end = _LINE_END.search(text)
    return (text, "") if end is None else (text[: end.start()], text[end.end() :])


def _delimiter(first: str) -> str:
    return max(_DELIMITERS, key=lambda each: (first.count(each), -_DELIMITERS.index(each)))


def _rows(text: str, delimiter: str, offset: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1 + offset
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInputError(
                f"Line {line} is no CSV: {error}. A cell that holds a quotation mark needs it doubled, and marks "
                "around the whole cell."
            ) from error
        yield line, tuple(cells)
