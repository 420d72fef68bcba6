"""How a robot's loop is to work, and what it counts. Pure: must not ask the database anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import BusinessError, InvalidInputError

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator_connection.work_element import WorkElement


@dataclass(frozen=True, slots=True)
class WorkCounts:
    """What became of the elements that a loop took.

    Attributes:
        taken: How many were handed out; the others say how many of them ended so.
        retried: Tried again later.
        released: Given back.
        lost: Taken away while the robot worked on them, so that nothing was written.
    """

    taken: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    postponed: int = 0
    released: int = 0
    abandoned: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """How a loop works; see ``OrchestratorConnection.work``."""

    reference: str | None = None
    limit: int | None = None
    stop_after: int | None = 3
    business: tuple[type[BaseException], ...] = ()
    on_error: Callable[[WorkElement, Exception], object] | None = None
    wait: float = 0.0


def options(
    *,
    reference: str | None,
    limit: int | None,
    stop_after: int | None,
    business: object,
    on_error: Callable[[WorkElement, Exception], object] | None,
    wait: object,
) -> WorkOptions:
    """Return the options of a loop.

    Raises:
        InvalidInputError: If one cannot be one.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise InvalidInputError(f"limit has to be a whole number, or None for no limit, not {limit!r}.")
    if stop_after is not None and (isinstance(stop_after, bool) or not isinstance(stop_after, int) or stop_after < 1):
        raise InvalidInputError(f"stop_after has to be a whole number from 1, or None for never, not {stop_after!r}.")
    classes = business if isinstance(business, (tuple, list, set, frozenset)) else (business,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, Exception)):
            raise InvalidInputError(f"business has to be a class of exceptions, or several of them, not {each!r}.")
    if on_error is not None and not callable(on_error):
        raise InvalidInputError(
            f"on_error has to be a function that takes an element and an exception, not {on_error!r}."
        )
    return WorkOptions(
        reference=reference,
        limit=limit,
        stop_after=stop_after,
        business=(BusinessError, *classes),
        on_error=on_error,
        wait=0.0 if wait is None else seconds_of(wait, "wait"),
    )


def seconds_of(value: object, what: str) -> float:
    """Return a length of time in seconds.

    Raises:
        InvalidInputError: If it is none, or negative.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 10**9:
        raise InvalidInputError(f"{what} has to be a number of seconds from 0, or a timedelta, not {value!r}.")
    return float(seconds)
