"""What constants and credentials share for the pages: lists of them, and changes only to what somebody saw.

Owns how a page of a list is read, and the guard on changes. Must not know what a value is, nor whether it may be read:
the two backends say which columns a row is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import sqlalchemy as sa

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.constants import Constant, Credential
from OpenOrchestrator.database.engine.exact_texts import SameText, TextBytes, one_of
from OpenOrchestrator.database.statuses import Access, UsedKind
from OpenOrchestrator.database.stores import notes, uses
from OpenOrchestrator.database.stores.constants import forget_named
from OpenOrchestrator.database.stores.notes import Noted
from OpenOrchestrator.orchestrator.backend.base import Backend, Page
from OpenOrchestrator.orchestrator.backend.search import contains

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedQuery:
    """Which rows a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in the columns that the backend searches.
        tags: Only those with one of these tags, or with ``not_tags`` only those with none of them.
        sort: Key of what the backend sorts by.
        page: From 1.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    not_tags: bool = False
    sort: str = "name"
    descending: bool = False
    page: int = 1
    size: int = 25


@dataclass(frozen=True, slots=True)
class NamedRow:
    """What every row has; each kind adds its own.

    Attributes:
        changed: Naive site time.
    """

    name: str
    changed: datetime


R = TypeVar("R", bound=NamedRow)

_NEVER = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class NamedPage(Page[R]):
    """One page of rows, with what is noted about any of the kind, by name.

    Attributes:
        last_reads: The day on which each was last read, on the site's wall clock; what nobody read is left out.
    """

    noted: Mapping[str, Noted] = field(default_factory=dict)
    last_reads: Mapping[str, date] = field(default_factory=dict)


class NamedValuesBackend(Backend, Generic[R]):
    """Rows of one table by name. Changes are guarded, and return whether they happened.

    Attributes:
        noun: What one is called.
        kind: As which one is annotated.
        used: As which one is noted as used.
        model: What is stored.
        row: Made of the columns.
        columns: In the order of the row's first attributes; a change of any of them is noticed.
        searched: Columns that a text is looked for in.
        sorts: What a list can be sorted by.
    """

    noun: str
    kind: AnnotatedKind
    used: UsedKind
    model: type[Constant] | type[Credential]
    row: type[R]
    columns: tuple[Any, ...]
    searched: tuple[Any, ...]
    sorts: ClassVar[Mapping[str, Any]]

    async def page(self, query: NamedQuery) -> NamedPage[R]:
        """Return one page of a list."""

        def work(session: Session) -> NamedPage[R]:
            name = self.columns[0]
            noted = notes.overview(session, self.kind)[self.kind]
            conditions = [sa.or_(*(contains(each, query.text) for each in self.searched))] if query.text else []
            if query.tags:
                conditions.append(one_of(name, notes.tagged(noted, query.tags), exclude=query.not_tags))
            total = session.execute(sa.select(sa.func.count()).select_from(name.table).where(*conditions)).scalar_one()
            order = self._last_read() if query.sort == "read" else self.sorts.get(query.sort, self.sorts["name"])
            found = (
                sa.select(*self.columns)
                .where(*conditions)
                .order_by(order.desc() if query.descending else order.asc(), name)
                .limit(query.size)
                .offset((query.page - 1) * query.size)
            )
            rows = self._rows(session, session.execute(found).all())
            return NamedPage(rows, int(total), noted=noted, last_reads=uses.last_reads(session, self.used))

        return await self._read(work)

    async def get(self, name: str) -> R:
        """Return the one of a name.

        Raises:
            NotFoundError: If there is none.
        """

        def work(session: Session) -> R:
            row = session.execute(sa.select(*self.columns).where(SameText(self.columns[0], name))).first()
            if row is None:
                raise NotFoundError(f"No {self.noun} with name '{name}' was found.")
            return self._rows(session, [row])[0]

        return await self._read(work)

    async def delete(self, row: R) -> bool:
        """Delete one with all that is noted of it; False if somebody changed or deleted it since ``row`` was read."""

        def work(session: Session) -> bool:
            deleted = self._changes_one(session, sa.delete(self.columns[0].table), row)
            if deleted:
                forget_named(session, self.model, row.name)
            return deleted

        return await self._write(work)

    def _rows(self, session: Session, found: Sequence[Any]) -> tuple[R, ...]:  # noqa: ARG002  (others read more)
        """Return the rows of what was found; a kind whose rows have more than its columns overrides it."""
        return tuple(self.row(*row) for row in found)

    def _last_read(self) -> Any:
        """Return the day of the last read, for sorting; one that nobody read comes before all others."""
        name, used = self.columns[0], uses.USES.c
        last = sa.select(sa.func.max(used.last_day)).where(
            used.kind == self.used.name,
            used.access == Access.READ.name,
            TextBytes(used.name) == TextBytes(name),  # the two columns may be of different collations
        )
        return sa.func.coalesce(last.correlate(name.table).scalar_subquery(), sa.literal(_NEVER, sa.DATE()))

    def _store(self, session: Session, before: R, values: Mapping[str, Any]) -> bool:
        """Change one; False if somebody changed or deleted it since ``before`` was read."""
        return self._changes_one(session, sa.update(self.columns[0].table).values(values), before)

    def _changes_one(self, session: Session, change: sa.Update | sa.Delete, seen: R) -> bool:
        unchanged = (
            SameText(column, value) if isinstance(column.type, sa.String) else column == value
            for column, value in zip(self.columns, astuple(seen), strict=False)
        )
        return cast("sa.CursorResult[Any]", session.execute(change.where(*unchanged))).rowcount == 1
