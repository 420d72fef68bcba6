"""The pages of a list: how an address names one, and the line beneath a table.

Owns which pages and sizes there are. Must not know what is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import icon_button

PAGE_SIZES = (25, 50, 100)
"""Rows that a page may have; what a link asks for beyond these is not obeyed."""


def place_of(address: Mapping[str, str], most_pages: int = 100_000) -> tuple[int, int]:
    """Return page and size that an address asks for; what means nothing is left out."""
    page, size = address.get("page", ""), address.get("size", "")
    return (
        min(int(page), most_pages) if page.isascii() and page.isdigit() and int(page) else 1,
        int(size) if size.isascii() and size.isdigit() and int(size) in PAGE_SIZES else PAGE_SIZES[0],
    )


def turned(page: int) -> dict[str, str | None]:
    """Return what an address changes for another page; the first one is not named."""
    return {"page": str(page) if page > 1 else None}


def resized(size: int) -> dict[str, str | None]:
    """Return what an address changes for so many rows on a page, from the first page on."""
    return {"size": str(size) if size != PAGE_SIZES[0] else None, "page": None}


class Pager:
    """The line beneath a table: which rows of how many, and the way to the next ones.

    Args:
        on_page: Told the page to show, from 1.
        on_size: Told how many rows a page shall have.
    """

    def __init__(self, *, on_page: Callable[[int], Any], on_size: Callable[[int], Any]) -> None:
        self._page = 1
        self._shown_size = PAGE_SIZES[0]
        with ui.element("div").classes("oo-foot") as self.element:
            self._text = ui.label().mark("pager")
            ui.element("span").classes("oo-sp")
            self._size = (
                ui.select({size: f"{size} rows" for size in PAGE_SIZES}, value=PAGE_SIZES[0])
                .props('borderless dense options-dense aria-label="Rows per page"')
                .classes("oo-page-size oo-no-phone")
                .on_value_change(lambda event: on_size(event.value) if event.value != self._shown_size else None)
            )
            self._before = icon_button(
                "sym_r_chevron_left", "Previous page", lambda: on_page(self._page - 1), marker="previous-page"
            )
            self._after = icon_button(
                "sym_r_chevron_right", "Next page", lambda: on_page(self._page + 1), marker="next-page"
            )

    def show(
        self, *, page: int, size: int, shown: int, total: int, cap: int | None = None, so_far: bool = False
    ) -> None:
        """Say which rows are shown.

        Args:
            page: From 1.
            size: Rows of a page.
            shown: Rows on this one.
            total: Rows in all, counted no further than ``cap``.
            cap: Where counting stopped; None if it did not.
            so_far: Whether these were found by a search that has not looked everywhere.
        """
        self._page = page
        first = (page - 1) * size
        total_text = times.number(total) if cap is None else times.capped(total, cap)
        words = f"{times.number(first + 1)}-{times.number(first + shown)} of {total_text}" if shown else "No rows"
        self._text.set_text(f"{words} found so far" if so_far and shown else words)
        self._shown_size = size
        if size in PAGE_SIZES:
            self._size.set_value(size)
        self._before.set_enabled(page > 1)
        self._after.set_enabled(first + shown < total)
        self.element.set_visibility(total > PAGE_SIZES[0] or page > 1 or so_far)
