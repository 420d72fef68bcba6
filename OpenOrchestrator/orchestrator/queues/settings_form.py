"""The form of what a queue says about its elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.database.statuses import UniqueReferences, WhenRobotDied
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, whole
from OpenOrchestrator.orchestrator.components.forms.confirm import THEIRS, Difference, overwrite
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, text_area, text_input
from OpenOrchestrator.orchestrator.queues.backend import queue_settings as settings
from OpenOrchestrator.orchestrator.queues.backend.queue_settings import (
    QueueRules,
    QueueSettingsBackend,
    StoredRules,
    duration_text,
    seconds_of,
    wrong_duration,
    wrong_schema,
)
from OpenOrchestrator.orchestrator.queues.settings_words import pairs

if TYPE_CHECKING:
    from nicegui import ui

    from OpenOrchestrator.orchestrator.live.view import View

FORM = "settings"
_DIED = {each: each.value for each in WhenRobotDied}
_UNIQUE = {each: each.value for each in UniqueReferences}
_KEPT = {"done": "Done", "failed": "Failed", "abandoned": "Abandoned"}


def open_form(view: View, queue: str, stored: StoredRules, on_saved: Callable[[], Any]) -> None:
    """Open the form.

    Args:
        view: The page.
        queue: The queue.
        stored: What it says now.
        on_saved: Called when it was saved.
    """
    _SettingsForm(view, queue, stored, on_saved).open()


def check_growth(value: Any) -> str | None:
    """Say what is wrong with the growth of a pause. Pure."""
    try:
        number = float(str(value).strip())
    except ValueError:
        return "Enter a number such as 1 or 1.5."
    return None if 1 <= number <= settings.LARGEST_GROWTH else f"Must be from 1 to {settings.LARGEST_GROWTH:g}."


def optional(check: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """Return a check that takes an empty field, too. Pure."""
    return lambda value: check(value) if str(value or "").strip() else None


class _SettingsForm:
    def __init__(self, view: View, queue: str, stored: StoredRules, on_saved: Callable[[], Any]) -> None:
        self._view = view
        self._queue = queue
        self._stored = stored
        self._on_saved = on_saved
        self._backend = QueueSettingsBackend(view.database, view.clock)

    def open(self) -> None:
        """Build the drawer and open it."""
        with self._view.container:
            self._drawer = FormDrawer(
                "Settings of the queue",
                subtitle=self._queue,
                icon="sym_r_tune",
                save="Save",
                on_save=self._save,
                address=self._view.form_address(FORM),
            )
        rules = self._stored.rules
        self._watched: dict[str, Any] = {}
        self._attempts_section(rules)
        self._order_section(rules)
        self._safety_section(rules)
        self._kept_section(rules)
        for label, element in self._watched.items():
            self._drawer.watch(label, element)
        self._attempts.props("autofocus")
        self._drawer.settle()
        self._drawer.open()

    def _attempts_section(self, rules: QueueRules) -> None:
        with self._drawer.section("Attempts"):
            most = settings.MOST_ATTEMPTS
            with field("Attempts", hint="How often an element is tried at most. 1 is once."):
                self._attempts = self._line(
                    "Attempts", str(rules.most_attempts), whole("how many attempts", 1, most), "attempts"
                )
            with field("When a robot died", hint="What becomes of the element that it had in hand."):
                self._died = choice(
                    "When a robot died", _DIED, rules.when_robot_died, check=self._wrong_died, marker="when-robot-died"
                )
            with field("Pause between attempts", hint="Such as 30s, 5m, 2h."):
                check = wrong_duration(0, settings.LONGEST_PAUSE, optional=False)
                self._pause = self._line(
                    "Pause between attempts", duration_text(rules.pause_seconds), check, "attempt-pause"
                )
            with field("Grows by", hint="1 is always the same pause."):
                self._growth = self._line("Grows by", f"{rules.pause_growth:.10g}", check_growth, "attempt-growth")
        self._watched["When a robot died"] = self._died

    def _order_section(self, rules: QueueRules) -> None:
        with self._drawer.section("Order and deadline"):
            with field("Priority", hint="Of elements for which none is given. Higher comes first."):
                check = whole("the priority", -settings.MOST_PRIORITY, settings.MOST_PRIORITY)
                self._priority = self._line("Priority", str(rules.default_priority), check, "default-priority")
            with field("Finish within", note="optional", hint="Their deadline, such as 4h or 2d."):
                check = wrong_duration(1, settings.LONGEST_FINISH, optional=True)
                self._finish = self._line(
                    "Finish within", duration_text(rules.finish_within_seconds), check, "finish-within"
                )
            with field("Unique references", hint="A reference that is taken makes no second element.", wide=True):
                self._unique = choice("Unique references", _UNIQUE, rules.unique_references, marker="unique-references")
        self._watched["Unique references"] = self._unique

    def _safety_section(self, rules: QueueRules) -> None:
        with self._drawer.section("When robots fail"):
            with field("Breaker", note="optional", hint="So many errors in a row, of all robots, pause the queue."):
                check = optional(whole("how many errors", 1, settings.MOST_ERRORS))
                self._breaker = self._line("Breaker", _text(rules.breaker_errors), check, "breaker", "errors")
            with field("Lease", note="optional", hint="For robots that no scheduler started. By default 5m."):
                check = wrong_duration(settings.SHORTEST_LEASE, settings.LONGEST_LEASE, optional=True)
                self._lease = self._line("Lease", duration_text(rules.lease_seconds), check, "element-lease")

    def _kept_section(self, rules: QueueRules) -> None:
        self._kept: dict[str, ui.input] = {}
        with self._drawer.section("Kept for"):
            check = optional(whole("how many days", 1, settings.MOST_DAYS))
            for status, word in _KEPT.items():
                with field(word, note="optional", hint="Empty: for ever." if status == "done" else None):
                    days = _text(getattr(rules, f"keep_{status}_days"))
                    self._kept[status] = self._line(f"{word} kept for", days, check, f"keep-{status}", "days")
        with self._drawer.section("Contents"):
            with field("Description", note="optional", wide=True):
                self._description = text_area(
                    "Description",
                    rules.description or "",
                    check=at_most(settings.DESCRIPTION_LENGTH, spaces=True),
                    marker="queue-description",
                )
            with field("JSON schema", note="optional", hint="What the data of new elements has to fit.", wide=True):
                self._schema = text_area(
                    "JSON schema", rules.json_schema or "", check=wrong_schema, mono=True, marker="json-schema"
                )
        self._watched |= {"Description": self._description, "JSON schema": self._schema}

    def _line(
        self, label: str, value: str, check: Callable[[Any], str | None], marker: str, suffix: str | None = None
    ) -> ui.input:
        self._watched[label] = element = text_input(label, value, check=check, suffix=suffix, marker=marker)
        return element

    def _wrong_died(self, value: Any) -> str | None:
        once = str(self._attempts.value or "").strip() == "1"
        return "Allow 2 attempts or more." if once and value is WhenRobotDied.RETRY else None

    def _rules(self) -> QueueRules:
        return QueueRules(
            most_attempts=int(_typed(self._attempts)),
            pause_seconds=seconds_of(_typed(self._pause)) or 0,
            pause_growth=float(_typed(self._growth)),
            when_robot_died=self._died.value,
            description=str(self._description.value or "").strip() or None,
            unique_references=self._unique.value,
            lease_seconds=seconds_of(_typed(self._lease)),
            keep_done_days=_number(self._kept["done"]),
            keep_failed_days=_number(self._kept["failed"]),
            keep_abandoned_days=_number(self._kept["abandoned"]),
            json_schema=str(self._schema.value or "").strip() or None,
            default_priority=int(_typed(self._priority)),
            finish_within_seconds=seconds_of(_typed(self._finish)),
            breaker_errors=_number(self._breaker),
        )

    async def _save(self) -> bool:
        rules = self._rules()
        try:
            while not await self._backend.save(self._queue, rules, self._stored):
                newer = (await self._backend.get(self._queue)).stored
                if newer.rules == rules:
                    break  # somebody else saved the same
                differing = zip(pairs(newer.rules), pairs(rules), strict=True)
                way = await overwrite(
                    f"Overwrite the settings of {self._queue}?",
                    ["Somebody else changed them while this form was open.", "Saving puts your values in their place."],
                    [Difference(label, theirs, yours) for (label, theirs), (_, yours) in differing if theirs != yours],
                    action="Overwrite",
                )
                if way == THEIRS:
                    self._drawer.discard()
                    open_form(self._view, self._queue, newer, self._on_saved)
                if way is None or way == THEIRS:
                    return False
                self._stored = newer
        except OpenOrchestratorError as error:
            feedback.failed(f"The settings of {self._queue} were not saved", str(error))
            return False
        feedback.done(f"The settings of {self._queue} were saved")
        self._on_saved()
        return True


def _typed(element: ui.input) -> str:
    return str(element.value or "").strip()


def _number(element: ui.input) -> int | None:
    text = _typed(element)
    return int(text) if text else None


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
