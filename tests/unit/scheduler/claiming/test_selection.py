"""Which triggers a scheduler claims, and what a waiting blocking trigger holds back."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from OpenOrchestrator.database.lifecycle.selection import Candidate, Selection, select
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores.pool_amounts import in_order
from OpenOrchestrator.database.stores.pools import EMPTY, Holder, PoolBook

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


def candidate(
    name: str,
    *,
    type: TriggerType = TriggerType.SCHEDULED,  # noqa: A002  (named like the attribute)
    priority: int = 0,
    blocking: bool = False,
    whitelist: tuple[str, ...] = (),
    due: int = 0,
    number: int = 1,
    pools: dict[str, int] | None = None,
    labels: tuple[str, ...] = (),
    screen: bool = False,
) -> Candidate:
    return Candidate(
        trigger_id=UUID(int=number),
        name=name,
        type=type,
        priority=priority,
        is_blocking=blocking,
        whitelist=whitelist,
        due_at=None if type is TriggerType.QUEUE else NOON + timedelta(minutes=due),
        pools=in_order(pools or {}),
        labels=labels,
        needs_screen=screen,
    )


def choose(
    *candidates: Candidate,
    whitelisted_only: bool = False,
    free_slots: int = 10,
    running: int = 0,
    blocking_running: bool = False,
    pools: PoolBook = EMPTY,
    labels: tuple[str, ...] | None = (),
    screen_taken: bool = False,
) -> tuple[list[str], str | None]:
    selection = select(
        candidates,
        scheduler_name="Robot-01",
        whitelisted_only=whitelisted_only,
        free_slots=free_slots,
        running=running,
        blocking_running=blocking_running,
        pools=pools,
        labels=labels,
        screen_taken=screen_taken,
    )
    waiting = selection.waiting_for_idle
    return [claim.name for claim in selection.claims], waiting.name if waiting else None


def test_priority_comes_first_then_kind_then_due_time_then_name_then_id() -> None:
    expected = [
        candidate("queue", type=TriggerType.QUEUE, priority=5),
        candidate("single, late", type=TriggerType.SINGLE, due=9),
        candidate("early", due=1),
        candidate("a", due=2),
        candidate("b", due=2, number=1),
        candidate("b", due=2, number=2),
        candidate("another queue", type=TriggerType.QUEUE),
        candidate("lowest", type=TriggerType.SINGLE, priority=-1),
    ]
    for seed in range(20):
        shuffled = random.Random(seed).sample(expected, len(expected))
        selection = select(
            shuffled, scheduler_name="x", whitelisted_only=False, free_slots=8, running=0, blocking_running=False
        )
        assert selection == Selection(tuple(expected), None)


def test_no_more_than_the_free_slots() -> None:
    three = [candidate("a"), candidate("b"), candidate("c")]
    assert choose(*three, free_slots=2, running=7) == (["a", "b"], None)
    assert choose(*three, free_slots=0) == ([], None)
    assert choose(*three, free_slots=-1) == ([], None)
    assert choose() == ([], None)


@pytest.mark.parametrize(
    ("whitelist", "anywhere", "whitelisted_only"),
    [
        ((), True, False),
        (("Robot-01",), True, True),
        (("other", " robot-01 "), True, True),
        (("other",), False, False),
        (("Robot-011", "Robot-0"), False, False),
        (("",), False, False),
    ],
)
def test_whitelist(whitelist: tuple[str, ...], anywhere: bool, whitelisted_only: bool) -> None:
    listed = candidate("a", whitelist=whitelist)
    assert choose(listed) == (["a"] if anywhere else [], None)
    assert choose(listed, whitelisted_only=True) == (["a"] if whitelisted_only else [], None)


def test_a_blocking_trigger_that_may_not_run_here_holds_nothing_back() -> None:
    elsewhere = candidate("elsewhere", priority=9, blocking=True, whitelist=("other",))
    assert choose(elsewhere, candidate("a"), running=1) == (["a"], None)


def test_a_blocking_trigger_ranked_first_is_chosen_alone() -> None:
    both = [candidate("blocking", priority=1, blocking=True), candidate("a")]
    assert choose(*both) == (["blocking"], None)
    assert choose(*both, candidate("other", priority=1, blocking=True, due=1)) == (["blocking"], None)


def test_a_blocking_trigger_waits_for_an_idle_machine_and_holds_back_what_ranks_below_it() -> None:
    triggers = [
        candidate("above", priority=2),
        candidate("blocking", priority=1, blocking=True),
        candidate("below"),
    ]
    assert choose(*triggers) == (["above"], "blocking")
    assert choose(*triggers, running=1) == (["above"], "blocking")
    assert choose(*triggers[1:], running=1) == ([], "blocking")
    assert choose(*triggers[1:], running=1, free_slots=0) == ([], "blocking")
    assert choose(*triggers[1:]) == (["blocking"], None)
    assert choose(*triggers[1:], free_slots=0) == ([], None)


def test_while_a_blocking_robot_runs_nothing_is_chosen() -> None:
    assert choose(candidate("a", priority=9), running=1, blocking_running=True) == ([], None)
    assert choose(candidate("b", blocking=True), running=1, blocking_running=True) == ([], "b")


CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.sampled_from("abc"),
        type=st.sampled_from(TriggerType),
        priority=st.integers(-2, 2),
        blocking=st.booleans(),
        whitelist=st.sampled_from([(), ("robot-01",), ("other",)]),
        due=st.integers(0, 3),
        number=st.integers(0, 1 << 64),
    ),
    max_size=8,
    unique_by=lambda c: c.trigger_id,
)


@given(
    candidates=CANDIDATES,
    seed=st.integers(),
    whitelisted_only=st.booleans(),
    free_slots=st.integers(-1, 5),
    running=st.integers(0, 2),
)
def test_whatever_the_candidates(
    candidates: list[Candidate], seed: int, whitelisted_only: bool, free_slots: int, running: int
) -> None:
    def run(given_candidates: list[Candidate]) -> Selection:
        return select(
            given_candidates,
            scheduler_name="Robot-01",
            whitelisted_only=whitelisted_only,
            free_slots=free_slots,
            running=running,
            blocking_running=False,
        )

    selection = run(candidates)
    assert selection == run(random.Random(seed).sample(candidates, len(candidates)))
    claims = selection.claims
    assert len(claims) <= max(free_slots, 0)
    assert all("other" not in claim.whitelist for claim in claims)
    assert not whitelisted_only or all(claim.whitelist for claim in claims)
    if any(claim.is_blocking for claim in claims):
        assert len(claims) == 1
        assert running == 0
    waiting = selection.waiting_for_idle
    if waiting is not None:
        assert waiting.is_blocking
        assert running or claims
        assert all(claim.priority >= waiting.priority for claim in claims)
    else:
        # Nothing is left lying: every slot is used, or everything that may run here is chosen, or a blocking one is.
        eligible = [c for c in candidates if c.whitelist == ("robot-01",) or (not c.whitelist and not whitelisted_only)]
        assert (
            len(claims) == max(free_slots, 0)
            or len(claims) == len(eligible)
            or any(claim.is_blocking for claim in claims)
        )


@given(candidates=CANDIDATES)
def test_every_candidate_gets_its_turn(candidates: list[Candidate]) -> None:
    """One machine, robots that end between the rounds: everything runs, and never a lower priority before a higher."""
    left = [c for c in candidates if c.whitelist != ("other",)]
    ran: list[Candidate] = []
    while left:
        claims = select(
            left, scheduler_name="Robot-01", whitelisted_only=False, free_slots=2, running=0, blocking_running=False
        ).claims
        assert claims
        ran.extend(claims)
        left = [c for c in left if c not in claims]
    assert [c.priority for c in ran] == sorted((c.priority for c in ran), reverse=True)


def _book(sizes: dict[str, int], **held: int) -> PoolBook:
    amounts = in_order({name.replace("_", " "): amount for name, amount in held.items()})
    holder = Holder(UUID(int=1), None, "Holder", "Robot-02", datetime(2026, 3, 2, 8), amounts)
    return PoolBook(sizes, (holder,) if held else ())


def test_a_trigger_whose_pool_is_held_takes_no_slot_and_holds_up_no_other() -> None:
    waits = candidate("waits", priority=9, blocking=True, pools={"SAP": 1})
    others = [candidate("a"), candidate("b")]
    assert choose(waits, *others, free_slots=1, pools=_book({"SAP": 1}, SAP=1)) == (["a"], None)
    assert choose(waits, *others, free_slots=1, pools=_book({"SAP": 1})) == (["waits"], None)


def test_what_is_chosen_counts_as_held() -> None:
    three = [candidate(name, pools={"SAP": 1}) for name in "abc"]
    assert choose(*three, pools=_book({"SAP": 2})) == (["a", "b"], None)


def test_nobody_below_gets_a_pool_before_one_that_lacks_it() -> None:
    book = _book({"SAP": 3, "OCR": 1}, SAP=2)
    needs_two = candidate("needs two", priority=3, pools={"SAP": 2, "OCR": 1})
    needs_one = candidate("needs one", priority=2, pools={"SAP": 1})
    other_pool = candidate("other pool", priority=1, pools={"OCR": 1})
    assert choose(needs_two, needs_one, other_pool, pools=book) == (["other pool"], None)
    assert choose(needs_one, other_pool, pools=book) == (["needs one", "other pool"], None)


def test_who_needs_more_than_there_is_holds_up_nobody() -> None:
    too_much, fits = candidate("too much", priority=2, pools={"SAP": 4}), candidate("fits", pools={"SAP": 1})
    assert choose(too_much, fits, pools=_book({"SAP": 3})) == (["fits"], None)


def test_nothing_runs_without_a_pool_that_is_not_there() -> None:
    assert choose(candidate("a", pools={"gone": 1}), candidate("b"), pools=_book({"SAP": 1})) == (["b"], None)


def test_all_of_a_pool_that_was_lowered_below_its_holders_is_held() -> None:
    assert choose(candidate("a", pools={"SAP": 1}), pools=_book({"SAP": 1}, SAP=3)) == ([], None)


def test_a_scheduler_takes_what_requires_no_more_than_it_carries() -> None:
    some = (candidate("sap", labels=("SAP ",)), candidate("both", labels=("sap", "ocr")), candidate("plain"))
    assert choose(*some) == (["plain"], None)
    assert choose(*some, labels=("sap",)) == (["plain", "sap"], None)
    assert choose(*some, labels=("OCR", "sap")) == (["both", "plain", "sap"], None)


def test_labels_do_not_stand_in_for_the_whitelist() -> None:
    named = candidate("named", labels=("sap",), whitelist=("robot-01",))
    assert choose(named, candidate("any", labels=("sap",)), labels=("sap",), whitelisted_only=True)[0] == ["named"]
    assert choose(named) == ([], None)
    assert choose(candidate("other", labels=("sap",), whitelist=("other",)), labels=("sap",)) == ([], None)


def test_a_scheduler_that_knows_no_labels_goes_by_names_alone() -> None:
    named = candidate("named", labels=("sap",), whitelist=("robot-01",))
    assert choose(named, candidate("any", labels=("sap",)), labels=None) == (["named"], None)


def test_one_robot_gets_the_screen_and_the_others_hold_up_nothing() -> None:
    first, second = candidate("first", screen=True, priority=2), candidate("second", screen=True, priority=1)
    assert choose(first, second, candidate("beside")) == (["first", "beside"], None)
    assert choose(first, second, candidate("beside"), screen_taken=True) == (["beside"], None)


def test_who_waits_for_the_screen_takes_no_slot() -> None:
    waiting = [candidate(f"screen {n}", screen=True, priority=1) for n in range(3)]
    assert choose(*waiting, candidate("beside"), free_slots=1, screen_taken=True) == (["beside"], None)


def test_a_blocking_trigger_behind_one_that_waits_for_the_screen_may_run() -> None:
    waiting = candidate("screen", screen=True, priority=1)
    assert choose(waiting, candidate("alone", blocking=True), screen_taken=True) == (["alone"], None)
