"""Making characters visible that a terminal or an editor obeys instead of showing them. Pure.

For the edges: text logs and terminals. What is stored stays as it is. A name with an escape sequence could clear a
screen or forge a line, one with a bidirectional override shows another order than it has.
"""

from __future__ import annotations

import re
import unicodedata

_BLANKS = re.compile(r"(?:\r\n|[ \t\n])+")

_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's controls, formats (bidirectional overrides, invisible ones), half characters, and ends of lines."""

_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""Ordinary writing and emoji need them, and they change nothing around them."""


def visible(text: str, *, kept: str = "") -> str:
    r"""Return a text with its control characters written as Python writes them, such as ``\x1b`` and ``\u202e``.

    Args:
        text: Anything.
        kept: Characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) if character not in kept else character for character in text)


def visible_lines(text: str) -> str:
    """Return a text of several lines with its control characters made visible, apart from tabs and ends of lines."""
    return visible(text.replace("\r\n", "\n"), kept="\n\t")


def visible_line(text: str) -> str:
    """Return a text as one line: ends of lines, tabs and blanks become one blank, control characters visible."""
    return visible(_BLANKS.sub(" ", text).strip(" "))


def _shown(character: str) -> str:
    if unicodedata.category(character) in _OBEYED and character not in _JOINERS:
        return character.encode("unicode_escape").decode("ascii")
    return character
