"""Runs the benchmarks. Nothing here is a test: it prints figures, and people judge them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from benchmarks import app, elements, fleet, logs, report, robot_ready, scheduler
from benchmarks.databases import KINDS, Target, private_target, target

Benchmark = Callable[[Target, bool], Iterator[report.Figure]]

BENCHMARKS: dict[str, tuple[Benchmark, tuple[str, ...]]] = {
    "drain": (
        lambda on, quick: elements.drain(on, elements=800 if quick else 4000, processes=8),
        KINDS,
    ),
    "grow": (
        lambda on, quick: elements.grow(
            on, sizes=(1_000, 100_000) if quick else (1_000, 100_000, 1_000_000), samples=200
        ),
        KINDS,
    ),
    "bulk": (lambda on, quick: elements.bulk_insert(on, elements=2_000 if quick else 20_000), KINDS),
    "logs": (lambda on, quick: logs.writes(on, messages=200 if quick else 1_000), KINDS),
    "poll": (
        lambda on, quick: elements.pending_poll(
            on, elements=100_000 if quick else 1_000_000, triggers=200, samples=10 if quick else 50
        ),
        KINDS,
    ),
    "starts": (
        lambda on, quick: scheduler.starts(on, samples=5 if quick else 20, at_once=30),
        ("sqlite", "postgresql"),
    ),
    "fleet": (lambda on, quick: fleet.fleet(on, schedulers=1000, seconds=5 if quick else 12), ("postgresql",)),
    "ready": (lambda on, quick: robot_ready.ready(on, samples=3 if quick else 15), ("sqlite",)),
    "app": (lambda on, quick: app.app(on, quick=quick), ("sqlite", "postgresql")),
}

PRIVATE = frozenset({"fleet"})
"""Run on a server started for them: they need more connections than others leave, or nobody else on it."""


def main() -> int:
    """Run the chosen benchmarks and print their figures.

    Returns:
        The exit status: 0, or 1 if a benchmark could not be run.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="Example: python -m benchmarks --quick --only drain --databases postgresql",
    )
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS), help="which to run")
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=list(KINDS), help="on which databases")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()

    figures: list[report.Figure] = []
    failed = 0
    for name in options.only:
        run, kinds = BENCHMARKS[name]
        for kind in kinds:
            if kind not in options.databases:
                continue
            begun = time.monotonic()
            print(f"{name} on {kind} ...", end=" ", flush=True, file=sys.stderr)
            try:
                with (private_target if name in PRIVATE else target)(kind) as on:
                    figures.extend(run(on, options.quick))
            except OSError as error:
                print(f"not run: {error}", file=sys.stderr)
                failed += 1
                continue
            print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    report.print_figures(figures, as_json=options.json)
    return 1 if failed else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
