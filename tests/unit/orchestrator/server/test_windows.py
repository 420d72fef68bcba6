"""How the app is shown to whoever started it."""

from __future__ import annotations

from nicegui.native import NativeConfig

from OpenOrchestrator.orchestrator.server.windows import prepare_window


def test_the_window_of_its_own_opens_signed_in_and_lets_download_and_select() -> None:
    native = NativeConfig()
    prepare_window(native, "http://127.0.0.1:1/enter?token=x")
    assert native.window_args == {"url": "http://127.0.0.1:1/enter?token=x", "text_select": True}
    assert native.settings == {"ALLOW_DOWNLOADS": True}
