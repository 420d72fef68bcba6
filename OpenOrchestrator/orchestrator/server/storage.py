"""What the app keeps on this machine: the folder for what it remembers of browsers, and the secret of its cookie."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def prepare_storage() -> tuple[Path, str]:
    """Return the folder for what the app remembers of each browser (light or dark), and the secret of its cookie.

    The secret is made once for each installation and can only be read by its owner.
    """
    import platformdirs  # noqa: PLC0415

    folder = Path(platformdirs.user_data_dir("OpenOrchestrator", appauthor=False)) / "app"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cookie-secret"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = file.read_text("ascii").strip()
        if secret:
            return folder / "storage", secret
        descriptor = os.open(file, os.O_WRONLY | os.O_TRUNC)
    secret = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secret)
    return folder / "storage", secret
