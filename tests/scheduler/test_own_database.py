"""The scheduler's own pool: wide enough for all its runs, and given up before the lease of one has run out."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.engine import connecting
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import LEASE_SECONDS
from OpenOrchestrator.scheduler import own_database
from OpenOrchestrator.scheduler.options import KEEP_SECONDS


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("max_jobs", [1, 32, 100])
def test_every_run_may_hold_a_connection_and_the_scheduler_has_its_own(
    database: Database, max_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "POOL_TIMEOUT_SECONDS", 0.01)
    own = own_database.open_database(database.connection_string, max_jobs=max_jobs)
    with ExitStack() as held:
        for _ in range(max_jobs + own_database.OWN_CONNECTIONS - 1):
            held.enter_context(own.engine.connect())
        assert own.read(lambda session: session.scalar(sa.select(1))) == 1
    own.close()


def test_a_server_that_falls_silent_is_given_up_between_two_heartbeats_of_a_lease() -> None:
    longest = own_database.STATEMENT_TIMEOUT_SECONDS + connecting.SILENCE_GRACE_SECONDS
    assert longest + KEEP_SECONDS <= LEASE_SECONDS
