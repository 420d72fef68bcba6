"""What a trigger needs of a machine, in words. Pure."""

from __future__ import annotations

from OpenOrchestrator.database.statuses import Desktop

DESKTOPS = {
    Desktop.BACKGROUND: "Background: others may run beside it",
    Desktop.SCREEN: "Screen: one at a time on a machine",
    Desktop.EXCLUSIVE: "Exclusive: alone on its scheduler",
}
"""To choose from."""

DESKTOP_TIPS = {
    Desktop.SCREEN: "Needs the screen: one such robot at a time on a machine.",
    Desktop.EXCLUSIVE: "Exclusive: a scheduler runs nothing else beside it.",
}
"""What lists say of those that need something."""

DESKTOP_NEEDS = {
    Desktop.BACKGROUND: "nothing of the machine",
    Desktop.SCREEN: "the screen",
    Desktop.EXCLUSIVE: "to be alone on their scheduler",
}
"""What they need, as the end of a sentence about several."""
