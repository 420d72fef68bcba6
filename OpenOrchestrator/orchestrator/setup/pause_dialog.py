"""The questions whether the whole site is to be paused, why and until when, and whether it is to go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm, listing
from OpenOrchestrator.orchestrator.components.forms.pause_question import PauseWords, ask_reason_and_end
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
    verb = "Pause the site" if present is None else "Change the pause"
    words = PauseWords(
        title=f"{verb}?",
        sentences=sentences(old),
        action=verb,
        shown_at="Stands above every page.",
        no_reason="Say why: everybody who waits for a robot sees it.",
        longest_reason=LONGEST_REASON,
        marker="site-pause",
    )
    with view.container:
        wish = await ask_reason_and_end(words, present, now=view.now(), zone=view.zone)
    if wish is None:
        return False

    async def work() -> bool:
        await backend.pause(wish.reason, wish.by, wish.until)
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
