"""Where to go after the login."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.access.targets import safe_target


@pytest.mark.parametrize("target", ["/", "/jobs/1?x=%2F", "/queues/a%20b"])
def test_a_path_of_this_app(target: str) -> None:
    assert safe_target(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\tx",
        "javascript:alert(1)",
        "///[",
        "",
        None,
    ],
)
def test_anything_else_is_the_start(target: str | None) -> None:
    assert safe_target(target) == "/"
