"""How long robots may run, and how they are stopped after that: fields of the form, and for several triggers at once.

Owns them, and how such a limit is said in words. Must not know what becomes of what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.fields import field, switch, text_input
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import TimeLimit
from OpenOrchestrator.orchestrator.triggers.checks import check_limit, check_stop

_ASK_HINT = "So long after its time limit is_trigger_pausing() is true, before it is terminated."


class LimitFields:
    """The three fields, in what is open.

    Args:
        limit: What they say at first.
        prefix: Stands before their markers.
    """

    def __init__(self, limit: TimeLimit, *, prefix: str = "") -> None:
        with field("Time limit", note="optional") as limit_field:
            minutes = f"{limit.seconds / 60:.10g}" if limit.seconds else ""
            self._limit = text_input("Time limit", minutes, check=check_limit, suffix="min", marker=f"{prefix}limit")
        with field("Ask first", note="optional", hint=_ASK_HINT) as soft_field:
            soft = str(limit.soft) if limit.soft else ""
            self._soft = text_input("Ask first", soft, check=check_stop, suffix="s", marker=f"{prefix}stop-soft")
        with field("Then terminate", note="optional", hint="After that it is killed. Empty is 5 s.") as terminate_field:
            grace = "" if limit.terminate is None else str(limit.terminate)
            self._terminate = text_input(
                "Then terminate", grace, check=check_stop, suffix="s", marker=f"{prefix}stop-terminate"
            )
        self.inputs = {"Time limit": self._limit, "Ask first": self._soft, "Then terminate": self._terminate}
        self.fields = (limit_field, soft_field, terminate_field)

    def validate(self) -> bool:
        """Say beneath each field what is wrong with it; returns whether nothing is."""
        right = [each.validate() for each in self.inputs.values()]  # all of them, so that each says it
        return all(right)

    def value(self) -> TimeLimit:
        """Return what they say; they have to be valid."""
        limit, soft, terminate = (str(each.value or "").strip() for each in self.inputs.values())
        return TimeLimit(
            round(float(limit) * 60) if limit else None, int(soft or 0), int(terminate) if terminate else None
        )


class LimitChange:
    """The same fields for several triggers: nothing is changed unless somebody wants it.

    Args:
        on_change: Called when one of them is changed.
    """

    def __init__(self, on_change: Callable[[], Any]) -> None:
        self._wanted = switch("Set the time limit", False, marker="set-limit")
        self._fields = LimitFields(TimeLimit(), prefix="bulk-")
        for each in self._fields.fields:
            each.bind_visibility_from(self._wanted, "value")
        self._wanted.on_value_change(on_change)
        for element in self._fields.inputs.values():
            element.on_value_change(on_change)

    def validate(self) -> bool:
        """Say beneath each field what is wrong with it; returns whether nothing is."""
        return not self._wanted.value or self._fields.validate()

    def value(self) -> TimeLimit | None:
        """Return what they say; they have to be valid. None leaves all as it is."""
        return self._fields.value() if self._wanted.value else None


def limit_words(limit: TimeLimit) -> str:
    """Return what a limit does, as the end of a sentence about several robots. Pure."""
    if limit.seconds is None:
        return "run without a time limit"
    after = f" when they run longer than {times.limit(limit.seconds)}"
    asked = f"asked to stop{after}, terminated {times.limit(limit.soft)} later" if limit.soft else f"terminated{after}"
    grace = "" if limit.terminate is None else f", killed {times.limit(limit.terminate)} later"
    return f"are {asked}{grace}"
