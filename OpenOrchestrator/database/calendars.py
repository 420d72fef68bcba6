"""Model of the calendars that say on which days scheduled triggers run."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import UtcDateTime, long_text_type, text_type, uuid_type


class SiteCalendar(Base):
    """A calendar of open and closed days, which triggers name.

    Attributes:
        country: Two capital letters, whose public holidays are closed; None for no holidays.
        region: A part of that country.
        working_days: Open weekdays as a JSON list of their numbers, Monday being 0.
        closed: Own dates that are closed, as a JSON list of ISO dates.
        opened: Own dates that are open whatever else says that they are closed, likewise.
        edition: Another one after each change; a change names the one it starts from.
    """

    __tablename__ = "Calendars"

    name: Mapped[str] = mapped_column(text_type(100), primary_key=True)
    country: Mapped[str | None] = mapped_column(String(2))
    region: Mapped[str | None] = mapped_column(text_type(50))
    working_days: Mapped[str] = mapped_column(String(50))
    closed: Mapped[str] = mapped_column(long_text_type())
    opened: Mapped[str] = mapped_column(long_text_type())
    edition: Mapped[UUID] = mapped_column(uuid_type())
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
