"""Sessions over a restart of the app."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from moved_seconds import Clock

from OpenOrchestrator.orchestrator.access.gate import SESSION_IDLE_SECONDS, Gate
from OpenOrchestrator.orchestrator.access.kept_sessions import SessionFile
from OpenOrchestrator.orchestrator.access.passwords import Password, is_kept_form_of


class Site:
    """An app that is restarted again and again; its clocks go on."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path / "sessions.json"
        self.clock = clock
        self.wall = 1_800_000_000.0

    def gate(self, password: str | None = None) -> Gate:
        known = Password(password) if password else None
        pair = (known.kept_form(), lambda form: is_kept_form_of(form, password or "")) if known else None
        file = SessionFile(self.path, password=pair, wall=lambda: self.wall + self.clock.now)
        return Gate(1, password=known, monotonic=self.clock, kept=file)


@pytest.fixture
def restarted(tmp_path: Path, clock: Clock) -> Site:
    return Site(tmp_path, clock)


def test_a_session_goes_on_after_a_restart(restarted: Site) -> None:
    session = restarted.gate().new_session()
    again = restarted.gate()
    assert again.admits(*session)
    assert not again.admits(session.cookie, "another key")
    again.end_session(session.cookie)
    assert not restarted.gate().admits(*session)


def test_the_file_holds_neither_cookie_nor_key_and_is_for_its_account_alone(restarted: Site) -> None:
    session = restarted.gate("correct horse").new_session()
    text = restarted.path.read_text("utf-8")
    assert session.cookie not in text
    assert session.key not in text
    assert "correct horse" not in text
    if os.name == "posix":
        assert restarted.path.stat().st_mode & 0o077 == 0


def test_another_password_ends_all_sessions(restarted: Site) -> None:
    session = restarted.gate("correct horse").new_session()
    assert not restarted.gate("another horse").admits(*session)
    assert not restarted.gate().admits(*session)
    session = restarted.gate().new_session()
    assert not restarted.gate("correct horse").admits(*session)


def test_the_same_password_ends_none(restarted: Site) -> None:
    session = restarted.gate("correct horse").new_session()
    assert restarted.gate("correct horse").admits(*session)


def test_the_time_that_the_app_was_stopped_counts(restarted: Site) -> None:
    session = restarted.gate().new_session()
    restarted.clock.now += SESSION_IDLE_SECONDS - 5
    assert restarted.gate().admits(*session)
    restarted.clock.now += 10
    assert not restarted.gate().admits(*session)


def test_looking_at_a_tab_is_kept_too(restarted: Site) -> None:
    gate = restarted.gate()
    session = gate.new_session()
    restarted.clock.now += SESSION_IDLE_SECONDS - 5
    assert gate.prolong(*session)
    restarted.clock.now += 10
    assert restarted.gate().admits(*session)


def test_a_clock_that_was_set_back_prolongs_nothing(restarted: Site) -> None:
    session = restarted.gate().new_session()
    restarted.wall -= 5 * SESSION_IDLE_SECONDS
    gate = restarted.gate()
    assert gate.admits(*session)
    restarted.clock.now += SESSION_IDLE_SECONDS + 1
    assert not gate.admits(*session)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"sessions": 3}', '{"password": null, "sessions": [["zz", "x", 1, 2]]}']
)
def test_a_broken_file_lets_nobody_in_and_stops_nothing(restarted: Site, content: str) -> None:
    restarted.path.write_text(content, "utf-8")
    session = restarted.gate().new_session()
    assert restarted.gate().admits(*session)
    assert json.loads(restarted.path.read_text("utf-8"))["password"] is None


def test_whoever_signed_out_is_not_in_again_though_that_could_not_be_written(restarted: Site) -> None:
    gate = restarted.gate()
    session, other = gate.new_session(), gate.new_session()
    restarted.path.with_suffix(".new").mkdir()  # as on a full disk, nothing new can be written
    gate.end_session(session.cookie)
    again = restarted.gate()
    assert not again.admits(*session)
    assert not again.admits(*other), "which of them ended is not known any more"
