"""Models of constants and credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import SiteDateTime, long_text_type, text_type


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


class CredentialFields(Mapping[str, str]):
    """What a credential has beside user name and password, in clear text, by name. Its ``repr`` shows names alone.

    Args:
        credential: Name of the credential, for messages.
        values: By name of the field.
    """

    def __init__(self, credential: str, values: Mapping[str, str]) -> None:
        self._credential = credential
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        """Return the value of a field.

        Raises:
            KeyError: If there is none of this name; says which there are.
        """
        if name not in self._values:
            there = ", ".join(map(repr, self._values)) or "none"
            raise KeyError(f"The credential {self._credential!r} has no field {name!r}. It has: {there}.")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name!r}: ***" for name in self._values)
        return f"CredentialFields({{{shown}}})"


class Credential(Base):
    """A named pair of user name and password.

    Attributes:
        password: A Fernet token in the database; the clear text on objects that a getter decrypted.
        encrypted_fields: A Fernet token of the further fields as JSON; None if there are none.
    """

    __tablename__ = "Credentials"

    name: Mapped[str] = mapped_column(text_type(100), primary_key=True)
    username: Mapped[str] = mapped_column(text_type(250))
    password: Mapped[str] = mapped_column(text_type(1000))
    changed_at: Mapped[datetime] = mapped_column(SiteDateTime, default=datetime.now, onupdate=datetime.now)
    encrypted_fields: Mapped[str | None] = mapped_column(long_text_type())

    @property
    def fields(self) -> CredentialFields:
        """What it has beside user name and password, on objects that a getter decrypted; empty on others."""
        found: CredentialFields | None = self.__dict__.get("_fields")
        return CredentialFields(self.name, {}) if found is None else found

    def set_fields(self, values: Mapping[str, str]) -> None:
        """Let ``fields`` return these, on an object that is not stored."""
        self.__dict__["_fields"] = CredentialFields(self.name, values)
