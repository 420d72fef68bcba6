"""What pages show of an annotation: a card at their side, a line beneath their head, and whom to call about a failure.

No page of its own. Owns drawing them into what is open. Must not know when that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.annotations.backend import Owner, StoredAnnotation
from OpenOrchestrator.orchestrator.annotations.owner_words import clickable, mail_link, owner_words
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import copy_button, ghost, tip
from OpenOrchestrator.orchestrator.components.facts import term


def draw_card(stored: StoredAnnotation, *, on_edit: Callable[[], Any], now: datetime, zone: tzinfo) -> None:
    """Draw everything that is noted about the thing of a page."""
    values = stored.values
    with ui.element("div").classes("oo-row oo-note-h"):
        with ui.element("h2").classes("oo-grow"):
            ui.label("Owner and notes")
        ghost("Edit", on_edit, icon="sym_r_edit", small=True, marker="edit-notes")
    if not values:
        ui.label("Nothing is noted yet: who is called when it fails, tags, notes.").classes("oo-t3 oo-sm")
        return
    if values.owner or values.tags:
        with ui.element("dl").classes("oo-kv"):
            _owner_pairs(values.owner)
            if values.tags:
                with term("Tags").classes("oo-row oo-wrap").style("gap: 4px"):
                    draw_tags(values.tags)
    if values.notes:
        ui.label(values.notes).classes("oo-pre oo-notes").mark("notes-text")
    if stored.changed_at is not None:
        words = ui.label(f"Changed {times.past(stored.changed_at, now, zone)}").classes("oo-xs oo-t3 oo-notes-at")
        tip(words, times.absolute(stored.changed_at, zone))


def draw_line(stored: StoredAnnotation, *, on_edit: Callable[[], Any]) -> None:
    """Draw what is noted about the thing of a page that has no side: in a line, the notes folded away if long."""
    values = stored.values
    with ui.element("div").classes("oo-row oo-wrap oo-note-line"):
        draw_owner(values.owner)
        draw_tags(values.tags)
        ghost(
            "Edit notes" if values else "Add owner, tags, notes",
            on_edit,
            icon="sym_r_sell",
            small=True,
            marker="edit-notes",
        )
    if values.notes:
        ui.label(values.notes).classes("oo-pre oo-note-text").mark("notes-text").props("tabindex=0 role=note")


def draw_tags(tags: Sequence[str]) -> None:
    """Draw tags, each as a chip."""
    for tag in tags:
        ui.label(tag).classes("oo-tag").mark("tag")


def draw_owner(owner: Owner) -> None:
    """Draw in a line whom to call; nothing for nobody."""
    words = owner_words([owner])
    if not words.text:
        return
    with ui.element("div").classes("oo-row oo-owner").mark("owner"):
        ui.icon("sym_r_person").classes("oo-i16 oo-t3")
        ui.label("Owner").classes("oo-t3")
        shown = _link(words.text, words.mail) if words.mail else ui.label(words.text).classes("oo-b")
        tip(shown, words.tip)
        if words.runbook:
            _link("Runbook", words.runbook)
        elif owner.runbook:
            ui.label(owner.runbook).classes("oo-t2 oo-pre")


def _owner_pairs(owner: Owner) -> None:
    if owner.name:
        with term("Owner"):
            ui.label(owner.name).classes("oo-b").mark("owner-shown")
    if owner.mail:
        with term("Mail").classes("oo-row oo-copied").style("gap: 2px"):
            _link(owner.mail, mail_link(owner.mail))
            copy_button(owner.mail, "Copy the mail address")
    if owner.runbook:
        with term("Runbook"):
            address = clickable(owner.runbook)
            if address:
                _link(owner.runbook, address)
            else:
                ui.label(owner.runbook).classes("oo-pre")


def _link(words: str, address: str) -> ui.link:
    """Add a link out of the app: beside it, and told nothing of where it was clicked."""
    link = ui.link(words, address, new_tab=not address.startswith("mailto:")).classes("oo-link oo-out-link")
    link.props["rel"] = "noopener noreferrer"
    return link
