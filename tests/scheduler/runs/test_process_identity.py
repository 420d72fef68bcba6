"""Which process is which, although ids are used again."""

from __future__ import annotations

import psutil

from OpenOrchestrator.scheduler.runs.process_identity import is_gone


def test_the_end_of_a_process_is_told_from_its_id_and_its_start() -> None:
    me = psutil.Process()
    assert not is_gone(me.pid, me.create_time())
    assert is_gone(me.pid, me.create_time() - 3600)
    assert is_gone(2**22 + 1, 0.0)
