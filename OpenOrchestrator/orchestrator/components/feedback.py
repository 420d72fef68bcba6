"""What happened, said once: in the strip below the page, or in the form that was being saved where that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nicegui import Client, ui

from OpenOrchestrator.orchestrator.components.buttons import icon_button

SECONDS = 6.0
LINK_SECONDS = 12.0
"""A link has to be read and reached."""

_MARKER = "toasts"

Say = Callable[[str, str | None], None]
_form: ContextVar[Say | None] = ContextVar("form", default=None)


@contextmanager
def within(say: Say) -> Iterator[None]:
    """Let what fails inside be said by a form, where it was entered, and not in the strip below the page."""
    token = _form.set(say)
    try:
        yield
    finally:
        _form.reset(token)


def done(message: str, detail: str | None = None, *, link: tuple[str, str] | None = None) -> None:
    """Say that something was done. Goes away by itself.

    Args:
        message: What was done.
        detail: More about it.
        link: Words and path to what came of it.
    """
    _toast(message, detail, link=link, bad=False)


def failed(message: str, detail: str | None = None) -> None:
    """Say that something could not be done. Stays until it is closed, or in a form until it is saved again."""
    _failed(message, detail)


def changed_meanwhile(message: str, detail: str = "Somebody else was faster. This page shows the new state.") -> None:
    """Say that an action lost against a change by somebody else. Stays until it is closed."""
    _failed(f"{message}: changed meanwhile", detail)


def _failed(message: str, detail: str | None) -> None:
    say = _form.get()
    if say is not None:
        say(message, detail)
    else:
        _toast(message, detail, link=None, bad=True)


def _toast(message: str, detail: str | None, *, link: tuple[str, str] | None, bad: bool) -> None:
    client = ui.context.client
    with _strip(client), ui.element("div").classes("oo-toast" + (" oo-toast-bad" if bad else "")) as toast:
        toast.props["role"] = "alert" if bad else "status"
        ui.icon("r_error" if bad else "r_check_circle").classes("oo-i20")
        with ui.element("div").classes("oo-col oo-grow"):
            ui.label(message).classes("oo-b oo-pre")
            if detail:
                ui.label(detail).classes("oo-sm oo-t2 oo-pre")
        if link:
            ui.link(link[0], link[1]).classes("oo-link oo-sm oo-nw").on("click", toast.delete)
        icon_button("sym_r_close", "Close", toast.delete)
        if not bad:
            ui.timer(LINK_SECONDS if link else SECONDS, toast.delete, once=True)


def _strip(client: Client) -> ui.element:
    """The strip of a tab where its toasts stand: outside of the page, so that they outlive a change of page.

    It has the lower edge of the window for itself: the page, drawers and dialogs end above it, so that it never lies on
    anything that can be pressed, and nothing moves when it comes or goes.
    """
    for element in client.layout.default_slot.children:
        if _MARKER in element._markers:
            return element
    with client.layout:
        strip = ui.element("div").classes("oo-toasts").mark(_MARKER)
        ui.run_javascript(f"ooStrip({strip.html_id!r})")
    return strip
