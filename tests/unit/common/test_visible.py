"""Characters that terminals and editors obey are shown."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.visible import visible, visible_line, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fakturaer æøå 😀 日本 a\u00a0b", "Fakturaer æøå 😀 日本 a\u00a0b"),
        (r"C:\robots\new", r"C:\robots\new"),
        ("\x1b[2Jx", r"\x1b[2Jx"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31mx", r"\x9b31mx"),
        ("a\rb", r"a\rb"),
        ("a\bb\x7f", r"a\x08b\x7f"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("\u2066a\u2069\u200f\u061c", r"\u2066a\u2069\u200f\u061c"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("half \udc9b", r"half \udc9b"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("", ""),
    ],
)
def test_what_would_be_obeyed_is_shown(text: str, shown: str) -> None:
    assert visible(text) == visible_line(text) == visible_lines(text) == shown


def test_ends_of_lines_stay_or_become_blanks() -> None:
    assert visible_lines("a\r\n\tb\n\x1bc\rd") == "a\n\tb\n\\x1bc\\rd"
    assert visible_line(" a\r\n\tb\n\n c\rd ") == r"a b c\rd"
    assert visible("a\nb") == r"a\nb"
