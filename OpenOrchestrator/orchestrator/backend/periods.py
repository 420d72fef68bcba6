"""Periods of time as addresses carry them: ``from=24h``, ``from=2026-11-23T08:00``, ``to=...``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

ALL = "all"
"""As ``from``: everything, even where a shorter period would be taken by itself."""

_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_BACK = re.compile(r"([1-9][0-9]{0,3})(min|h|d)")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")


@dataclass(frozen=True, slots=True)
class Period:
    """A period, which may move with the clock: the last 24 hours. Hashable.

    Attributes:
        start: ``24h``, ``7d`` (so long ago), a site time in ISO form, ``all``, or empty.
        end: A site time in ISO form, or empty.
    """

    start: str = ""
    end: str = ""

    @property
    def given(self) -> bool:
        """Whether it says anything."""
        return bool(self.start or self.end)

    def bounds(self, site_now: datetime) -> tuple[datetime | None, datetime | None]:
        """Return its first and last moment as naive site time; None where it is open.

        An end without seconds includes its whole minute, one without time its whole day.
        """
        start: datetime | None = None
        back = _BACK.fullmatch(self.start)
        if back:
            start = site_now - int(back[1]) * _UNITS[back[2]]
        elif self.start and self.start != ALL:
            start = datetime.fromisoformat(self.start)
        end = None
        if self.end:
            length = {10: timedelta(days=1), 16: timedelta(minutes=1)}.get(len(self.end), timedelta(seconds=1))
            end = datetime.fromisoformat(self.end) + length - timedelta(microseconds=1)
        return start, end


ALWAYS = Period()


def period_of(address: Mapping[str, str]) -> Period:
    """Return the period of an address (``from`` and ``to``); parts that mean nothing are left out."""
    start, end = address.get("from", ""), address.get("to", "")
    if start != ALL and not _BACK.fullmatch(start) and not is_moment(start):
        start = ""
    return Period(start, end if is_moment(end) else "")


def is_moment(text: str) -> bool:
    """Tell whether a text is a date, or a date and time, as addresses carry them."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return 1900 <= moment.year <= 9000
