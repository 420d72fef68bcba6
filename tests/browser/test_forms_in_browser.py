"""Forms by keyboard in a real browser, which sends what was typed in its own time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_enter_saves_from_a_line_with_what_was_just_typed_but_not_from_a_text_area(
    page_of: Callable[..., Any],
) -> None:
    page = page_of("/triggers")
    page.get_by_role("button", name="New trigger").click()
    form = page.get_by_role("dialog", name="New trigger")
    form.get_by_label("Path", exact=True).fill("/robots/keys/main.py")
    arguments = form.get_by_label("Arguments")
    arguments.press_sequentially("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    form.get_by_label("Cron", exact=True).press_sequentially("30 4 * * 1")
    page.keyboard.press("Enter")
    form.get_by_text("2 fields to correct: Name, Process").wait_for()
    assert arguments.input_value() == "one\ntwo"
