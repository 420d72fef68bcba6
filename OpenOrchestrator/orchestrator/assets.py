"""The app's own style sheets and script, served from the package.

Their address contains a hash of their content, so that browsers may keep them for ever and still get new ones.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from nicegui import app, ui

FOLDER = Path(__file__).parent / "static"
STYLES = ("tokens.css", "app.css", "parts.css", "jobs.css", "dashboard.css", "settings.css", "queues.css", "logs.css")
SCRIPT = "app.js"


@lru_cache(maxsize=1)
def folder_url() -> str:
    """Return the path they are served under; it changes with their content."""
    content = hashlib.sha256()
    for name in (*STYLES, SCRIPT):
        content.update((FOLDER / name).read_bytes())
    return f"/_assets/{content.hexdigest()[:12]}"


def serve() -> None:
    """Register the folder with NiceGUI."""
    app.add_static_files(folder_url(), FOLDER, max_cache_age=31_536_000)


def add_to_head(prefix: str) -> None:
    """Link them from the page that is being built.

    Args:
        prefix: Path under which a reverse proxy serves the app, already fit for an address.
    """
    base = prefix + folder_url()
    for name in STYLES:
        ui.add_head_html(f'<link rel="stylesheet" href="{base}/{name}">')
    ui.add_head_html(f'<script defer src="{base}/{SCRIPT}"></script>')
