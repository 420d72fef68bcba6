"""The question before what cannot be undone, or what can be done in several ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import danger, ghost, primary, secondary
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.components.site_badge import current_site, site_badge

MOST_NAMES = 6
LONGEST_VALUE = 300


def listing(names: Sequence[str]) -> str:
    """Return names as people list them: ``A, B and C``, at most six and how many more."""
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return names[0] if names else ""


async def confirm(title: str, sentences: Sequence[str], *, action: str, dangerous: bool = True) -> bool:
    """Ask, and return whether the action was confirmed.

    Args:
        title: The question with name or count: ``Delete 3 triggers?``
        sentences: What it does, naming what it does it to, and what stays.
        action: The button: verb and count again.
        dangerous: Whether it cannot be undone.
    """
    return await choose(title, sentences, Way("confirm", action, dangerous=dangerous)) is not None


@dataclass(frozen=True, slots=True)
class Way:
    """One of several answers to a question.

    Attributes:
        name: Returned when it was chosen.
        action: The button: what is done.
        dangerous: Whether it cannot be undone.
    """

    name: str
    action: str
    dangerous: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two people changed, in words.

    Attributes:
        label: What it is.
        theirs: What somebody else stored.
        yours: What the form would store.
    """

    label: str
    theirs: str
    yours: str


THEIRS = "theirs"


async def overwrite(
    title: str, sentences: Sequence[str], differences: Sequence[Difference], *, action: str
) -> str | None:
    """Ask before a change of somebody else is written over, with both values, and return what is to be done.

    Args:
        title: The question with the name.
        sentences: What happened, and what saving would do.
        differences: What differs.
        action: The button that writes over it.

    Returns:
        THEIRS if the form shall show what is stored now, another text if it shall be saved, None for neither.
    """
    usual = Way("overwrite", action, dangerous=True)
    return await choose(title, sentences, usual, Way(THEIRS, "Load theirs"), differences=differences)


async def choose(
    title: str, sentences: Sequence[str], usual: Way, *others: Way, differences: Sequence[Difference] = ()
) -> str | None:
    """Ask in which way, and return its name; None if in none.

    The focus is on Cancel, so that Enter by habit changes nothing.

    Args:
        title: The question with name or count.
        sentences: What each way does, naming what it does it to, and what stays.
        usual: What most people want.
        others: What else can be done.
        differences: Shown beneath the sentences.
    """
    with question(title, sentences) as (dialog, body):
        if differences:
            dialog.classes("oo-diff-dialog")
            with body:
                _show_differences(differences)
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel").props("autofocus")
            for way in others:
                # Of several ways one stands out, however dangerous the others are.
                other = secondary(way.action, partial(dialog.submit, way.name), marker=way.name)
                other.classes("oo-red" if way.dangerous else "")
            button = danger if usual.dangerous else primary
            button(usual.action, partial(dialog.submit, usual.name), marker=f"confirm {usual.name}")
    try:
        chosen: str | None = await dialog
        return chosen
    finally:
        take_away(dialog)


async def confirm_by_typing(title: str, sentences: Sequence[str], *, action: str, words: str) -> bool:
    """Ask for words to be typed before what is nearly always a mistake, and return whether they were.

    Args:
        title: The question with name or count.
        sentences: What it does, naming what it does it to.
        action: The button: what is done.
        words: What has to be typed, whatever its case.
    """

    def typed() -> bool:
        return str(entered.value or "").strip().casefold() == words.casefold()

    def accept() -> None:
        if typed():
            dialog.submit(True)

    with question(title, sentences) as (dialog, body):
        with body, field(f"Type: {words}"):
            entered = text_input(f"Type: {words}", marker="typed-words")
        entered.on("keydown.enter", accept)
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(False), marker="cancel").props("autofocus")
            button = danger(action, accept, marker="confirm-typed")
            button.disable()
        entered.on_value_change(lambda: button.set_enabled(typed()))
    try:
        return bool(await dialog)
    finally:
        take_away(dialog)


def take_away(dialog: ui.dialog) -> None:
    """Delete a dialog that was answered, unless its tab was closed meanwhile: then it is gone with it."""
    if not dialog.is_deleted:
        dialog.delete()


def _show_differences(differences: Sequence[Difference]) -> None:
    with ui.element("div").classes("oo-diff").mark("differences"):
        for head in ("", "Theirs, stored now", "Yours"):
            ui.label(head).classes("oo-sm oo-t3")
        for each in differences:
            ui.label(each.label).classes("oo-t2")
            for value in (each.theirs, each.yours):
                ui.label(value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…").classes("oo-diff-v")


@contextmanager
def question(
    title: str, sentences: Sequence[str], *, role: str = "alertdialog"
) -> Iterator[tuple[ui.dialog, ui.element]]:
    """Begin a dialog; give it, and its body with title and sentences. What is made inside stands below the body.

    It says on which site all this happens, because the same names are on the site for tests.

    Args:
        title: The question with name or count.
        sentences: What will happen.
        role: ``dialog`` where there is more to it than an answer.
    """
    with ui.dialog().props(f"role={role}") as dialog, ui.card().classes("oo-dialog").props("flat"):
        site, colour = current_site()
        dialog.props["aria-label"] = f"{site}: {title}" if site else title
        with ui.element("div").classes("oo-dialog-b") as body:
            site_badge(site, colour)
            with ui.element("h2"):
                ui.label(title)
            for sentence in sentences:
                ui.label(sentence).classes("oo-t2 oo-pre")
        yield dialog, body
