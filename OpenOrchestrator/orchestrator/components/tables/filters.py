"""The filter bar: search, choices and segments, all of them in the address.

Owns what is set, as the address carries it, and the chips that show it. Must not know what is filtered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.choices import join_choice, split_choice
from OpenOrchestrator.orchestrator.components.forms.fields import Segments, segmented
from OpenOrchestrator.orchestrator.components.tables.period_filter import PeriodFilter

Options = Mapping[str, str]
"""Value in the address -> words."""


@dataclass(frozen=True, slots=True)
class ChoiceFilter:
    """A filter by one or more of some values.

    Attributes:
        name: In the address.
        label: On its button.
        options: What can be chosen; asked each time the menu opens where that takes a query.
        words: Of what the address has, where the options are not known yet and their values say nothing to people.
        when_set: Whether it is there only while it is set: what a link sets, and nobody chooses from.
    """

    name: str
    label: str
    options: Options | Callable[[], Awaitable[Sequence[str] | Options]]
    words: Options = field(default_factory=dict)
    when_set: bool = False


@dataclass(frozen=True, slots=True)
class PeriodChoice:
    """A filter by time.

    Attributes:
        label: On its button.
        note: The zone that its times are in.
    """

    label: str
    note: str


class FilterBar:
    """A bar of filters.

    Args:
        values: What the address says.
        on_change: Told the changed parts of the address, None for what is no longer set.
        placeholder: In the search field; None for no search field (its part of the address is ``q``).
        choices: Filters by values, and by time, in their order.
        segments: Value -> words of an exclusive choice at the right (``segment`` in the address); the first, with an
            empty value, is what is shown at first.
    """

    def __init__(
        self,
        values: Mapping[str, str],
        on_change: Callable[[dict[str, str | None]], Awaitable[None]],
        *,
        placeholder: str | None = None,
        choices: Sequence[ChoiceFilter | PeriodChoice] = (),
        segments: Options | None = None,
    ) -> None:
        self._on_change = on_change
        self._choices = {choice.name: choice for choice in choices if isinstance(choice, ChoiceFilter)}
        self._period: PeriodFilter | None = None
        self._values = {name: values.get(name, "") for name in ("q", "segment", *self._choices)}
        if self._values["segment"] not in (segments or {}):
            self._values["segment"] = ""
        self._words = {choice.name: dict(choice.words) for choice in self._choices.values()}
        self._chips: dict[str, tuple[ui.element, ui.button, ui.element]] = {}
        self._refill: dict[str, Callable[[], Awaitable[None]]] = {}
        self._exclude: dict[str, bool] = {}
        self._segments: Segments | None = None
        self._search: ui.input | None = None
        with ui.element("div").classes("oo-filters").props('role="search" aria-label="Filters"') as self.element:
            if placeholder is not None:
                self._search = self._search_field(placeholder)
            for choice in choices:
                if isinstance(choice, ChoiceFilter):
                    self._drop(choice)
                else:
                    self._period = PeriodFilter(values, on_change, label=choice.label, note=choice.note)
            self._clear = ghost("Clear", self.clear, small=True, marker="clear")
            ui.element("span").classes("oo-sp oo-no-phone")
            if segments is not None:
                self._segments = segmented(segments, self._values["segment"], label="Show", marker="segments")
                self._segments.on_value_change(lambda event: self._set("segment", event.value or ""))
        self._show()

    @property
    def active(self) -> bool:
        """Whether any filter is set."""
        return any(self._values.values()) or (self._period is not None and self._period.active)

    def description(self) -> str:
        """Return what is set, for an empty list: ``status=failed and 1 more filter and from=24h``."""
        names = self._texts()
        parts = [names[0][1]] if names else []
        more = len(names) - 1
        if more > 0:
            parts.append(f"{more} more filter{'s' if more > 1 else ''}")
        if self._period is not None and self._period.active:
            parts.append(self._period.description())
        return " and ".join(parts) or "The filter"

    def set_segment_count(self, segment: str, count: int) -> None:
        """Show a number behind the words of a segment; none for nought."""
        if self._segments is not None:
            self._segments.set_count(segment, times.number(count) if count else "")

    async def set_period(self, start: str, end: str = "") -> None:
        """Set the filter by time to what an address calls ``from`` and ``to``."""
        if self._period is not None:
            await self._period.set(start, end)

    def show_implied(self, words: str | None) -> None:
        """Say which period is taken while none is set; None for none."""
        if self._period is not None:
            self._period.show_implied(words)

    async def clear_all(self) -> None:
        """Unset all filters, the one by time too."""
        changes: dict[str, str | None] = {}
        if self._period is not None and self._period.active:
            self._period.forget()
            changes = {"from": None, "to": None}
        await self._unset(changes)

    async def clear(self) -> None:
        """Unset all filters but the one by time."""
        await self._unset({})

    async def _unset(self, changes: dict[str, str | None]) -> None:
        changes |= {name: None for name, value in self._values.items() if value}
        self._values = dict.fromkeys(self._values, "")
        if self._search is not None:
            self._search.value = ""
        if self._segments is not None:
            self._segments.value = ""
        self._show()
        if changes:
            await self._tell(changes)

    def _search_field(self, placeholder: str) -> ui.input:
        entry = ui.input(placeholder=placeholder, value=self._values["q"])
        entry.props("outlined dense clearable hide-bottom-space debounce=400 maxlength=200").classes("oo-in oo-search")
        entry.props["aria-label"] = placeholder
        entry.mark("search")
        with entry.add_slot("prepend"):
            ui.icon("sym_r_search")
        with entry.add_slot("append"):
            ui.label("/").classes("oo-kbd")
        entry.on_value_change(lambda event: self._set("q", str(event.value or "").strip()))
        return entry

    def _drop(self, choice: ChoiceFilter) -> None:
        """Build the button of a choice; once something is chosen, it is the chip that says what."""
        with ui.element("span").classes("oo-choice") as chip:
            button = ui.button(color=None).props("flat no-caps :ripple=false").mark(f"filter-{choice.name}")
            with button, ui.menu().props("max-height=420px") as menu:
                content = ui.element("div")
            with ui.element("button").props("type=button").classes("oo-choice-x") as close:
                ui.icon("sym_r_close").classes("oo-i14")
            close.on("click", lambda: self._set(choice.name, "")).mark(f"remove-{choice.name}")
        self._chips[choice.name] = (chip, button, close)

        async def fill() -> None:
            options = choice.options
            if callable(options):
                found = await options()
                options = found if isinstance(found, Mapping) else {name: name for name in found}
                if isinstance(found, Mapping):
                    self._words[choice.name] |= found
            chosen, exclude = split_choice(self._values[choice.name])
            content.clear()
            with content:
                if not options:
                    ui.label("There is nothing to choose.").classes("oo-t3").style("padding: 4px 10px")
                for value, words in options.items():
                    self._option(choice, value, words, checked=value in chosen)
                if options:
                    ui.separator()
                    with ui.item(on_click=lambda: self._invert(choice, fill)).props("clickable"):
                        ui.icon("sym_r_check_box" if exclude else "sym_r_check_box_outline_blank")
                        ui.label("All but these")

        self._refill[choice.name] = fill
        self._exclude[choice.name] = split_choice(self._values[choice.name])[1]
        menu.on_value_change(lambda event: fill() if event.value else None)

    def _option(self, choice: ChoiceFilter, value: str, words: str, *, checked: bool) -> None:
        async def toggle() -> None:
            chosen, _ = split_choice(self._values[choice.name])
            new = tuple(each for each in chosen if each != value) if value in chosen else (*chosen, value)
            await self._set(choice.name, join_choice(new, exclude=self._exclude[choice.name]))
            await self._refill[choice.name]()

        item = ui.item(on_click=toggle).props('clickable role="menuitemcheckbox"').mark(f"option-{value}")
        item.props["aria-checked"] = "true" if checked else "false"
        with item:
            ui.icon("sym_r_check_box" if checked else "sym_r_check_box_outline_blank")
            ui.label(words)

    async def _invert(self, choice: ChoiceFilter, fill: Callable[[], Awaitable[None]]) -> None:
        self._exclude[choice.name] = not self._exclude[choice.name]
        chosen, _ = split_choice(self._values[choice.name])
        await self._set(choice.name, join_choice(chosen, exclude=self._exclude[choice.name]))
        await fill()

    async def _set(self, name: str, value: str) -> None:
        if self._values[name] == value:
            return
        self._values[name] = value
        self._show()
        await self._tell({name: value or None})

    async def _tell(self, changes: dict[str, str | None]) -> None:
        # What was clicked (a chip, the button of an empty list) may be gone by now; the bar is not.
        with self.element:
            await self._on_change(changes)

    def _texts(self) -> list[tuple[str, str]]:
        return [(name, f"{name}={self._in_words(name, value)}") for name, value in self._values.items() if value]

    def _in_words(self, name: str, value: str) -> str:
        words = self._words.get(name)
        if not words:
            return value
        chosen, exclude = split_choice(value)
        return ("-" if exclude else "") + ",".join(text for text in (words.get(each, each) for each in chosen) if text)

    def _show(self) -> None:
        texts = dict(self._texts())
        for name, (chip, button, close) in self._chips.items():
            text = texts.get(name)
            chip.set_visibility(bool(text) or not self._choices[name].when_set)
            chip.classes(add="oo-chip" if text else "", remove="" if text else "oo-chip")
            button.classes(add="" if text else "oo-drop", remove="oo-drop" if text else "")
            button.set_text(text or self._choices[name].label)
            if text:
                button.props.pop("icon-right", None)
            else:
                button.props["icon-right"] = "sym_r_expand_more"
            button.update()
            close.props["aria-label"] = f"Remove {text}"
            close.set_visibility(text is not None)
        self._clear.set_visibility(any(self._values.values()))
