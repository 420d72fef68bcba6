"""Ctrl+Break, by the calls that Windows gets; whether a robot gets it is tested with real robots."""

from __future__ import annotations

import pytest

from OpenOrchestrator.scheduler.host.console import press_break, press_break_elsewhere


class Kernel:
    """Windows: the consoles of processes, by how often they have to be asked for."""

    def __init__(self, *, own: bool = False, tries: int = 1) -> None:
        self.attached = own
        self.tries = tries
        self.pressed: list[tuple[int, int]] = []

    def FreeConsole(self) -> int:  # noqa: N802
        was, self.attached = self.attached, False
        return int(was)

    def AttachConsole(self, pid: int, /) -> int:  # noqa: N802
        self.tries -= 1
        self.attached = not self.attached and self.tries <= 0
        return int(self.attached)

    def GenerateConsoleCtrlEvent(self, event: int, group: int, /) -> int:  # noqa: N802
        if self.attached:
            self.pressed.append((event, group))
        return int(self.attached)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("tries", [1, 3])
def test_it_is_pressed_in_the_console_of_the_group(own: bool, tries: int) -> None:
    kernel = Kernel(own=own, tries=tries)
    assert press_break_elsewhere(4711, kernel, pause=lambda _: None)
    assert kernel.pressed == [(1, 4711)]
    assert not kernel.attached


@pytest.mark.parametrize("own", [True, False])
def test_a_group_without_a_console_cannot_be_asked(own: bool) -> None:
    kernel = Kernel(own=own, tries=10**9)
    assert not press_break_elsewhere(4711, kernel, pause=lambda _: None)
    assert kernel.pressed == []


def test_in_the_own_console_it_is_pressed_there() -> None:
    assert press_break(4711, Kernel(own=True))
    assert not press_break(4711, Kernel(own=False))
