"""The question why triggers are to be paused, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerType
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary, secondary
from OpenOrchestrator.orchestrator.components.forms.checks import at_most
from OpenOrchestrator.orchestrator.components.forms.confirm import listing, question, take_away
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.components.forms.who import WhoField
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.triggers import LONGEST_REASON, PauseWish
from OpenOrchestrator.orchestrator.triggers.checks import check_date, check_time
from OpenOrchestrator.orchestrator.triggers.overlap_words import robots_are_told

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

MORNING = time(6)


def sentences(rows: Sequence[ListedTrigger]) -> list[str]:
    """Return what a pause of triggers means. Pure."""
    names, it = listing([row.name for row in rows]), "it is" if len(rows) == 1 else "they are"
    text = [f"{names} will not start before the pause ends, or {it} enabled. Without an end, only that ends it."]
    if any(row.type is TriggerType.SCHEDULED for row in rows):
        text.append("What a schedule misses meanwhile is one run at the end, unless its trigger says otherwise.")
    if singles := [row.name for row in rows if row.type is TriggerType.SINGLE]:
        text.append(f"{listing(singles)}: if its time passes meanwhile, it runs at the end.")
    if running := [row.name for row in rows if row.status in BUSY_TRIGGER_STATUSES]:
        text.append(f"{listing(running)}: {robots_are_told(rows)}")
    return text


def suggestions(site_now: datetime) -> tuple[tuple[str, datetime], ...]:
    """Return ends that are often wanted, with their words; naive site time. Pure."""
    hour = (site_now + timedelta(hours=1)).replace(second=0, microsecond=0)
    tomorrow = datetime.combine(site_now.date() + timedelta(days=1), MORNING)
    monday = datetime.combine(site_now.date() + timedelta(days=7 - site_now.weekday()), MORNING)
    found = [("For an hour", hour), (f"Tomorrow {MORNING:%H:%M}", tomorrow)]
    return tuple(found if monday == tomorrow else [*found, (f"Monday {MORNING:%H:%M}", monday)])


def end_of(date: str, clock: str, zone: tzinfo) -> datetime | None:
    """Return the end that two fields say, aware; None for none. They have to be valid. Pure."""
    if not date:
        return None
    return times.from_site(datetime.fromisoformat(f"{date}T{clock or MORNING.isoformat()}"), zone)


def check_end(date: str, clock: str, now: datetime, zone: tzinfo) -> str | None:
    """Say what is wrong with an end: none is right, one in the past is not. Pure."""
    if not date:
        return "Enter the date as well, or no time." if clock else None
    wrong = check_date(date) or (check_time(clock) if clock else None)
    if wrong is not None:
        return wrong
    end = end_of(date, clock, zone)
    return "This has passed already." if end is not None and end <= now else None


async def ask_pause(view: View, rows: Sequence[ListedTrigger]) -> PauseWish | None:
    """Ask until when and why triggers are to be paused, or why they are, if all of them are paused; None for not.

    Args:
        view: The page.
        rows: The triggers, at least one.
    """
    known = rows[0].pause if len(rows) == 1 else None
    what = rows[0].name if len(rows) == 1 else f"{len(rows)} triggers"
    now, zone = view.now(), view.zone
    first = known.until.astimezone(zone) if known is not None and known.until is not None else None
    title = f"Change the pause of {what}?" if known is not None else f"Pause {what}?"
    with view.container, question(title, sentences(rows), role="dialog") as (dialog, body):
        with body:
            with ui.element("div").classes("oo-fgrid"):
                with field("Until", note="optional"):
                    date = text_input("Until, date", f"{first:%Y-%m-%d}" if first else "", marker="until-date")
                    date.props("type=date")
                with field("Time", note=times.abbreviated(now, zone)):
                    clock = text_input("Until, time", f"{first:%H:%M}" if first else "", marker="until-time")
                    clock.props("type=time")

            def suggest(end: datetime) -> None:
                date.set_value(f"{end:%Y-%m-%d}")
                clock.set_value(f"{end:%H:%M}")

            with ui.element("div").classes("oo-row oo-suggested"):
                for words, end in suggestions(now.astimezone(zone).replace(tzinfo=None)):
                    secondary(words, partial(suggest, end), small=True, marker=f"suggest {words.lower()}")
            with field("Reason", note="optional"):
                reason = text_input(
                    "Reason",
                    known.reason or "" if known is not None else "",
                    check=at_most(LONGEST_REASON),
                    placeholder="SAP is closed for maintenance",
                    marker="pause-reason-field",
                )
            who = WhoField()

        def accept() -> None:
            entered = str(date.value or ""), str(clock.value or "")
            date.error = check_end(*entered, view.now(), zone)
            if date.error is None and reason.validate():
                words = str(reason.value or "").strip() or None
                dialog.submit(PauseWish(by=who.take(), reason=words, until=end_of(*entered, zone)))

        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel")
            primary("Change" if known is not None else f"Pause {what}", accept, marker="confirm-pause")
    try:
        wish: PauseWish | None = await dialog
        return wish
    finally:
        take_away(dialog)
