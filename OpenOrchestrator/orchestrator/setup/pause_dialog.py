"""The questions whether the whole site is to be paused, why and until when, and whether it is to go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, check_end, end_of
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm, listing, question
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.components.forms.who import WhoField
from OpenOrchestrator.orchestrator.setup.backend.site_pause import LONGEST_REASON, SitePauseBackend

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from OpenOrchestrator.database.stores.site_pause import SitePause
    from OpenOrchestrator.orchestrator.live.view import View


def pause_words(pause: SitePause, now: datetime, zone: tzinfo) -> str:
    """Return what everybody should know about a pause of the site. Pure."""
    by = f" by {pause.by}" if pause.by else ""
    since = "" if pause.since is None else f" since {times.calendar(pause.since, now, zone)}"
    until = "until it is resumed" if pause.until is None else f"until {times.calendar(pause.until, now, zone)}"
    return f"The site is paused{by}{since}, {until}: {pause.reason}. Nothing starts."


def sentences(old: Sequence[str]) -> list[str]:
    """Return what a pause of the site means. Pure.

    Args:
        old: Schedulers that do not obey it.
    """
    text = [
        "Nothing starts on any scheduler before the pause ends, or the site is resumed.",
        "What falls due meanwhile starts once then.",
        "Robots that run go on. Those that ask are told to come to an end.",
    ]
    if old:
        is_of = "is of a version" if len(old) == 1 else "are of versions"
        text.append(f"{listing(old)} {is_of} before 4.0 and will not obey: stop such schedulers on their machines.")
    return text


async def ask_pause(view: View, backend: SitePauseBackend, present: SitePause | None) -> bool:
    """Ask why and until when the site is to be paused, or its pause is to last, and do it. Return whether it was."""
    old = await view.load(backend.disobedient)
    if old is None:
        return False
    zone = view.zone
    first = "" if present is None or present.until is None else f"{present.until.astimezone(zone):%Y-%m-%dT%H:%M}"
    verb = "Pause the site" if present is None else "Change the pause"
    with view.container, question(f"{verb}?", sentences(old), role="dialog") as (dialog, body):
        with body:
            with field("Reason", hint="Stands above every page."):
                reason = text_input(
                    "Reason",
                    "" if present is None else present.reason,
                    check=at_most(LONGEST_REASON),
                    placeholder="SAP is closed for maintenance",
                    marker="site-pause-reason",
                )
            with field("Until", note=f"optional, {times.abbreviated(view.now(), zone)}"):
                until = text_input("Until, date and time", first, marker="site-pause-until")
                until.props("type=datetime-local")
            who = WhoField()

        def accept() -> None:
            until.error = check_end(str(until.value or ""), view.now(), zone)
            if not reason.validate() or until.error is not None:
                return
            if not str(reason.value or "").strip():
                reason.error = "Say why: everybody who waits for a robot sees it."
                return
            dialog.submit((str(reason.value), who.take(), end_of(str(until.value or ""), zone)))

        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel").props("autofocus")
            primary(verb, accept, marker="confirm-site-pause")
    try:
        wish: tuple[str, str | None, datetime | None] | None = await dialog
    finally:
        dialog.delete()
    if wish is None:
        return False

    async def work() -> bool:
        await backend.pause(*wish)
        return True

    done = "The site is paused" if present is None else "The pause was changed"
    return bool(await view.act(work, name=verb, done=done))


async def ask_resume(view: View, backend: SitePauseBackend, present: SitePause) -> bool:
    """Ask whether the site is to go on, and do it. Return whether it was."""
    with view.container:
        text = ["Schedulers start what is due within seconds, and what fell due meanwhile. Cordons stay."]
        if not await confirm("Resume the site?", text, action="Resume the site", dangerous=False):
            return False
    lost = "It has ended, or somebody paused the site anew."
    return bool(
        await view.act(lambda: backend.resume(present), name="Resume the site", done="The site is resumed", lost=lost)
    )
