"""Which failed runs are tried again, when, and how many hold a trigger: pure, and for any policy."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from OpenOrchestrator.database.lifecycle.failure_limit import is_held, limit_of
from OpenOrchestrator.database.lifecycle.retries import (
    RetryPolicy,
    is_retried,
    pause_before,
    pauses,
    read_ends,
    read_policy,
    written_ends,
)
from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES, RETRIED_JOB_STATUSES, JobStatus, WhenLost
from OpenOrchestrator.database.stores.validation import (
    LARGEST_RETRY_GROWTH,
    LONGEST_RETRY_PAUSE_SECONDS,
    MOST_RETRIES,
)

POLICIES = st.builds(
    RetryPolicy,
    times=st.integers(0, MOST_RETRIES),
    pause_seconds=st.integers(0, LONGEST_RETRY_PAUSE_SECONDS),
    growth=st.floats(1, LARGEST_RETRY_GROWTH),
    most_seconds=st.none() | st.integers(0, LONGEST_RETRY_PAUSE_SECONDS),
    after=st.frozensets(st.sampled_from(RETRIED_JOB_STATUSES)),
    when_lost=st.sampled_from(WhenLost),
)


def test_nothing_is_retried_unless_the_trigger_says_so() -> None:
    assert not any(is_retried(RetryPolicy(), status, number=0) for status in JobStatus)


def test_a_pause_grows_up_to_its_cap() -> None:
    policy = RetryPolicy(times=5, pause_seconds=300, growth=2, most_seconds=3600)
    assert pauses(policy) == (300, 600, 1200, 2400, 3600)


def test_a_fixed_pause_stays_as_long_as_it_is() -> None:
    assert pauses(RetryPolicy(times=3, pause_seconds=60)) == (60, 60, 60)


def test_a_cap_below_the_first_pause_shortens_that_as_well() -> None:
    assert pauses(RetryPolicy(times=2, pause_seconds=60, growth=3, most_seconds=10)) == (10, 10)


@given(policy=POLICIES)
def test_pauses_never_shrink_nor_pass_their_cap(policy: RetryPolicy) -> None:
    found = pauses(policy)
    most = LONGEST_RETRY_PAUSE_SECONDS if policy.most_seconds is None else policy.most_seconds
    assert len(found) == policy.times
    assert all(0 <= pause <= most for pause in found)
    assert list(found) == sorted(found)
    assert not found or found[0] == min(policy.pause_seconds, most)


@given(policy=POLICIES)
def test_each_pause_is_the_one_before_times_the_growth_until_the_cap(policy: RetryPolicy) -> None:
    found = pauses(policy)
    most = LONGEST_RETRY_PAUSE_SECONDS if policy.most_seconds is None else policy.most_seconds
    for before, after in itertools.pairwise(found):
        assert after == pytest.approx(min(before * policy.growth, most))


@given(number=st.integers(1, 10**9), growth=st.floats(1, LARGEST_RETRY_GROWTH))
def test_no_number_of_retries_makes_a_pause_that_is_none(number: int, growth: float) -> None:
    policy = RetryPolicy(times=1, pause_seconds=1, growth=growth)
    assert 1 <= pause_before(policy, number) <= LONGEST_RETRY_PAUSE_SECONDS


@given(policy=POLICIES, status=st.sampled_from([status for status in JobStatus if status not in BAD_JOB_STATUSES]))
def test_good_and_killed_runs_are_never_retried(policy: RetryPolicy, status: JobStatus) -> None:
    assert not is_retried(policy, status, number=0)


@given(policy=POLICIES, status=st.sampled_from(BAD_JOB_STATUSES))
def test_a_run_that_keeps_failing_in_one_way_is_tried_that_often_or_not_at_all(
    policy: RetryPolicy, status: JobStatus
) -> None:
    retried = [is_retried(policy, status, number=number) for number in range(MOST_RETRIES + 2)]
    wanted = policy.when_lost is WhenLost.RETRY if status is JobStatus.LOST else status in policy.after
    assert sum(retried) == (policy.times if wanted else 0)
    assert retried == sorted(retried, reverse=True)


@given(ends=st.frozensets(st.sampled_from(RETRIED_JOB_STATUSES)))
def test_ends_are_read_as_they_were_written(ends: frozenset[JobStatus]) -> None:
    assert read_ends(written_ends(ends)) == ends


def test_what_is_not_set_and_what_nobody_knows_means_what_older_versions_did() -> None:
    unset = read_policy(times=None, pause_seconds=None, growth=None, most_seconds=None, after=None, when_lost=None)
    odd = read_policy(times=0, pause_seconds=0, growth=99.0, most_seconds=None, after=None, when_lost="EXPLODE")
    assert unset == odd == RetryPolicy()
    assert limit_of(None) == limit_of(-3) == 1


def test_the_first_failed_run_holds_a_trigger_unless_it_says_otherwise() -> None:
    assert is_held(limit_of(None), 1, is_single=False)
    assert [is_held(3, failed, is_single=False) for failed in (1, 2, 3, 4)] == [False, False, True, True]
    assert not is_held(0, 1000, is_single=False)


def test_a_single_trigger_and_one_whose_lost_run_is_left_to_an_admin_are_held_in_any_case() -> None:
    assert is_held(0, 1, is_single=True)
    assert is_held(0, 1, is_single=False, waits_for_admin=True)
