"""The card that says what went wrong with a run."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import copy_button
from OpenOrchestrator.orchestrator.components.vocabulary import Look


def failure_card(
    reason: str,
    look: Look,
    *,
    headline: str | None,
    text: str | None,
    beneath: Callable[[], object] | None = None,
) -> ui.element:
    """Build the card; what is built inside stands at its right.

    Args:
        reason: In one sentence.
        look: Of the state that the run ended in.
        headline: The error in one line, shown where the reason does not say it; None where the robot said nothing.
        text: All that is known of it, folded, where it says more than that.
        beneath: Builds what stands below the reason; whom to call, for instance.
    """
    with ui.element("div").classes(f"oo-card oo-failure oo-failure-{look.tone}").mark("failure") as card:
        ui.icon(look.icon).classes(f"oo-i20 oo-fg-{look.tone}")
        with ui.element("div").classes("oo-grow"):
            ui.label(reason).classes("oo-failure-reason").mark("reason")
            # Said once: most reasons are the headline, in whole or with more.
            if headline is not None and headline.strip().casefold() not in reason.casefold():
                ui.label(headline[:600]).classes("oo-failure-headline").mark("headline")
            if text is not None and text.strip().casefold() not in (reason.casefold(), (headline or "").casefold()):
                with ui.element("details").classes("oo-failure-details").mark("trace-fold"):
                    with ui.element("summary"):
                        ui.label("Traceback" if "Traceback (most recent" in text else "End of the error output")
                    trace = ui.label(text).classes("oo-failure-trace").mark("trace")
                    trace.props('tabindex=0 role="region" aria-label="End of the error output"')
            if beneath is not None:
                beneath()
        if text is not None:
            copy_button(f"{text}\n", "Copy the error")
    return card
