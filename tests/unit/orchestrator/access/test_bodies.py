"""How much a request may bring along, and for how long we wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from OpenOrchestrator.orchestrator.access import login_form
from OpenOrchestrator.orchestrator.access.bodies import MOST_BYTES, Limited, declared_too_large, whole_body

FORM = "application/x-www-form-urlencoded"


def receiving(messages: Iterable[dict[str, Any]]) -> Any:
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        message = next(left, None)
        if message is None:
            await asyncio.Event().wait()
        return message or {}

    return receive


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


async def test_a_whole_body() -> None:
    assert await whole_body(receiving([part(b"ab"), part(b"c", more=False)]), limit=3) == b"abc"


async def test_one_that_is_too_large_is_not_taken() -> None:
    assert await whole_body(receiving([part(b"ab"), part(b"cd")]), limit=3) is None


async def test_one_that_never_ends_is_not_waited_for() -> None:
    with pytest.raises(TimeoutError):
        await whole_body(receiving([part(b"ab")]), limit=3, seconds=0.05)


async def test_half_a_form_is_no_try_at_the_password() -> None:
    with pytest.raises(login_form.FormError) as caught:
        await login_form.read(FORM, receiving([part(b"password=x"), GONE]))
    assert caught.value.status == 408


async def test_an_upload_is_cut_off_at_its_limit() -> None:
    chunk = b"x" * (MOST_BYTES // 4)
    body = Limited(receiving(part(chunk) for _ in range(10)))
    for _ in range(4):
        assert (await body.receive())["body"] == chunk
    assert not body.exceeded
    assert await body.receive() == GONE
    assert body.exceeded
    assert await body.receive() == GONE


@pytest.mark.parametrize(
    ("length", "too_large"),
    [
        ("", False),
        ("0", False),
        (str(MOST_BYTES), False),
        (str(MOST_BYTES + 1), True),
        ("9" * 5000, True),
        ("-1", False),
    ],
)
def test_what_is_declared(length: str, too_large: bool) -> None:
    assert declared_too_large(length) is too_large
