"""The process of a trigger is known whatever else its row holds."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trigger_setup as make

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Trigger
from OpenOrchestrator.database.stores import process_names


def test_the_process_of_a_trigger_is_found(database: Database) -> None:
    trigger_id = make.single(database, process_name="invoices")
    assert database.read(lambda session: process_names.of_trigger(session, trigger_id)) == "invoices"
    assert database.read(lambda session: process_names.of_trigger(session, uuid4())) is None


@pytest.mark.kinds("sqlite")
def test_a_row_that_nobody_can_run_still_has_a_process(database: Database) -> None:
    trigger_id = make.single(database, process_name="invoices")
    make.spoil(database, Trigger, trigger_id, "scheduler_whitelist", "no list")
    assert database.read(lambda session: process_names.of_trigger(session, trigger_id)) == "invoices"
