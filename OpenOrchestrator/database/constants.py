"""Models of constants and credentials."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import SiteDateTime, text_type


class Constant(Base):
    """A named value that robots read."""

    __tablename__ = "Constants"

    name: Mapped[str] = mapped_column(text_type(100), primary_key=True)
    value: Mapped[str] = mapped_column(text_type(1000))
    changed_at: Mapped[datetime] = mapped_column(SiteDateTime, default=datetime.now, onupdate=datetime.now)


class ConstantOverride(Base):
    """The value that a constant has on one scheduler, in the place of its own.

    Attributes:
        name_hash: SHA-256 of ``constant_name`` in UTF-8, in hexadecimal digits: a key that every collation compares
            exactly.
        scheduler_hash: The same of the scheduler's name, without the blanks around it and without regard to case.
    """

    __tablename__ = "Constant_Overrides"

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    scheduler_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    constant_name: Mapped[str] = mapped_column(text_type(100))
    scheduler_name: Mapped[str] = mapped_column(text_type(100))
    value: Mapped[str] = mapped_column(text_type(1000))


class Credential(Base):
    """A named pair of user name and password.

    Attributes:
        password: A Fernet token in the database; the clear text on objects that a getter decrypted.
    """

    __tablename__ = "Credentials"

    name: Mapped[str] = mapped_column(text_type(100), primary_key=True)
    username: Mapped[str] = mapped_column(text_type(250))
    password: Mapped[str] = mapped_column(text_type(1000))
    changed_at: Mapped[datetime] = mapped_column(SiteDateTime, default=datetime.now, onupdate=datetime.now)
