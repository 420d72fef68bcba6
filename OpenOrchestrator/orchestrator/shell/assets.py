"""The app's own style sheets and script, served from the package.

Each noun keeps its style sheet in its folder; the files are served one by one, never a whole folder. Their address
contains a hash of their content, so that browsers may keep them for ever and still get new ones.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from nicegui import app, ui

FOLDER = Path(__file__).parent.parent
STYLES = (
    "shell/tokens.css",
    "shell/app.css",
    "components/parts.css",
    "triggers/triggers.css",
    "jobs/jobs.css",
    "dashboard/dashboard.css",
    "coming/coming.css",
    "setup/setup.css",
    "queues/queues.css",
    "logs/logs.css",
)
SESSION_SCRIPT = "access/session.js"
SCRIPTS = ("shell/forms.js", "shell/app.js")


@lru_cache(maxsize=1)
def folder_url() -> str:
    """Return the path they are served under; it changes with their content."""
    content = hashlib.sha256()
    for name in (*STYLES, SESSION_SCRIPT, *SCRIPTS):
        content.update((FOLDER / name).read_bytes())
    return f"/_assets/{content.hexdigest()[:12]}"


def serve() -> None:
    """Register the files with NiceGUI."""
    for name in (*STYLES, SESSION_SCRIPT, *SCRIPTS):
        app.add_static_file(local_file=FOLDER / name, url_path=_url(name), max_cache_age=31_536_000)


def add_to_head(prefix: str) -> None:
    """Link them from the page that is being built, before it is sent.

    Args:
        prefix: Path under which a reverse proxy serves the app, already fit for an address.
    """
    for name in STYLES:
        ui.add_head_html(f'<link rel="stylesheet" href="{prefix}{_url(name)}">')
    ui.add_head_html(f'<script defer data-base="{prefix}" src="{prefix}{_url(SESSION_SCRIPT)}"></script>')
    for name in SCRIPTS:
        ui.add_head_html(f'<script defer src="{prefix}{_url(name)}"></script>')


def _url(name: str) -> str:
    return f"{folder_url()}/{name.rpartition('/')[2]}"
