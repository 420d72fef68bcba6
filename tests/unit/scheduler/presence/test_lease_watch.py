"""Leases of others are measured on a clock that nobody sets."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from OpenOrchestrator.database.leases import LEASE_SECONDS, LEFT_LEASE_SECONDS
from OpenOrchestrator.scheduler.options import KEEP_SECONDS
from OpenOrchestrator.scheduler.presence.lease_watch import (
    FREE_SECONDS,
    LONGEST_LOOK_SECONDS,
    SECOND_LOOK_SECONDS,
    LeaseWatch,
    Look,
    Seen,
)

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
JOB = "job"


class Site:
    """A watch, the seconds that passed, and a database clock that can be set."""

    def __init__(self) -> None:
        self.watch: LeaseWatch[str] = LeaseWatch()
        self.seconds = 0.0
        self.set_by = timedelta()
        self.until: datetime | None = None
        self.longest = LEFT_LEASE_SECONDS
        self.is_locked = False
        self.asked: list[str] = []

    @property
    def database_now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds) + self.set_by

    def prolong(self, seconds: float = LEASE_SECONDS) -> None:
        self.until = self.database_now + timedelta(seconds=seconds)

    def look(self, *, takes: float = 0.0) -> bool:
        """Look, and tell whether the lease has run out."""
        leases = [] if self.until is None else [(JOB, Seen(self.until, self.longest))]
        asked, now = self.seconds, self.database_now
        self.seconds += takes
        self.asked = self.watch.overdue(leases, Look(asked, self.seconds, now))
        self.watch.note_free([] if self.is_locked else self.asked, asked=self.asked, now=self.seconds)
        return self.watch.run_out() == [JOB]

    def pass_time(self, seconds: float, *, prolonging: bool, every: float = 10.0) -> bool:
        """Let time pass with a look every ten seconds; whether the lease ran out in one of them."""
        for _ in range(round(seconds / every)):
            self.seconds += every
            if prolonging:
                self.prolong()
            if self.look():
                return True
        return False


@pytest.fixture
def site() -> Site:
    """A scheduler that has been in contact for ten minutes, and a job whose lease was just prolonged."""
    site = Site()
    site.prolong()
    site.look()
    assert not site.pass_time(600, prolonging=True)
    return site


def test_a_lease_that_is_prolonged_never_runs_out(site: Site) -> None:
    assert not site.pass_time(3600, prolonging=True)


def test_a_lease_that_nobody_prolongs_runs_out_when_it_ends(site: Site) -> None:
    assert not site.pass_time(20, prolonging=False)
    assert site.pass_time(10, prolonging=False)


@pytest.mark.parametrize("hours", [1, -1, 24, -24])
def test_the_living_live_on_when_the_clock_of_the_database_is_set(site: Site, hours: int) -> None:
    site.set_by = timedelta(hours=hours)
    assert not site.look()
    assert not site.pass_time(3600, prolonging=True)


@pytest.mark.parametrize("hours", [1, -1, 24, -24])
def test_the_dead_are_found_in_time_when_the_clock_of_the_database_is_set(site: Site, hours: int) -> None:
    site.set_by = timedelta(hours=hours)
    assert site.pass_time(30, prolonging=False)


def test_the_clock_is_set_between_prolonging_and_the_first_look(site: Site) -> None:
    site.seconds += 5
    site.prolong()
    site.set_by = timedelta(hours=1)
    site.seconds += 5
    assert not site.look()
    site.seconds += 5
    site.prolong()
    site.seconds += 5
    assert not site.look()


def test_whoever_comes_after_the_clock_was_set_back_waits_no_longer_than_the_longest_lease() -> None:
    site = Site()
    site.prolong()
    site.set_by = timedelta(hours=-24)
    assert site.pass_time(LEFT_LEASE_SECONDS + 20, prolonging=False)
    assert site.seconds >= LEFT_LEASE_SECONDS


@pytest.mark.parametrize("seconds", [-60, -3600, -86400])
def test_whoever_comes_after_the_clock_was_set_back_is_not_misled_about_a_lease_that_cannot_be_longer(
    seconds: int,
) -> None:
    site = Site()
    site.longest = LEASE_SECONDS
    site.prolong()
    site.set_by = timedelta(seconds=seconds)
    assert not site.look()
    assert not site.pass_time(20, prolonging=False)
    assert site.pass_time(10, prolonging=False)


def test_a_longer_lease_that_is_taken_for_a_shorter_one_at_first_is_kept(site: Site) -> None:
    site.longest = LEASE_SECONDS
    site.prolong(LEFT_LEASE_SECONDS)
    assert not site.look()
    site.longest = LEFT_LEASE_SECONDS
    assert not site.pass_time(LEFT_LEASE_SECONDS - 10, prolonging=False)
    assert site.pass_time(30, prolonging=False)


def test_robots_that_were_left_on_purpose_keep_their_longer_lease(site: Site) -> None:
    site.prolong(LEFT_LEASE_SECONDS)
    assert not site.pass_time(LEFT_LEASE_SECONDS - 10, prolonging=False)
    assert site.pass_time(30, prolonging=False)


def test_nothing_has_run_out_before_a_whole_lease_of_contact() -> None:
    site = Site()
    site.prolong(-3600)
    assert not site.look()
    assert not site.pass_time(20, prolonging=False)
    assert site.pass_time(20, prolonging=False)


def test_after_an_outage_everybody_gets_the_chance_to_prolong(site: Site) -> None:
    site.watch.forget()
    site.seconds += 120
    assert not site.look()
    assert not site.pass_time(20, prolonging=False)
    assert site.pass_time(20, prolonging=False)


def test_after_an_outage_of_a_moment_too(site: Site) -> None:
    assert not site.pass_time(20, prolonging=False)
    site.watch.forget()
    site.seconds += 5
    assert not site.look()
    assert not site.pass_time(20, prolonging=False)
    assert site.pass_time(20, prolonging=False)


@pytest.mark.parametrize("hours", [0, 1, -1, 24, -24])
def test_a_clock_that_was_set_before_an_outage_does_not_lengthen_what_was_seen_before(site: Site, hours: int) -> None:
    site.set_by = timedelta(hours=hours)
    site.watch.forget()
    site.seconds += 15
    assert not site.look()
    assert not site.pass_time(20, prolonging=False)
    assert site.pass_time(10, prolonging=False)


def test_robots_that_were_left_on_purpose_keep_their_longer_lease_after_an_outage(site: Site) -> None:
    site.prolong(LEFT_LEASE_SECONDS)
    site.seconds += 10
    site.look()
    site.watch.forget()
    assert not site.pass_time(LEFT_LEASE_SECONDS - 20, prolonging=False)
    assert site.pass_time(40, prolonging=False)


def test_a_machine_that_slept_begins_anew(site: Site) -> None:
    site.seconds += LEASE_SECONDS + 1
    assert not site.look()
    assert not site.pass_time(20, prolonging=False)


def test_an_answer_that_took_long_is_not_believed(site: Site) -> None:
    site.pass_time(20, prolonging=False)
    site.seconds += 10 - LONGEST_LOOK_SECONDS
    assert not site.look(takes=LONGEST_LOOK_SECONDS + 0.1)
    site.seconds += SECOND_LOOK_SECONDS - 1
    assert not site.look(), "its owner was held up by the same silence"
    site.seconds += 1
    assert site.look()


def test_whoever_was_held_up_itself_gives_others_the_time_to_prolong(site: Site) -> None:
    site.pass_time(10, prolonging=False)
    site.seconds += 25
    assert not site.look(), "nothing was heard of anybody for 25 s"
    site.seconds += SECOND_LOOK_SECONDS
    assert site.look()


def test_only_those_that_missed_to_prolong_are_asked_about(site: Site) -> None:
    assert not site.pass_time(10, prolonging=True)
    assert site.asked == []
    assert not site.pass_time(20, prolonging=False)
    assert site.asked == [JOB]


def test_a_lease_whose_row_is_locked_has_not_run_out(site: Site) -> None:
    site.is_locked = True
    assert not site.pass_time(600, prolonging=False)
    site.is_locked = False
    assert not site.look(), "its owner needs the time to prolong"
    site.seconds += FREE_SECONDS - 1
    assert not site.look()
    site.seconds += 1
    assert site.look()


def test_an_owner_that_prolongs_when_its_row_is_free_again_keeps_its_job(site: Site) -> None:
    site.is_locked = True
    assert not site.pass_time(600, prolonging=False)
    site.is_locked = False
    assert not site.look()
    site.seconds += 1
    site.prolong()
    site.seconds += 9
    assert not site.look()
    assert not site.pass_time(600, prolonging=True)


@pytest.mark.parametrize("delay", [0, 1, 2, 5, 7.5, 9, 9.9])
@pytest.mark.parametrize("takes", [0, LONGEST_LOOK_SECONDS])
@pytest.mark.parametrize("hours", [0, 1, -1])
def test_the_dead_are_found_within_45_seconds_of_their_last_sign(delay: float, takes: float, hours: int) -> None:
    site = Site()
    site.pass_time(600, prolonging=False)
    site.prolong()
    died = site.seconds
    site.seconds += delay
    while not site.look(takes=takes):
        site.set_by = timedelta(hours=hours)
        site.seconds += KEEP_SECONDS
    assert LEASE_SECONDS <= site.seconds - died <= LEASE_SECONDS + KEEP_SECONDS + LONGEST_LOOK_SECONDS


def test_a_lease_that_is_gone_is_forgotten(site: Site) -> None:
    site.pass_time(20, prolonging=False)
    site.until = None
    assert not site.pass_time(100, prolonging=False)
