"""What the app keeps on this machine: the folder for what it remembers of browsers, and the secret of its cookie."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.common.private_files import make_folder
from OpenOrchestrator.common.settings import load_settings


def prepare_storage(folder: Path | None = None) -> tuple[Path, str]:
    """Return the folder for what the app remembers of each browser (light or dark), and the secret of its cookie.

    The secret is made once for each installation and can only be read by its owner.

    Args:
        folder: Where both are kept, made if necessary; None for the usual place.

    Raises:
        ConfigurationError: If the folder cannot be used; says which setting names another.
    """
    folder = folder or load_settings().require_app_folder()
    try:
        make_folder(folder / "storage")
        return folder / "storage", _cookie_secret(folder / "cookie-secret")
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder}, for what the app remembers, cannot be used: {error.strerror or error}. Choose "
            "another one with the option --app-folder or the setting OpenOrchestratorAppFolder."
        ) from error


def _cookie_secret(file: Path) -> str:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = file.read_text("ascii").strip()
        if secret:
            return secret
        descriptor = os.open(file, os.O_WRONLY | os.O_TRUNC)
    secret = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secret)
    return secret
