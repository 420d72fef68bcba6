"""Short tracebacks of our own errors: a robot's traceback shows the robot's lines and one of ours.

Owns the edge between callers and us, as a decorator. What happened and what to do is in an error's message; the frames
and causes behind it help only us, and would push the robot's own lines out of messages of limited length. They go to
the log of the module ``logging`` at the level DEBUG, without the texts of causes, which may repeat a secret.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from OpenOrchestrator.common.errors import OpenOrchestratorError

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type)

_PUBLISHED_SPECIALS = frozenset({"__init__", "__setstate__"})

_log = logging.getLogger(__name__)


def short_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Make our errors leave a published function without the frames and causes behind it; other errors stay."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except OpenOrchestratorError as error:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s was raised here:\n%s", type(error).__name__, "".join(_origin(error)))
            short = error
        # Outside of the except clause, so that Python notes what the caller itself was handling, and nothing else.
        try:
            short.__cause__ = short.__context__ = None
            short.__suppress_context__ = False
            raise short.with_traceback(None)
        finally:
            del short  # or it and its traceback would keep each other

    return call


def with_short_errors(published: C) -> C:
    """Apply ``short_errors`` to every published method of a class: its constructor, and what has no underscore."""
    for name, member in list(vars(published).items()):
        if name.startswith("_") and name not in _PUBLISHED_SPECIALS:
            continue
        if isinstance(member, classmethod):
            setattr(published, name, classmethod(short_errors(member.__func__)))
        elif isinstance(member, FunctionType):
            setattr(published, name, short_errors(member))
    return published


def shorten_errors_of(module: dict[str, Any]) -> None:
    """Apply ``short_errors`` to every published function that a module defines.

    Args:
        module: Its ``globals()``, when all of them are defined.
    """
    for name, member in list(module.items()):
        if not name.startswith("_") and isinstance(member, FunctionType) and member.__module__ == module["__name__"]:
            module[name] = short_errors(member)


def _origin(error: BaseException) -> Iterator[str]:
    """Yield the lines of code that led to an error, then of what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        if cause is not error:
            yield f"raised from {type(cause).__name__}:\n"
        yield from traceback.format_tb(cause.__traceback__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
