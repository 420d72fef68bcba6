"""Colours that people give to things: a few by name, all others as ``#rrggbb``, and what is readable on them. Pure."""

from __future__ import annotations

import re

from OpenOrchestrator.common.errors import InvalidInputError

PALETTE = {
    "red": "#c2302a",
    "orange": "#b45309",
    "yellow": "#f2c230",
    "green": "#1e7b4f",
    "teal": "#0e7c86",
    "blue": "#1d5bb8",
    "purple": "#6d4bb0",
    "pink": "#b5387f",
    "brown": "#7a4b2a",
    "grey": "#5b6770",
}
"""The colours that have a name, in the order in which they are offered."""

DEFAULT = "grey"
"""What has a colour but was given none."""

READABLE = 4.5
"""The contrast that text needs at least (WCAG 2.1, AA)."""

_BLACK, _WHITE = "#000000", "#ffffff"
_WRITTEN = re.compile(r"#[0-9a-f]{6}")


def checked_colour(text: str) -> str:
    """Return a colour as it is stored: a name of PALETTE or ``#rrggbb`` in small letters; empty for an empty text.

    Raises:
        InvalidInputError: If it is no such colour.
    """
    colour = text.strip().lower()
    if not colour or colour in PALETTE or _WRITTEN.fullmatch(colour):
        return colour
    raise InvalidInputError(
        f"{text.strip()[:40]!r} is no colour. Give one of {', '.join(PALETTE)}, or red, green and blue as #rrggbb, "
        "such as #c2302a."
    )


def hex_of(colour: str) -> str:
    """Return a checked colour as ``#rrggbb``; the default one for an empty text."""
    return PALETTE.get(colour or DEFAULT, colour)


def text_on(colour: str) -> str:
    """Return in what text on a checked colour is read best: black or white. Its contrast is READABLE at least."""
    return max((_WHITE, _BLACK), key=lambda ink: contrast(ink, hex_of(colour)))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (``#rrggbb``) as WCAG 2.1 defines it, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
