"""Fixtures of the scheduler's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scheduler_site import Site

from OpenOrchestrator.database.engine.database import Database


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    """A site on a fresh database, on the machine's clock. Its robots and schedulers end with the test."""
    made = Site(Database(database.connection_string), tmp_path)
    yield made
    made.close()
