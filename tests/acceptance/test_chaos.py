"""A short chaos: real schedulers and robots on a PostgreSQL of their own, killed, cut off, paused and drained."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.chaos.plan import Kind
from benchmarks.chaos.policies import most_seen
from benchmarks.chaos.programs import ServerMissingError
from benchmarks.chaos.report import evidence, figures
from benchmarks.chaos.run import Options, run

SECONDS = 20.0
SEED = 4  # pauses the site and drains a scheduler early, so that it has time to end and to be started again


@pytest.mark.skipif(sys.platform != "linux", reason="signals processes as only Linux does")
def test_nothing_is_lost_or_done_twice_in_a_short_chaos(tmp_path: Path) -> None:
    try:
        result = run("postgresql", Options.for_seconds(SECONDS, seed=SEED, log=tmp_path / "chaos.log"))
    except ServerMissingError as error:
        pytest.skip(str(error))
    assert len(result.entries) > SECONDS / 3
    assert len(result.effects.of_kind("effect")) > 0
    assert {entry.kind for entry in result.entries} >= {Kind.PAUSE_SITE, Kind.DRAIN_SCHEDULER}
    assert all(amount > 0 for amount in most_seen(result.books, result.effects, result.looks).values())
    over = [f"{figure.what}: {figure.ours:g} ({figure.note})" for figure in figures(result) if figure.is_over]
    assert not over, "\n".join([*over, *evidence(result), (tmp_path / "chaos.log").read_text(encoding="utf-8")])
