"""What of a repository's address is secret."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.repository_address import RepositoryAddress, redact_addresses


@pytest.mark.parametrize(
    ("url", "shown", "plain", "credentials"),
    [
        ("https://h.dk/x.git", "https://h.dk/x.git", "https://h.dk/x.git", None),
        ("https://bot:s3cret@h.dk:8443/x", "https://***@h.dk:8443/x", "https://h.dk:8443/x", ("bot", "s3cret")),
        ("HTTPS://bot:to/ken@h.dk/x", "HTTPS://***@h.dk/x", "HTTPS://h.dk/x", ("bot", "to/ken")),
        ("https://tok/en@h.dk/x", "https://***@h.dk/x", "https://h.dk/x", ("tok/en", None)),
        ("https://a:b@c%2Fd@h.dk/x", "https://***@h.dk/x", "https://h.dk/x", ("a", "b@c/d")),
        ("https://org@h.dk/x", "https://***@h.dk/x", "https://h.dk/x", ("org", None)),
        ("https://a:b@[::1]:80/x", "https://***@[::1]:80/x", "https://[::1]:80/x", ("a", "b")),
        # A path with an @ is a path; behind a port, more is hidden than need be.
        ("https://h.dk/a/@b/x", "https://h.dk/a/@b/x", "https://h.dk/a/@b/x", None),
        ("https://h.dk:8443/a/@b/x", "https://***@b/x", "https://h.dk:8443/a/@b/x", None),
        ("https://h.dk/x?token=a/b@c&v=1", "https://h.dk/x?token=***&v=***", "https://h.dk/x", None),
        ("https://h.dk/x?a/b", "https://h.dk/x?***", "https://h.dk/x", None),
        ("https://h.dk/x#token=a/b", "https://h.dk/x#token=***", "https://h.dk/x", None),
        ("https://h.dk/x#token=a@b&v=1", "https://h.dk/x#token=***&v=***", "https://h.dk/x", None),
        ("https://h.dk/x#s3cret?v=1", "https://h.dk/x#***?v=***", "https://h.dk/x", None),
        ("https://h.dk/x?v=1#token=s3cret", "https://h.dk/x?v=***", "https://h.dk/x", None),
        ("https://a:b#c@h.dk/x#s3cret", "https://***@h.dk/x#***", "https://h.dk/x", ("a", "b#c")),
        ("ssh://git@h.dk/x#token=s3cret", "ssh://***@h.dk/x#token=***", "ssh://git@h.dk/x#token=s3cret", None),
        ("file:///srv/c#/x", "file:///srv/c#/x", "file:///srv/c#/x", None),
        ("git@h.dk:team/x.git", "git@h.dk:team/x.git", "git@h.dk:team/x.git", None),
        ("git:s3cret@h.dk:team/x.git", "git:***@h.dk:team/x.git", "git@h.dk:team/x.git", None),
        ("ssh://git:s3cret@h.dk/x", "ssh://***@h.dk/x", "ssh://git@h.dk/x", None),
        ("/srv/git/x", "/srv/git/x", "/srv/git/x", None),
        (r"C:\git\x", r"C:\git\x", r"C:\git\x", None),
        ("file:///srv/git/x", "file:///srv/git/x", "file:///srv/git/x", None),
        ("", "", "", None),
    ],
)
def test_parts_of_an_address(url: str, shown: str, plain: str, credentials: tuple[str, str | None] | None) -> None:
    address = RepositoryAddress(url)
    assert (address.shown, address.plain, address.credentials) == (shown, plain, credentials)
    assert url == "" or url not in repr(address)
    assert RepositoryAddress(shown).shown == shown, "shown again, it is the same"


def test_credentials_belong_to_scheme_host_and_port() -> None:
    assert RepositoryAddress("https://a:b@h.dk:8443/x").origin == "https://h.dk:8443"
    assert RepositoryAddress("http://h.dk/x?token=1").origin == "http://h.dk"
    assert RepositoryAddress("ssh://git@h.dk/x").origin is None


def test_secrets_are_hidden_in_every_form() -> None:
    address = RepositoryAddress("https://bot:to%2Fken-7@h.dk/x?token=qu/ery")
    text = "to/ken-7 to%2Fken-7 qu/ery qu%2Fery bot https://bot:to%2Fken-7@h.dk/x?token=qu/ery/info/refs&service=s"
    assert address.redact(text) == "*** *** *** *** bot https://***@h.dk/x?token=***&service=s"
    assert RepositoryAddress("https://ghp_0123456789abcdef@h.dk/x").redact("ghp_0123456789abcdef") == "***"
    assert RepositoryAddress("https://org@h.dk/x").redact("org") == "org", "a name, no token"


def test_a_fragment_is_a_secret_but_for_a_short_word() -> None:
    address = RepositoryAddress("https://h.dk/x#token=a%2Fb-7&main")
    assert address.secrets == ("a%2Fb-7", "a/b-7")
    assert address.redact("main a/b-7 https://h.dk/x#token=a%2Fb-7/info") == "main *** https://h.dk/x#token=***"
    assert address.with_query == "https://h.dk/x", "git would put its own path behind the fragment"
    assert RepositoryAddress("https://h.dk/x#ghp_0123456789abcdef").redact("ghp_0123456789abcdef") == "***"
    assert RepositoryAddress("https://h.dk/x?v=value#token=s3cret").redact("s3cret") == "***"


def test_other_addresses_in_a_text() -> None:
    text = "fatal: 'https://u:to/ken@h/x/' and https://h/y.git?private_token=abc/d&ref=1, not mail@h.dk or http://h/x"
    assert redact_addresses(text) == (
        "fatal: 'https://***@h/x/' and https://h/y.git?private_token=***&ref=1, not mail@h.dk or http://h/x"
    )
    assert redact_addresses("https://h/y.git#access_token=abc") == "https://h/y.git#access_token=***"
