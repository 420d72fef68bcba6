"""What the process does beside serving."""

from __future__ import annotations

import signal

import pytest

from OpenOrchestrator.orchestrator.server.process import quiet_interrupt


def test_ctrl_c_ends_quietly_and_puts_the_handler_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with quiet_interrupt():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt
    assert signal.getsignal(signal.SIGINT) is before


def test_what_else_goes_wrong_is_told() -> None:
    with pytest.raises(OSError, match="taken"), quiet_interrupt():
        raise OSError("taken")
