"""What is drawn in the browser: its file stands beside the class that sends it rows."""

from __future__ import annotations

import re
from pathlib import Path

import OpenOrchestrator.orchestrator
from OpenOrchestrator.orchestrator.shell.assets import STYLES

ROOM = Path(OpenOrchestrator.orchestrator.__file__).parent


def test_every_component_finds_its_file() -> None:
    # NiceGUI says nothing about a file that is not there; the element then draws nothing.
    named = {
        module.with_name(name)
        for module in ROOM.rglob("*.py")
        for name in re.findall(r'component="([^"]+)"', module.read_text("utf-8"))
    }
    assert len(named) > 5
    assert not sorted(path for path in named if not path.is_file())


def test_every_component_file_is_used() -> None:
    used = {
        name for module in ROOM.rglob("*.py") for name in re.findall(r'"(?:\w+/)?(\w+\.js)"', module.read_text("utf-8"))
    }
    assert not sorted(path for path in ROOM.rglob("*.js") if path.name not in used)


def test_every_style_sheet_is_served() -> None:
    assert {path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*.css")} == set(STYLES)
