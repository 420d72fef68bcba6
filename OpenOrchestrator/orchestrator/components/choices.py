"""Choices of a filter as addresses carry them: ``status=failed,paused``, ``process=-invoices``. Pure."""

from __future__ import annotations

from urllib.parse import unquote


def split_choice(value: str) -> tuple[tuple[str, ...], bool]:
    """Return what a filter in an address names, and whether that is what shall be left out.

    ``failed,paused`` means one of the two, ``-done`` means all but that. A comma, a percent sign and a leading minus
    that belong to a name are percent-encoded.
    """
    exclude = value.startswith("-")
    names = value[1:] if exclude else value
    return tuple(unquote(part) for part in names.split(",") if part), exclude


def join_choice(names: tuple[str, ...], *, exclude: bool) -> str:
    """Return a filter as an address carries it; empty without names."""
    encoded = [name.replace("%", "%25").replace(",", "%2C") for name in names]
    encoded = [f"%2D{name[1:]}" if name.startswith("-") else name for name in encoded]
    return ("-" if exclude and names else "") + ",".join(encoded)
