"""What is said of a key and the credentials that it opens or not, and the question before one that opens none."""

from __future__ import annotations

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm_by_typing, listing
from OpenOrchestrator.orchestrator.values.backend.key_fit import KeyReport

WORDS = "use this key"


def key_state(report: KeyReport) -> str:
    """Return what a key that was given is good for, with every name that it does not open."""
    if not report.count:
        return "Given. No credential is saved yet."
    if not report.not_opened:
        return "Given, and opens the saved credentials."
    names = ", ".join(report.not_opened)
    if report.opens_none:
        return f"Given, but it does not open the saved credentials: they were saved with another key. ({names})"
    return f"Given, but it does not open {_part(report)}, saved with another key: {names}"


def shortfall(report: KeyReport) -> str | None:
    """Return in a short sentence which credentials a key does not open; None where it opens all."""
    if not report.not_opened:
        return None
    names = listing(report.not_opened)
    if report.count == 1:
        return f"It does not open the only saved credential: {names}."
    if report.opens_none:
        return f"It opens none of the {times.number(report.count)} saved credentials: {names}."
    return f"It does not open {_part(report)}: {names}."


def key_notice(report: KeyReport) -> str:
    """Return what stands above the credentials while the key does not open all of them; empty where it does."""
    missing = shortfall(report)
    if missing is None:
        return ""
    if report.opens_none:
        return f"The key of this app is not the one they were saved with. {missing}"
    return f"The key of this app is not the one that some were saved with. {missing}"


async def key_is_meant(report: KeyReport) -> bool:
    """Tell whether a key may be used: it opens a credential, there are none, or somebody typed that it is meant."""
    if not report.opens_none:
        return True
    return await confirm_by_typing(
        "Use a key that opens no saved credential?",
        [
            shortfall(report) or "",
            "It is probably the key of another site, or mistyped.",
            "Robots that get the site's key cannot read what this app saves with it.",
        ],
        action="Use it all the same",
        words=WORDS,
    )


def _part(report: KeyReport) -> str:
    return f"{times.number(len(report.not_opened))} of {times.number(report.count)} saved credentials"
