"""What the site is called and its colour, in Settings: two rows of its card, with what it will look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.common.colours import DEFAULT, PALETTE, checked_colour
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.forms.fields import choice, text_input
from OpenOrchestrator.orchestrator.components.site_badge import site_style

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View
    from OpenOrchestrator.orchestrator.setup.backend.time_zones import SiteBackend

_OWN = "own"
_OPTIONS = {**{name: name.capitalize() for name in PALETTE}, _OWN: "Another colour"}


class SiteNameRows:
    """The two rows, in the list (``dl``) that is open.

    Args:
        view: The page.
        backend: Stores them.
    """

    def __init__(self, view: View, backend: SiteBackend) -> None:
        self._view = view
        self._backend = backend
        colour = view.installation.site_colour or DEFAULT
        with ui.element("dt"):
            ui.label("Name")
        with ui.element("dd").classes("oo-row oo-wrap"):
            self._name = text_input(
                "Name of the site", view.installation.site_name, placeholder="Such as TEST", marker="site-name-field"
            ).classes("oo-setup-zone")
            self._name.props["maxlength"] = "80"
        with ui.element("dt"):
            ui.label("Colour")
        with ui.element("dd").classes("oo-row oo-wrap"):
            self._colour = choice(
                "Colour of the site", _OPTIONS, colour if colour in PALETTE else _OWN, marker="site-colour"
            ).classes("oo-setup-zone")
            self._own = text_input(
                "The colour as #rrggbb",
                "" if colour in PALETTE else colour,
                placeholder="#rrggbb",
                mono=True,
                marker="site-own-colour",
            )
            self._save = secondary("Save", self._store, marker="save-site-name")
        with ui.element("dt"):
            ui.label("Looks like")
        with ui.element("dd").classes("oo-row oo-wrap"):
            with ui.element("div").classes("oo-site-on").mark("site-sample") as self._sample:
                ui.icon("sym_r_domain").classes("oo-i16")
                self._sample_text = ui.label().classes("oo-el")
            self._words = ui.label().classes("oo-sm oo-t3").mark("site-words")
        for field in (self._name, self._colour, self._own):
            field.on_value_change(self._show)
        self._show()

    @property
    def _chosen(self) -> str:
        return str(self._own.value or "") if self._colour.value == _OWN else str(self._colour.value or "")

    def _show(self) -> None:
        name = str(self._name.value or "").strip()
        self._own.set_visibility(self._colour.value == _OWN)
        words = "Stands above every page, in the tab, in questions and in the log of schedulers."
        try:
            colour = checked_colour(self._chosen)
            missing = self._colour.value == _OWN and not colour
        except InvalidInputError as error:
            colour, missing, words = "", True, str(error)
        self._sample.style(site_style(colour))
        self._sample_text.set_text(name)
        self._sample.set_visibility(bool(name) and not missing)
        self._words.set_text(words if name or missing else "A site without a name shows none.")
        present = self._view.installation
        before = (present.site_name, present.site_colour or DEFAULT) if present.site_name else ("", "")
        self._save.set_enabled(((name, colour) if name else ("", "")) != before and not missing)

    async def _store(self) -> None:
        name = str(self._name.value or "").strip()
        colour = self._chosen if name else ""

        async def work() -> bool:
            await self._backend.set_identity(name, colour)
            await self._view.installation.check()
            return True

        done = f"The site is called {name}" if name else "The site has no name"
        if await self._view.act(work, name="Change the name of the site", done=done):
            self._name.set_value(self._view.installation.site_name)
        self._show()
