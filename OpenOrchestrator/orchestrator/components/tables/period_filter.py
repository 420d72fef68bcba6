"""The filter by time: a few usual periods, or from and to by the minute, in the address as ``from`` and ``to``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from nicegui import ui

from OpenOrchestrator.orchestrator.backend.periods import ALL, Period, is_moment, period_of
from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input

PRESETS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", ALL: "All time"}


class PeriodFilter:
    """A filter by time. Build it where it shall stand.

    Args:
        values: What the address says.
        on_change: Told the changed parts of the address, None for what is no longer set.
        label: On its button.
        note: The zone that its times are in.
    """

    def __init__(
        self,
        values: Mapping[str, str],
        on_change: Callable[[dict[str, str | None]], Awaitable[None]],
        *,
        label: str,
        note: str,
    ) -> None:
        self._on_change = on_change
        self._period = period_of(values)
        self._label = label
        with ui.element("span").mark("period") as self.element:
            button = ui.button(label, color=None).props("flat no-caps :ripple=false icon-right=sym_r_expand_more")
            button.classes("oo-drop").mark("filter-period")
            with button, ui.menu().props("max-height=520px") as self._menu:
                for token, words in PRESETS.items():
                    item = ui.item(words, on_click=lambda token=token: self.set(token, "")).props("role=menuitem")
                    item.mark(f"period-{token}")
                ui.separator()
                with ui.element("div").classes("oo-period").on("keydown.enter", self._apply):
                    with field("From", note=note):
                        self._from = self._input("From", "period-from")
                    with field("To", note=note):
                        self._to = self._input("To", "period-to")
                    secondary("Apply", self._apply, small=True, marker="period-apply")
            close = ui.element("button").props("type=button").classes("oo-choice-x").mark("remove-period")
            with close:
                ui.icon("sym_r_close").classes("oo-i14")
            close.on("click", lambda: self.set("", ""))
        self._button = button
        self._close = close
        self._implied = ""
        self._show()

    @property
    def active(self) -> bool:
        """Whether a period is set."""
        return self._period.given

    def description(self) -> str:
        """Return what is set: ``from=24h``."""
        parts = (("from", self._period.start), ("to", self._period.end))
        return " ".join(f"{name}={value.replace('T', ' ')}" for name, value in parts if value)

    def show_implied(self, words: str | None) -> None:
        """Say which period is taken while none is set; None for none."""
        if self._implied != (words or ""):
            self._implied = words or ""
            self._show()

    async def set(self, start: str, end: str) -> None:
        """Set the period; empty texts leave it open."""
        self._menu.close()
        before, self._period = self._period, period_of({"from": start, "to": end})
        if self._period == before:
            return
        self._show()
        with self.element:
            await self._on_change({"from": self._period.start or None, "to": self._period.end or None})

    def forget(self) -> None:
        """Unset it without telling anybody: the page does."""
        self._period = Period()
        self._show()

    def _input(self, label: str, marker: str) -> ui.input:
        element = text_input(label, check=_check, marker=marker).props(
            'type=datetime-local step=1 max="9000-12-31T23:59"'
        )
        element.without_auto_validation()
        return element

    async def _apply(self) -> None:
        if not all([self._from.validate(), self._to.validate()]):
            return
        await self.set(str(self._from.value or ""), str(self._to.value or ""))

    def _show(self) -> None:
        self._from.value = self._period.start if is_moment(self._period.start) else ""
        self._to.value = self._period.end
        text = self.description()
        self.element.classes(add="oo-chip" if text else "", remove="" if text else "oo-chip")
        self._button.classes(add="" if text else "oo-drop", remove="oo-drop" if text else "")
        self._button.set_text(text or (f"{self._label}: {self._implied}" if self._implied else self._label))
        if text:
            self._button.props.pop("icon-right", None)
        else:
            self._button.props["icon-right"] = "sym_r_expand_more"
        self._button.update()
        self._close.props["aria-label"] = f"Remove {text}"
        self._close.set_visibility(bool(text))


def _check(value: object) -> str | None:
    text = str(value or "")
    return None if not text or is_moment(text) else "Enter a date and time, or nothing."
