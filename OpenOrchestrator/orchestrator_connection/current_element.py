"""Which queue element the code that runs at this moment works on, so that what it logs can say so.

A context variable: each thread and each asynchronous task has its own. A thread that a robot starts while it has an
element in hand begins without one, as with all context variables.
"""

from __future__ import annotations

from contextvars import ContextVar
from uuid import UUID

Element = tuple[str, UUID]
"""Connection string of its database, and its id."""

_current: ContextVar[Element | None] = ContextVar("OpenOrchestrator queue element", default=None)


def begin(connection_string: str, element_id: UUID) -> Element | None:
    """Say that this element is worked on from now on, and return what was before."""
    before = _current.get()
    _current.set((connection_string, element_id))
    return before


def end(before: Element | None) -> None:
    """Say that the work on an element ended, and that what was before is worked on again."""
    _current.set(before)


def find(connection_string: str) -> UUID | None:
    """Return the element of this database that is worked on; None if there is none, or it is of another one."""
    current = _current.get()
    return None if current is None or current[0] != connection_string else current[1]
