"""What the site is called, in its colour: for a page's frame and for questions. Shown nowhere on a site without a name.

Each tab knows it by itself, so that any part can say it. Must not know the database: the frame of the tab tells it.
"""

from __future__ import annotations

from nicegui import app, ui

from OpenOrchestrator.common.colours import hex_of, text_on

_KEY = "site"


def tell_site(name: str, colour: str) -> None:
    """Let this tab know what the site is called, and its colour as ``checked_colour`` returns it."""
    app.storage.client[_KEY] = [name, colour]


def current_site() -> tuple[str, str]:
    """Return what the site of this tab is called, empty for nothing, and its colour."""
    name, colour = app.storage.client.get(_KEY, ["", ""])
    return name, colour


def site_badge(name: str, colour: str) -> None:
    """Say on which site something is about to be done; nothing without a name."""
    if name:
        with ui.element("div").classes("oo-site-on").style(site_style(colour)):
            ui.icon("sym_r_domain").classes("oo-i16")
            ui.label(f"On {name}").classes("oo-el").mark("on-site")


def site_style(colour: str) -> str:
    """Return the CSS variables of a site's colour: its own, and that of text on it."""
    return f"--site: {hex_of(colour)}; --on-site: {text_on(colour)}"
