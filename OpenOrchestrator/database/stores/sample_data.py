"""What robots are tried with before they meet a site: constants, credentials and queue elements, stored in one go.

Functions take an open session. Must not know where the data comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from OpenOrchestrator.common.crypto_util import Key
from OpenOrchestrator.database.stores import constants, credentials, queue_elements

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CREATED_BY = "Sample data"


@dataclass(frozen=True, slots=True)
class SampleElement:
    """A queue element to be stored as New."""

    reference: str | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class SampleCredential:
    """A credential to be stored; its password in clear text."""

    username: str
    password: str = field(repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SampleData:
    """What is to be stored.

    Attributes:
        constants: Values by name.
        credentials: By name.
        elements: By queue, in the order in which they are to be handed out.
    """

    constants: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, SampleCredential] = field(default_factory=dict)
    elements: Mapping[str, Sequence[SampleElement]] = field(default_factory=dict)


def store(session: Session, data: SampleData, *, key: Key, now: datetime) -> None:
    """Store sample data; constants and credentials that are there already get the new values.

    Args:
        session: An open transaction.
        data: What is to be stored.
        key: Passwords are encrypted with it.
        now: Site time.

    Raises:
        AlreadyExistsError: If a name differs from another one in capital letters alone.
        InvalidInputError: If something cannot be stored.
    """
    dialect_name = session.get_bind().dialect.name
    constants_there = {each.name for each in constants.get_all(session)}
    for name, value in data.constants.items():
        write = constants.update if name in constants_there else constants.create
        write(session, name, value, now=now)
    credentials_there = {each.name for each in credentials.get_all(session)}
    for name, each in data.credentials.items():
        stored = credentials.values(
            dialect_name, username=each.username, password=each.password, key=key, now=now, fields=each.fields
        )
        change = credentials.update if name in credentials_there else credentials.create
        change(session, name, stored)
    for queue, elements in data.elements.items():
        if elements:
            rows = queue_elements.new_rows(
                dialect_name,
                queue_name=queue,
                references=[each.reference for each in elements],
                data=[each.data for each in elements],
                created_by=CREATED_BY,
            )
            queue_elements.insert_rows(session, rows, created_date=now)
