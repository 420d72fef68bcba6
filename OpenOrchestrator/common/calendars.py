"""Which days are open: working weekdays, the holidays of a country, and dates of one's own.

Pure. The holidays come from the package ``holidays``, which is imported when the first of them is asked for: it is
slow, and most installations name no country.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

from OpenOrchestrator.common.errors import InvalidInputError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the weekdays, Monday first, as ``date.weekday`` numbers them."""

MONDAY_TO_FRIDAY = frozenset(range(5))

_ENGLISH = "en_US"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which something may run.

    Attributes:
        name: What people and triggers call it.
        country: Two capital letters (ISO 3166), whose public holidays are closed; None for no holidays.
        region: A part of that country, as the package ``holidays`` calls it; None for what the whole country has.
        closed: Own dates that are closed.
        opened: Own dates that are open, whatever else says that they are closed.
        working_days: Weekdays that are open, Monday being 0.
    """

    name: str
    country: str | None = None
    region: str | None = None
    closed: frozenset[date] = frozenset()
    opened: frozenset[date] = frozenset()
    working_days: frozenset[int] = MONDAY_TO_FRIDAY

    def is_open(self, day: date) -> bool:
        """Tell whether a day is open.

        Raises:
            InvalidInputError: If nothing is known of its country or region.
        """
        if day in self.opened:
            return True
        if day in self.closed or day.weekday() not in self.working_days:
            return False
        return self.country is None or day not in holidays_of(self.country, self.region, day.year)

    def why_closed(self, day: date) -> str | None:
        """Return why a day is closed, as the end of ``closed:``; None if it is open.

        Raises:
            InvalidInputError: As ``is_open``.
        """
        if self.is_open(day):
            return None
        if self.country is not None and (holiday := holidays_of(self.country, self.region, day.year).get(day)):
            return holiday
        return "closed on this date" if day in self.closed else "not a working day"

    def closed_run(self, day: date, step: int) -> Iterator[date]:
        """Yield the closed days that adjoin a day, the nearest first: those before for -1, those after for 1.

        Raises:
            InvalidInputError: As ``is_open``.
        """
        while date.min.toordinal() < day.toordinal() + step < date.max.toordinal():
            day += timedelta(days=step)
            if self.is_open(day):
                return
            yield day


@lru_cache(maxsize=1024)
def holidays_of(country: str, region: str | None, year: int) -> Mapping[date, str]:
    """Return the public holidays of a year with their names, in English where the package has them.

    Args:
        country: Two capital letters.
        region: A part of it; None for what the whole country has.
        year: Which one.

    Raises:
        InvalidInputError: If nothing is known of the country or region.
    """
    import holidays  # noqa: PLC0415  (slow, and few need it)

    try:
        supported = getattr(holidays, country).supported_languages
        language = _ENGLISH if _ENGLISH in supported else None
        found = holidays.country_holidays(country, subdiv=region, years=year, expand=False, language=language)
    except (AttributeError, NotImplementedError) as error:
        where = f"the country {country!r}" if region is None else f"the region {region!r} of the country {country!r}"
        raise InvalidInputError(
            f"No holidays are known of {where}. Choose one that the form of a calendar offers, or install a newer "
            "version of the package holidays."
        ) from error
    return MappingProxyType({day: str(name) for day, name in found.items()})


@dataclass(frozen=True, slots=True)
class Country:
    """A country whose holidays are known.

    Attributes:
        regions: As the package ``holidays`` calls them.
    """

    name: str
    regions: tuple[str, ...]


@lru_cache(maxsize=1)
def known_countries() -> Mapping[str, Country]:
    """Return the countries whose holidays are known, by their two letters, in the order of their names.

    Slow when it is called for the first time: about a second.
    """
    import holidays  # noqa: PLC0415  (slow, and few need it)
    from holidays.registry import COUNTRIES  # noqa: PLC0415

    regions = holidays.list_supported_countries(include_aliases=False)
    names = {entry[1]: key.replace("_", " ").title() for key, entry in COUNTRIES.items()}
    found = {code: Country(names.get(code, code), tuple(sorted(regions[code]))) for code in regions}
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: item[1].name)))
