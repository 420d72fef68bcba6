"""An owner in words and links. Pure: only what leads to a page or a mail program is ever made clickable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from OpenOrchestrator.orchestrator.annotations.backend import Noted, Owner

MOST_OWNERS = 2


@dataclass(frozen=True, slots=True)
class OwnerWords:
    """Whom to call, in one line.

    Attributes:
        text: Who; empty for nobody.
        mail: Address of the link that writes to them; empty for none.
        runbook: Address of the page that says what to do; empty for none.
        tip: All that is known, for a tooltip; None for nothing.
    """

    text: str = ""
    mail: str = ""
    runbook: str = ""
    tip: str | None = None


def owner_words(owners: Iterable[Owner]) -> OwnerWords:
    """Return whom to call about one or several things. Links are given where all have the same."""
    known = list(dict.fromkeys(owner for owner in owners if owner))
    names = list(dict.fromkeys(name_of(owner) for owner in known))
    if not names:
        return OwnerWords()
    more = len(names) - MOST_OWNERS
    text = ", ".join(names[:MOST_OWNERS]) + (f" and {more} more" if more > 0 else "")
    mails = {owner.mail for owner in known}
    runbooks = {owner.runbook for owner in known}
    return OwnerWords(
        text,
        mail_link(mails.pop()) if len(mails) == 1 else "",
        clickable(runbooks.pop()) if len(runbooks) == 1 else "",
        "\n".join(_facts(owner) for owner in known[:6]),
    )


def name_of(owner: Owner) -> str:
    """Return what an owner is called: by name, else by mail, else as who is named by the runbook."""
    return owner.name or owner.mail or ("see the runbook" if owner.runbook else "")


def mail_link(mail: str) -> str:
    """Return the address that writes a mail; empty for no mail."""
    return f"mailto:{quote(mail, safe='@+')}" if mail else ""


def clickable(text: str) -> str:
    """Return a text if it is an address that may be clicked (http, https, mailto); else an empty one."""
    if not text.isprintable() or " " in text or "\\" in text:
        return ""
    try:
        parts = urlsplit(text)
        page = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return text if page or (parts.scheme == "mailto" and "@" in parts.path) else ""


def noted_tip(noted: Noted) -> str | None:
    """Return tags and owner for the tooltip of a row; None for nothing."""
    parts = [f"Tags: {', '.join(noted.tags)}"] if noted.tags else []
    if noted.owner:
        parts.append(f"Owner: {_facts(noted.owner)}")
    return "\n".join(parts) or None


def differences(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what differs between two lists of the same labels, each with the later value."""
    return [new for old, new in zip(before, after, strict=True) if old != new]


def _facts(owner: Owner) -> str:
    return ", ".join(part for part in (owner.name, owner.mail, owner.runbook) if part)
