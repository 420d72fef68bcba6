"""The part of a trigger's form that says what of its robot's files is started, and in which Python environment.

Owns its fields, and reading them. Must not know the rest of the form, nor what becomes of what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.robot_entry import read_entry
from OpenOrchestrator.database.statuses import RobotEnvironment
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, switch, text_input
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer

ENVIRONMENT_CHOICES = {
    RobotEnvironment.OWN: "Its own, which its main.py sets up",
    RobotEnvironment.MANAGED: "Managed: made from its lock or requirements",
}


def check_entry(value: Any) -> str | None:
    """Say what is wrong with an entry; none is right."""
    try:
        read_entry(str(value or ""))
    except InvalidInputError as error:
        return str(error)
    return None


class EnvironmentFields:
    """The fields in the open section of a drawer.

    Args:
        drawer: Told when they change.
        settings: What they say at first.
    """

    def __init__(self, drawer: FormDrawer, settings: TriggerSettings) -> None:
        with field("Entry", note="optional", hint="A file of the robot, or a module such as robot_framework."):
            self._entry = text_input("Entry", settings.entry or "", check=check_entry, mono=True, marker="entry")
            self._entry.props["placeholder"] = "main.py"
        hint = "A managed one is shared by all runs that need the same packages."
        with field("Environment", hint=hint, wide=True):
            self._environment = choice("Environment", ENVIRONMENT_CHOICES, settings.environment, marker="environment")
            self._environment.on_value_change(drawer.touched)
            drawer.keep("Environment", self._environment)
        drawer.watch("Entry", self._entry)

    def values(self) -> dict[str, Any]:
        """Return what the fields say, by the names that settings have; they have to be valid."""
        entry = read_entry(str(self._entry.value or ""))
        return {
            "environment": self._environment.value,
            "entry": None if entry is None else entry.file or entry.module,
        }


class EnvironmentChange:
    """The same choice for several triggers: nothing is changed unless somebody wants it.

    Args:
        on_change: Called when one of the fields is changed.
    """

    def __init__(self, on_change: Callable[[], Any]) -> None:
        self._wanted = switch("Set the environment", False, marker="set-environment")
        with field("Environment") as self._field:
            self._choice = choice(
                "Environment", ENVIRONMENT_CHOICES, RobotEnvironment.MANAGED, marker="bulk-environment"
            )
        self._field.set_visibility(False)

        def show() -> None:
            self._field.set_visibility(bool(self._wanted.value))
            on_change()

        self._wanted.on_value_change(show)
        self._choice.on_value_change(on_change)

    def value(self) -> RobotEnvironment | None:
        """Return what is chosen; None leaves all as it is."""
        return self._choice.value if self._wanted.value else None
