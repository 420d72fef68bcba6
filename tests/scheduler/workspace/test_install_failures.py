"""What uv and pip say when something cannot be installed, in plain words."""

from __future__ import annotations

import pytest

from OpenOrchestrator.scheduler.workspace import install_steps
from OpenOrchestrator.scheduler.workspace.install_failures import explain


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.", "Run uv lock"),
        ("error: Failed to fetch: `x`\n  Caused by: HTTP status client error (401 Unauthorized) for url (x)", "login"),
        ("  Caused by: dns error\n  Caused by: failed to lookup address information", "cannot be reached"),
        ("  x No solution found\n  Packages were unavailable because the network was disabled.", "cannot be reached"),
        ("  x No solution found when resolving dependencies:\n  Because a==1 and b==2 differ", "had together"),
        ("error: The interpreter does not fit the Python requirement: `>=3.13`", "version of Python"),
        ("ERROR: Package 'a' requires a different Python: 3.11.7 not in '>=3.12'", "version of Python"),
        ("error: Failed to write: No space left on device (os error 28)", "disk"),
        ("  x Failed to build `slowly`\n  gcc: not found", "compiled"),
        ("error: Hash mismatch for `six==1.16.0`", "hash"),
        ("error: TOML parse error at line 1", "understood"),
        ("ERROR: No matching distribution found for nothing", "does not exist"),
    ],
)  # fmt: skip
def test_known_failures(said: str, words: str) -> None:
    reason = explain(said.splitlines(), "uv.lock")
    assert words in reason
    assert reason.startswith("The environment cannot be made from uv.lock.")
    assert said.splitlines()[0].strip() in reason


def test_what_nobody_foresaw_is_told_as_it_was_said() -> None:
    reason = explain(["warning: a", "error: the moon is full", "hint: wait", ""], "uv.lock")
    assert reason == "The environment cannot be made from uv.lock. Said last: error: the moon is full"
    assert len(explain(["x" * 5000] * 5, "uv.lock")) <= 700


def test_logins_are_not_shown() -> None:
    env = {"UV_INDEX_URL": "https://user:geheim%40@index.example/simple", "A_TOKEN": "token-1234", "PATH": "/bin"}
    secrets = install_steps.secrets_in(env)
    assert set(secrets) == {"geheim%40", "geheim@", "token-1234"}
    line = install_steps.shown("GET https://user:other@index.example/six and geheim@ token-1234", secrets)
    assert line == "GET https://***@index.example/six and *** ***"
