"""Output of a robot on its way into the database: each record once, whoever copied before."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from scheduler_site import Site

from OpenOrchestrator.common.errors import (
    CommitOutcomeUnknownError,
)
from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord, RunDirectory

pytestmark = pytest.mark.kinds("sqlite")


def write_output(directory: RunDirectory, *texts: str) -> None:
    directory.path.mkdir(parents=True, exist_ok=True)
    lines = [
        f'{{"n": {number}, "t": "2026-01-01T00:00:00+00:00", "s": "stderr", "x": "{text}"}}\n'
        for number, text in enumerate(texts, start=1)
    ]
    (directory.path / "output.jsonl").write_text("".join(lines), encoding="utf-8")


def test_output_is_stored_once_whoever_stored_before(site: Site) -> None:
    job_id = uuid4()
    directory = RunDirectory(site.workspace / "runs" / str(job_id))
    write_output(directory, "a", "b")
    first = OutputPump(site.database, job_id, directory)
    assert first.pump()
    assert not first.pump()
    write_output(directory, "a", "b", "c")
    shown: list[OutputRecord] = []
    second = OutputPump(site.database, job_id, directory, on_record=shown.append)  # after a restart
    assert second.pump()
    assert site.output(job_id) == "abc"
    assert [record.text for record in shown] == ["a", "b", "c"]
    assert second.error_tail == "abc"


def test_output_is_tried_again_after_an_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = uuid4()
    directory = RunDirectory(site.workspace / "runs" / str(job_id))
    write_output(directory, "a", "b")
    pump = OutputPump(site.database, job_id, directory)
    real = job_output.append

    def store_and_lose_the_answer(*arguments: Any) -> None:
        real(*arguments)
        monkeypatch.setattr(job_output, "append", real)
        raise CommitOutcomeUnknownError("lost")

    monkeypatch.setattr(job_output, "append", store_and_lose_the_answer)
    with pytest.raises(CommitOutcomeUnknownError):
        pump.pump()
    assert pump.pump()
    assert site.output(job_id) == "ab"
