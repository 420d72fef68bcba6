"""What stands in the place of a page that cannot be shown."""

from __future__ import annotations

from nicegui import ui

from OpenOrchestrator.orchestrator.components import empty
from OpenOrchestrator.orchestrator.components.buttons import secondary


def no_database(problem: str | None) -> None:
    """Say that there is no database, or what is wrong with the one there is, and lead to Settings."""
    with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
        if problem is not None:
            panel = empty.none_yet("sym_r_database", "This database cannot be used yet", problem)
        else:
            panel = empty.none_yet(
                "sym_r_database",
                "Not connected to a database",
                "Triggers, jobs, queues and logs live in a database that this app and all schedulers share.",
            )
        with panel:
            secondary("Open Settings", lambda: ui.navigate.to("/settings"), marker="open-settings")


def waits_for_database(title: str) -> None:
    """Say that a page is built when the database answers."""
    _notice("sym_r_cloud_off", f"{title}: waiting for the database", "This page comes by itself when it answers.")


def broken(title: str) -> None:
    """Say that a page has a defect."""
    _notice(
        "sym_r_error",
        f"{title}: this page could not be built",
        "That is a defect. The terminal in which the app runs shows what happened.",
    )


def not_found(reason: str) -> None:
    """Say that what an address names is not there."""
    _notice("sym_r_search_off", "Not found", reason)


def _notice(icon: str, title: str, words: str) -> None:
    with ui.element("div").classes("oo-body").style("padding-top: 18px"), ui.element("div").classes("oo-card"):
        empty.none_yet(icon, title, words)
