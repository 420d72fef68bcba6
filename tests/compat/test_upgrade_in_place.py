"""A database made by OpenOrchestrator 3.0.0 itself upgrades in place, keeps its data, and its robots run on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from old_versions import ROBOTS, EnvironmentMissingError, python_of

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.database import db_util
from OpenOrchestrator.database.queues import QueueStatus
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger, SingleTrigger, TriggerStatus


@pytest.fixture
def python_3() -> Path:
    try:
        return python_of("3.0.0")
    except EnvironmentMissingError as error:
        pytest.skip(f"OpenOrchestrator 3.0.0 cannot be installed: {error}")


def run(*command: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_data_survives_and_robots_run(empty_database_url: str, python_3: Path) -> None:
    url = empty_database_url
    key = crypto_util.generate_key().decode()
    run(str(python_3), str(ROBOTS / "make_database.py"), url, key)

    run(sys.executable, "-m", "OpenOrchestrator", "upgrade", url, "--yes", "--timezone", "Europe/Copenhagen")

    crypto_util.set_key(key)
    assert db_util.connect(url)
    try:
        assert db_util.check_database_revision()
        assert db_util.get_constant("address").value == "old value æøå"
        credential = db_util.get_credential("login")
        assert (credential.username, credential.password) == ("user", "pässword")
        triggers = {trigger.trigger_name: trigger for trigger in db_util.get_all_triggers()}
        single, nightly, worker = triggers["once"], triggers["nightly"], triggers["worker"]
        assert isinstance(single, SingleTrigger)
        assert single.next_run == datetime(2030, 5, 6, 7, 8, 9)
        assert single.scheduler_whitelist == ["one", "two"]
        assert (single.priority, single.process_args) == (3, "args")
        assert isinstance(nightly, ScheduledTrigger)
        assert (nightly.cron_expr, nightly.git_branch, nightly.is_blocking) == ("0 3 * * *", "main", True)
        assert isinstance(worker, QueueTrigger)
        assert (worker.queue_name, worker.min_batch_size) == ("old work", 5)
        assert {trigger.process_status for trigger in triggers.values()} == {TriggerStatus.IDLE}
        elements = db_util.get_queue_elements("old work")
        assert sorted((element.reference, element.data) for element in elements) == [("a", "1"), ("b", None)]
        assert {element.status for element in elements} == {QueueStatus.NEW}
        assert [log.log_message for log in db_util.get_logs(0, 10)] == ["an old message æøå"]
        assert [job.status for job in db_util.get_jobs()] == [JobStatus.DONE]
        assert [scheduler.machine_name for scheduler in db_util.get_schedulers()] == ["old machine"]

        output = run(
            *(str(python_3), str(ROBOTS / "every_method.py"), "old robot", url, key, ""),
            *(str(worker.id), "5f7c1d5e-0000-4000-8000-000000000001"),
        )
        seen = json.loads(output.strip().splitlines()[-1])
        assert seen["constant"] == "old value æøå"
        assert seen["credential"] == ["user", "pässword"]
        assert seen["first"][0] == "one"
        assert db_util.get_trigger(worker.id).process_status is TriggerStatus.PAUSING
    finally:
        db_util.disconnect()
