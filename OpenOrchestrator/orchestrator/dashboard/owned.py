"""Whom to call, as the parts of a row of what needs attention. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from OpenOrchestrator.orchestrator.annotations.backend import Owner
from OpenOrchestrator.orchestrator.annotations.owner_words import owner_words


def owned(owners: Iterable[Owner]) -> dict[str, Any]:
    """Return the parts of a row that say whom to call."""
    words = owner_words(owners)
    return {"owner": words.text, "ownerTip": words.tip, "ownerHref": words.mail, "runbook": words.runbook}
