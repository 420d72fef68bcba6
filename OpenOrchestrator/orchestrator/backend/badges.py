"""What a noun declares, to have something of it counted beside its place in the navigation.

Owns the form of a badge. Must not know any noun: each declares its own in ``backend/badge.py``, and its page names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class CountingTime:
    """The moment that all badges are counted at.

    Attributes:
        now: Aware UTC.
        site_now: The same as naive site time.
    """

    now: datetime
    site_now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A number beside a place in the navigation.

    Attributes:
        key: Tells its count from those of the other badges.
        count: Counts within the one transaction that counts all badges, so it must be cheap.
        attention: Whether what is counted needs somebody to look; otherwise the number only says how much there is.
        words: What is counted, as a tooltip; empty for none.
        every: Seconds that a count is kept at least before it is counted anew, for what is not cheap.
    """

    key: str
    count: Callable[[Session, CountingTime], int]
    attention: bool = True
    every: float = 0
    words: str = ""
