"""What a site is called and in which colour it is shown, such as TEST in green: nobody shall take it for another.

Owns what a name may be, and that there is no colour without a name. What a colour may be is in ``common.colours``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from OpenOrchestrator.common.colours import checked_colour
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.site import SITE_COLOUR, SITE_NAME, SiteSetting

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

NAME_LENGTH = 40

_SETTINGS = cast(sa.Table, SiteSetting.__table__)
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's controls, formats, half and unassigned characters, and ends of lines."""


@dataclass(frozen=True, slots=True)
class SiteIdentity:
    """What tells a site from others.

    Attributes:
        name: Empty for a site that has none.
        colour: As ``checked_colour`` returns it; empty for the default one.
    """

    name: str = ""
    colour: str = ""


def checked_name(text: str) -> str:
    """Return the name of a site as it is stored: in one line, its blanks single; empty for none.

    Raises:
        InvalidInputError: If it is too long or holds something that is not shown.
    """
    name = text.strip()
    wrong = next((letter for letter in name if unicodedata.category(letter) in _REFUSED), None)
    if wrong is not None:
        raise InvalidInputError(
            f"The name of the site holds a character that is not shown, U+{ord(wrong):04X}. Give letters, digits, "
            "signs and blanks, such as TEST."
        )
    name = " ".join(name.split())
    if len(name) > NAME_LENGTH:
        raise InvalidInputError(
            f"The name of the site has {len(name)} characters, but may have {NAME_LENGTH}: {name[:NAME_LENGTH]!r}..."
        )
    return name


def read(session: Session) -> SiteIdentity:
    """Return what the site is called; what somebody stored by other means and is none counts as not there."""
    return _read(session.connection())


def read_if_there(connection: Connection) -> SiteIdentity:
    """Return what the site is called, also of a database of an earlier version, which holds no settings."""
    return _read(connection) if sa.inspect(connection).has_table(_SETTINGS.name) else SiteIdentity()


def store(session: Session, *, name: str | None = None, colour: str | None = None) -> SiteIdentity:
    """Store what the site is called, and return it. Apps take it up within seconds, schedulers at their next start.

    Args:
        session: An open transaction.
        name: The new one; empty takes it away, and the colour with it; None keeps the present one.
        colour: The new one; empty for the default one; None keeps the present one.

    Raises:
        InvalidInputError: If one of them cannot be, or there is a colour and no name.
    """
    if name is not None:
        _put(session, SITE_NAME, checked_name(name))
    if colour is not None:
        _put(session, SITE_COLOUR, checked_colour(colour))
    identity = read(session)
    if identity.name:
        return identity
    if colour:
        raise InvalidInputError("A site without a name has no colour. Give it a name, too, such as TEST.")
    _put(session, SITE_COLOUR, "")
    return SiteIdentity()


def _read(connection: Connection) -> SiteIdentity:
    stored = sa.select(_SETTINGS.c.name, _SETTINGS.c.value).where(_SETTINGS.c.name.in_((SITE_NAME, SITE_COLOUR)))
    values: dict[str, str] = {row.name: row.value for row in connection.execute(stored)}
    try:
        name = checked_name(values.get(SITE_NAME, ""))
    except InvalidInputError:
        name = ""
    try:
        return SiteIdentity(name, checked_colour(values.get(SITE_COLOUR, "")) if name else "")
    except InvalidInputError:
        return SiteIdentity(name)


def _put(session: Session, setting: str, value: str) -> None:
    mine = _SETTINGS.c.name == setting
    connection = session.connection()
    if not value:
        connection.execute(sa.delete(_SETTINGS).where(mine))
    elif not connection.execute(sa.update(_SETTINGS).where(mine).values(value=value)).rowcount:
        connection.execute(sa.insert(_SETTINGS).values(name=setting, value=value))
