"""A key of a trigger in files: how its value is read, stored, written and compared. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import eq
from typing import Any

from OpenOrchestrator.common.redaction import MASK
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.site.groups import Record
from OpenOrchestrator.site.kinds import Kind

Columns = Mapping[str, Any]
"""What is stored, by name of the attribute."""

ALL = frozenset(TriggerType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A key of a trigger.

    Attributes:
        key: Its name in files.
        kind: Of its value.
        words: What it is, for people who write it.
        columns: Attributes that hold it.
        of: Returns the value of what is stored.
        stored: Returns the attributes to store for a value.
        default: The value where the key is not there.
        types: The kinds of triggers that have it.
        is_same: Tells whether a stored value and one of a file are the same.
        required: Whether the key has to be there.
        is_schedule: Whether a trigger whose value changes is due anew, from now on.
        hide: Returns a value with ``***`` for what is in no file; None where nothing is hidden.
    """

    key: str
    kind: Kind
    words: str
    columns: tuple[str, ...]
    of: Callable[[Columns], Any]
    stored: Callable[[Any], dict[str, Any]]
    default: Any = None
    types: frozenset[TriggerType] = ALL
    is_same: Callable[[Any, Any], bool] = field(default=eq)
    required: bool = False
    is_schedule: bool = False
    hide: Callable[[str], str] | None = None

    def plain(self, value: Any) -> Any:
        """Return a value as it is written, without what is in no file; None for one that is not there."""
        return None if value is None else self.kind.plain(value if self.hide is None else self.hide(value))

    def compared(self, before: Any, after: Any) -> tuple[Any, Any]:
        """Return two values as they are written beside each other, with what tells them apart."""
        if isinstance(self.kind, Record) and before is not None and after is not None:
            return self.kind.plain(before, beside=after), self.kind.plain(after, beside=before)
        return self.plain(before), self.plain(after)

    def hides(self, value: Any) -> bool:
        """Tell whether something in a value of a file stands for what is in none."""
        return self.hide is not None and MASK in value

    def stands_for(self, value: Any, stored: Any) -> bool:
        """Tell whether a value of a file is a stored one as it was exported, so that the stored one stays."""
        return self.hide is not None and self.hides(value) and self.is_same(self.hide(stored), value)


def column_field(key: str, column: str, kind: Kind, words: str, *, default: Any = None, **more: Any) -> Field:
    """Return the field of one column whose value is stored as it is; NULL and an empty text mean the default."""
    return Field(
        key=key,
        kind=kind,
        words=words,
        columns=(column,),
        of=lambda columns: default if columns[column] in (None, "") else columns[column],
        stored=lambda value: {column: value},
        default=default,
        **more,
    )
