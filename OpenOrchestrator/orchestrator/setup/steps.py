"""Steps one below the other: which are done, which one is next, which have to wait."""

from __future__ import annotations

from nicegui import ui

DONE, NOW, WAITS = "done", "now", "waits"


class SetupStep:
    """One step; what is built within ``content`` stands beneath its words.

    Args:
        number: Shown until it is done.
        title: What it does.
        sentence: What it is for.
        last: Whether no line leads on from it.
    """

    def __init__(self, number: int, title: str, sentence: str, *, last: bool = False) -> None:
        self._state = ""
        with ui.element("li").classes("oo-step" + (" oo-step-last" if last else "")) as self.element:
            with ui.element("div").classes("oo-step-rail"):
                self._done = ui.icon("r_check_circle").classes("oo-i22 oo-fg-done")
                self._number = ui.label(str(number)).classes("oo-step-n")
                ui.element("span").classes("oo-step-line")
            with ui.element("div").classes("oo-step-b"):
                with ui.element("h2"):
                    self._title = ui.label(title)
                self._sentence = ui.label(sentence).classes("oo-step-s")
                self.content = ui.element("div").classes("oo-step-c")
        self.show(WAITS)

    def say(self, title: str, sentence: str) -> None:
        """Change its words."""
        self._title.set_text(title)
        self._sentence.set_text(sentence)

    def show(self, state: str) -> None:
        """Show it as DONE, NOW or WAITS."""
        if state == self._state:
            return
        self._state = state
        self._done.set_visibility(state == DONE)
        self._number.set_visibility(state != DONE)
        others = " ".join(f"oo-step-{each}" for each in (DONE, NOW, WAITS) if each != state)
        self.element.classes(add=f"oo-step-{state}", remove=others)
