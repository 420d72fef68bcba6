"""How the app is shown to whoever started it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from nicegui.native import NativeConfig

from OpenOrchestrator.orchestrator.server.windows import Handover, prepare_window

LINK = "http://127.0.0.1:1/enter?token=x"


def test_the_window_of_its_own_opens_signed_in_and_lets_download_and_select() -> None:
    native = NativeConfig()
    prepare_window(native, "http://127.0.0.1:1/enter?token=x")
    assert native.window_args == {"url": "http://127.0.0.1:1/enter?token=x", "text_select": True}
    assert native.settings == {"ALLOW_DOWNLOADS": True}


def test_a_handover_leads_to_the_link_until_it_is_removed(tmp_path: Path) -> None:
    handover = Handover(tmp_path)
    file = handover.write(LINK)
    assert f'content="0; url={LINK}"' in file.read_text("utf-8")
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
    handover.remove()
    handover.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_new_handover_takes_the_place_of_the_former(tmp_path: Path) -> None:
    handover = Handover(tmp_path)
    handover.write(LINK)
    handover.write(LINK)
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_place_for_the_file_the_browser_is_shown_how_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("threading.Thread.start", lambda thread: thread.run())
    Handover(tmp_path / "missing").open_browser(LINK, "http://127.0.0.1:1")
    assert opened == ["http://127.0.0.1:1"]
