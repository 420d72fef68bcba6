"""The site as a file in Settings: a button that downloads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.tables import download
from OpenOrchestrator.orchestrator.setup.backend.site_file import SiteFileBackend

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

MEDIA_TYPE = "application/yaml; charset=utf-8"


class FileRow:
    """The row, in the card that is open.

    Args:
        view: The page.
        backend: Makes the file.
    """

    def __init__(self, view: View, backend: SiteFileBackend) -> None:
        self._view = view
        self._backend = backend
        ui.label("The commands plan and apply say what a changed file would do, and make the site so.")
        with ui.element("div").classes("oo-row oo-wrap oo-settings-acts"):
            secondary("Download the site as a file", self._download, icon="sym_r_download", marker="download-site")

    async def _download(self) -> None:
        text = await self._view.load(self._backend.text)
        if text is None:
            return
        site_now = self._view.now().astimezone(self._view.zone)
        name = download.file_name("site", f"{site_now:%Y-%m-%d-%H%M}") + ".yaml"
        with self._view.container:
            download.offer(name, MEDIA_TYPE, lambda: iter([text.encode("utf-8")]))
            feedback.done(f"{name} is being downloaded", "It can be kept in git, changed, and applied.")
