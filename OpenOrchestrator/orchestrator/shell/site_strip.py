"""The strip above every page that says which site this is, and the icon of the tab in its colour.

A site without a name has neither.
"""

import json
from urllib.parse import quote

from nicegui import ui

from OpenOrchestrator.common.colours import hex_of, text_on
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.components.site_badge import site_style, tell_site
from OpenOrchestrator.orchestrator.shell import assets


class SiteStrip:
    """The strip of one tab.

    Args:
        installation: Tells what the site is called.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._shown: tuple[str, str] = ("", "")
        with ui.element("div").classes("oo-site").props("role=note").mark("site") as self._element:
            ui.icon("sym_r_domain").classes("oo-i16")
            self._name = ui.label().classes("oo-el").mark("site-name")
        self._element.set_visibility(False)
        self.show()

    def show(self) -> None:
        """Show what the site is called now."""
        name, colour = self._installation.site_name, self._installation.site_colour
        tell_site(name, colour)
        if (name, colour) == self._shown:
            return
        self._shown = name, colour
        self._element.style(site_style(colour))
        self._element.props["aria-label"] = f"Site: {name}"
        self._name.set_text(name)
        self._element.set_visibility(bool(name))
        ui.run_javascript(f"ooIcon({json.dumps(icon_address(colour) if name else None)})")


def icon_address(colour: str) -> str:
    """Return the icon of the tab in a site's colour, as an address that holds it whole."""
    plain = (assets.FOLDER / "shell" / "favicon.svg").read_text(encoding="utf-8")
    drawn = plain.replace(PLAIN_GROUND, hex_of(colour)).replace(PLAIN_INK, text_on(colour))
    return "data:image/svg+xml," + quote(drawn)


PLAIN_GROUND = "#0E5A6C"
PLAIN_INK = "#fff"
"""The colours of the icon's file."""
