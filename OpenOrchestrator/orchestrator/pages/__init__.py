"""All pages: a module here that has some lists them in ``PAGES``, and the frame finds them."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from OpenOrchestrator.orchestrator.view import PageSpec


def all_pages() -> tuple[PageSpec, ...]:
    """Return the pages of all modules of this package."""
    pages: list[PageSpec] = []
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        pages += getattr(import_module(f"{__name__}.{module.name}"), "PAGES", ())
    return tuple(pages)
