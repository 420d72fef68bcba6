"""Owners in words, and which texts become links."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.annotations.backend import Noted, Owner
from OpenOrchestrator.orchestrator.annotations.owner_words import (
    OwnerWords,
    clickable,
    mail_link,
    noted_tip,
    owner_words,
)

ANNA = Owner("Anna", "anna@example.org", "https://wiki.example.org/a")


@pytest.mark.parametrize(
    "address",
    [
        "https://wiki.example.org/run?a=1#b",
        "http://wiki:8080/x",
        "HTTPS://WIKI/x",
        "https://[2001:db8::1]/x",
        "mailto:team@example.org?subject=x",
    ],
)
def test_addresses_of_pages_and_mails_can_be_clicked(address: str) -> None:
    assert clickable(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "see the binder in room 4",
        "javascript:alert(1)",
        "JaVaScRiPt://x.org/%0aalert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//wiki.example.org/x",
        "/triggers",
        "wiki.example.org/x",
        "http:wiki.example.org",
        "https://",
        "https:\\\\wiki.example.org",
        "https://wiki.example.org/\u202egnp",
        "https://wiki.example.org/a b",
        "https://[wiki",
        "mailto:",
        "mailto:nobody",
        "ftp://wiki.example.org",
    ],
)
def test_nothing_else_can(text: str) -> None:
    assert clickable(text) == ""


def test_a_mail_address_cannot_add_to_the_mail() -> None:
    assert mail_link("") == ""
    assert mail_link("a+b@example.org") == "mailto:a+b@example.org"
    assert mail_link("a?bcc=x@example.org") == "mailto:a%3Fbcc%3Dx@example.org"


def test_one_owner_comes_with_links() -> None:
    words = OwnerWords(
        "Anna",
        "mailto:anna@example.org",
        "https://wiki.example.org/a",
        "Anna, anna@example.org, https://wiki.example.org/a",
    )
    assert owner_words([ANNA]) == words
    assert owner_words([Owner(), ANNA, ANNA]) == words


def test_several_owners_are_named_and_counted() -> None:
    owners = [ANNA, Owner("Bo", "", "https://wiki.example.org/a"), Owner(mail="c@example.org"), Owner("Dea")]
    words = owner_words(owners)
    assert (words.text, words.mail, words.runbook) == ("Anna, Bo and 2 more", "", "")
    assert owner_words(owners[:2]).runbook == "https://wiki.example.org/a", "both have the same"


def test_nobody_is_no_owner_and_a_runbook_alone_says_so() -> None:
    assert owner_words([]) == owner_words([Owner()]) == OwnerWords()
    words = owner_words([Owner(runbook="in the binder")])
    assert (words.text, words.runbook) == ("see the runbook", "")
    assert "in the binder" in (words.tip or "")


def test_the_tooltip_of_a_row_says_tags_and_owner() -> None:
    assert noted_tip(Noted()) is None
    assert noted_tip(Noted(tags=("a", "b"))) == "Tags: a, b"
    assert noted_tip(Noted(Owner("Anna"), ("a",))) == "Tags: a\nOwner: Anna"
