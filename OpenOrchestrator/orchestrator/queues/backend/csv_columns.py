"""Which columns of a CSV file become what of an element, and what was chosen for a queue the last time.

A file whose headings are those of the element (Reference, Data, Created by) needs no choice. In any other, one column
becomes the reference, and some become a JSON object: their headings with what the cells hold, as text.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.site import SiteSetting

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_LONGEST = 1000
"""Of what is remembered: the length of a site setting."""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """What becomes of the columns of a file.

    Attributes:
        reference: Heading of the column that becomes the reference; empty for none.
        data: Headings of those that become the JSON data, in their order.
    """

    reference: str
    data: tuple[str, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """All headings that it names."""
        return tuple(dict.fromkeys(name for name in (self.reference, *self.data) if name))

    def fits(self, head: Sequence[str]) -> bool:
        """Tell whether a file has all columns that it names, each once."""
        counted = Counter(head)
        return bool(self.headings) and all(counted[name] == 1 for name in self.headings)

    def check(self, head: Sequence[str]) -> None:
        """Refuse a file that it does not fit.

        Raises:
            InvalidInputError: If a column is missing or there twice, or none is chosen.
        """
        if not self.headings:
            raise InvalidInputError("Choose a column for the reference, or columns for the data, or both.")
        counted = Counter(head)
        for name in self.headings:
            if counted[name] != 1:
                what = "has no column" if not counted[name] else "has two columns"
                raise InvalidInputError(f"The file {what} {name!r}: name each column once in its first line.")

    def data_of(self, cells: Sequence[str], head: Sequence[str]) -> str:
        """Return the JSON data of a row; empty where all its cells are."""
        places = {name: place for place, name in enumerate(head)}
        values = {name: _cell(cells, places[name]) for name in self.data}
        return json.dumps(values, ensure_ascii=False) if any(values.values()) else ""

    def reference_of(self, cells: Sequence[str], head: Sequence[str]) -> str:
        """Return the reference of a row."""
        return _cell(cells, head.index(self.reference)) if self.reference else ""


def guess(head: Sequence[str]) -> ColumnMap:
    """Return what to begin with: the first column that has a heading is the reference, all are the data."""
    named = tuple(name for name, count in Counter(head).items() if name and count == 1)
    if not named:
        raise InvalidInputError("The first line has to name the columns, each by a name of its own.")
    return ColumnMap(named[0], named)


def remembered(session: Session, queue: str) -> ColumnMap | None:
    """Return what was chosen for a queue the last time, or None."""
    setting = session.get(SiteSetting, _key(queue))
    if setting is None:
        return None
    try:
        stored = json.loads(setting.value)
        reference, data = stored["reference"], stored["data"]
    except (ValueError, KeyError, TypeError):
        return None  # somebody wrote something else there: it is chosen anew
    if not isinstance(reference, str) or not isinstance(data, list) or not all(isinstance(each, str) for each in data):
        return None
    return ColumnMap(reference, tuple(data))


def remember(session: Session, queue: str, columns: ColumnMap) -> bool:
    """Keep what was chosen for a queue; returns whether it could be: there is room for so many names only."""
    value = json.dumps({"reference": columns.reference, "data": list(columns.data)}, ensure_ascii=True)
    if len(value) > _LONGEST:
        return False
    session.merge(SiteSetting(name=_key(queue), value=value))
    return True


def _key(queue: str) -> str:
    # Not the name itself: some databases take names for the same that are not, and it may be as long as the key.
    return f"csv_columns:{hashlib.sha256(queue.encode()).hexdigest()}"


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
