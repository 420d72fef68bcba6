"""Watches that the app changes a database in no other way than by the one write of its backends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from OpenOrchestrator import orchestrator
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.orchestrator.backend import base
from OpenOrchestrator.orchestrator.setup.backend import upgrades

APP = str(Path(orchestrator.__file__).parent)
ALLOWED = (base.__file__, upgrades.__file__)


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every change is added that the app makes by another way."""
    found: list[str] = []
    for name in ("write", "write_statement", "write_directly", "change_aside", "connection"):
        monkeypatch.setattr(Database, name, _watched(name, getattr(Database, name), found))
    return found


def _watched(name: str, genuine: Callable[..., Any], found: list[str]) -> Callable[..., Any]:
    def method(self: Database, *arguments: Any, **options: Any) -> Any:
        if name != "connection" or options.get("writing"):
            caller = _in_the_app()
            if caller is not None and not caller.startswith(ALLOWED):
                found.append(f"{caller} changes a database by Database.{name} instead of Backend._write")
        return genuine(self, *arguments, **options)

    return method


def _in_the_app() -> str | None:
    """Return where in the app the change comes from; None if a test makes it."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(APP):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return None
