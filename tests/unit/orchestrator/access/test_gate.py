"""Sessions and one-time links."""

from __future__ import annotations

from moved_seconds import Clock

from OpenOrchestrator.orchestrator.access.gate import (
    LINK_SECONDS,
    MOST_SESSIONS,
    SESSION_IDLE_SECONDS,
    SESSION_MOST_SECONDS,
    Gate,
)


class TestSessions:
    def test_need_the_key_that_belongs_to_the_cookie(self) -> None:
        gate = Gate(1)
        mine, other = gate.new_session(), gate.new_session()
        assert gate.admits(mine.cookie, mine.key)
        assert not gate.admits(mine.cookie, other.key)
        assert not gate.admits(mine.cookie, None)
        assert not gate.admits(mine.cookie, "")
        assert not gate.admits(None, mine.key)

    def test_end_when_nobody_looks(self, clock: Clock) -> None:
        gate = Gate(1, monotonic=clock)
        session = gate.new_session()
        clock.now += SESSION_IDLE_SECONDS - 1
        assert gate.prolong(*session)
        clock.now += SESSION_IDLE_SECONDS - 1
        assert gate.admits(*session), "was looked at"
        assert gate.known([session.cookie]) == session.cookie
        clock.now += 2
        assert not gate.admits(*session), "asking does not prolong it"
        assert gate.known([session.cookie]) is None

    def test_end_for_good_however_much_is_looked(self, clock: Clock) -> None:
        gate = Gate(1, monotonic=clock)
        session = gate.new_session()
        end = clock.now + SESSION_MOST_SECONDS
        while clock.now + 3600 <= end:
            clock.now += 3600
            assert gate.prolong(*session)
        clock.now = end + 1
        assert not gate.prolong(*session)

    def test_the_wrong_key_prolongs_nothing(self, clock: Clock) -> None:
        gate = Gate(1, monotonic=clock)
        session = gate.new_session()
        clock.now += SESSION_IDLE_SECONDS - 1
        assert not gate.prolong(session.cookie, "x")
        clock.now += 2
        assert not gate.admits(*session)

    def test_are_not_kept_for_ever(self) -> None:
        gate = Gate(1)
        first = gate.new_session()
        for _ in range(MOST_SESSIONS):
            gate.new_session()
        assert not gate.admits(*first)

    def test_the_one_that_lives_is_found_among_cookies_of_one_name(self) -> None:
        gate = Gate(1)
        session = gate.new_session()
        assert gate.known(["left by another program", session.cookie]) == session.cookie

    def test_all_end_at_once(self) -> None:
        gate = Gate(1)
        sessions = [gate.new_session() for _ in range(3)]
        token = gate.new_link_token()
        gate.end_all_sessions()
        assert not any(gate.admits(*session) for session in sessions)
        assert gate.use_link(token) is None


class TestLinks:
    def test_work_once(self) -> None:
        used: list[int] = []
        gate = Gate(1, on_link_used=lambda: used.append(1))
        assert gate.use_link("nothing") is None
        token = gate.new_link_token()
        assert gate.use_link("") is None
        session = gate.use_link(token)
        assert session is not None
        assert gate.admits(*session)
        assert gate.use_link(token) is None
        assert used == [1]

    def test_end_after_minutes(self, clock: Clock) -> None:
        gate = Gate(1, monotonic=clock)
        token = gate.new_link_token()
        clock.now += LINK_SECONDS + 1
        assert gate.use_link(token) is None
        assert LINK_SECONDS <= 15 * 60

    def test_a_new_one_is_shown_when_somebody_needs_it_and_not_more_often(self, clock: Clock) -> None:
        shown: list[str] = []
        gate = Gate(1, on_link_wanted=lambda: shown.append(gate.new_link_token()), monotonic=clock)
        gate.ask_for_link()
        assert len(shown) == 1
        for _ in range(10):
            gate.ask_for_link()
        assert len(shown) == 1, "the one shown works for a good while yet"
        clock.now += LINK_SECONDS * 0.6
        gate.ask_for_link()
        assert len(shown) == 2
        assert gate.use_link(shown[0]) is None
        assert gate.use_link(shown[1]) is not None
        gate.ask_for_link()
        assert len(shown) == 3

    def test_none_is_shown_where_a_password_is(self) -> None:
        Gate(1).ask_for_link()
