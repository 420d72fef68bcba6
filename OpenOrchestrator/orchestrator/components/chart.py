"""Charts in the colours of the theme, light or dark.

ECharts draws on a canvas and cannot use CSS variables: options name a token as ``"var(--failed-mark)"``, and the
browser puts its value in, again whenever light and dark change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nicegui import ui


class Chart(ui.echart):
    """An ECharts chart whose options may name design tokens.

    Args:
        options: As ECharts takes them; strings ``var(--name)`` are replaced by the token's value in the browser.
        label: What it shows, for screen readers.
        height: CSS height.
    """

    def __init__(self, options: dict[str, Any], *, label: str, height: str = "220px") -> None:
        super().__init__(_themed(options))
        self.classes("oo-chart").style(f"width: 100%; height: {height}")
        self.props["role"] = "img"
        self.props["aria-label"] = label

    def show(self, options: dict[str, Any]) -> None:
        """Draw other options; sends nothing when they are the same."""
        new = _themed(options)
        if new != dict(self.options):
            self.options.clear()
            self.options.update(new)
            self.update()


def _themed(value: Any) -> Any:
    """Turn token names into expressions that the browser evaluates: keys with a leading colon are JavaScript there."""
    if isinstance(value, dict):
        themed: dict[str, Any] = {}
        for key, part in value.items():
            if isinstance(part, str) and part.startswith("var(--") and part.endswith(")"):
                themed[f":{key}"] = f"ooToken({part[4:-1]!r})"
            else:
                themed[key] = _themed(part)
        return themed
    if isinstance(value, list):
        return [_themed(part) for part in value]
    return value


def legend(entries: Iterable[tuple[str, str]]) -> None:
    """Build what the colours of a picture mean.

    Args:
        entries: Tone and words of each.
    """
    with ui.element("div").classes("oo-legend"):
        for tone, words in entries:
            with ui.element("span"):
                ui.element("b").classes(f"oo-m-{tone}")
                ui.label(words)
