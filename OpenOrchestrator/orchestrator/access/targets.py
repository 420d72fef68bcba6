"""Where to go after the login. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def safe_target(target: str | None) -> str:
    """Return where to go after the login: a path within this app, or its start."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return "/"
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in target):
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    return target if not parts.scheme and not parts.netloc else "/"
