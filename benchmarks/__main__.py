"""Runs the benchmarks. Nothing here is a test: it prints figures, and people judge them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks import (
    app,
    elements,
    environments,
    fleet,
    logs,
    policies,
    pools,
    queues,
    references,
    report,
    robot_ready,
    scale,
    scheduler,
    work,
)
from benchmarks.databases import KINDS, Target, private_target, target

Benchmark = Callable[[Target, bool], Iterator[report.Figure]]
Sized = Callable[[Target, int], Iterator[report.Figure]]

BENCHMARKS: dict[str, tuple[Benchmark, tuple[str, ...]]] = {
    "drain": (
        lambda on, quick: elements.drain(on, elements=800 if quick else 4000, processes=8),
        KINDS,
    ),
    "work": (
        lambda on, quick: work.drain(on, elements=400 if quick else 4_000, processes=8, rounds=1 if quick else 3),
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
    "policies": (
        lambda on, quick: policies.polls(on, triggers=200 if quick else 2_000, samples=10 if quick else 100),
        KINDS,
    ),
    "starts": (
        lambda on, quick: scheduler.starts(on, samples=5 if quick else 20, at_once=30),
        ("sqlite", "postgresql"),
    ),
    "pools": (lambda on, quick: pools.claims(on, samples=30 if quick else 300), KINDS),
    "queues": (
        lambda on, quick: scale.grown(
            on, sizes=(1_000, 100_000) if quick else (1_000, 1_000_000), samples=30 if quick else 200
        ),
        KINDS,
    ),
    "memory": (lambda on, quick: elements.bulk_memory(on, elements=10_000 if quick else 100_000), KINDS),
    "queue-indexes": (lambda on, quick: queues.index_cost(on, elements=1_000 if quick else 10_000), KINDS),
    "fleet": (lambda on, quick: fleet.fleet(on, schedulers=1000, seconds=5 if quick else 12), ("postgresql",)),
    "ready": (lambda on, quick: robot_ready.ready(on, samples=3 if quick else 15), ("sqlite",)),
    "environments": (
        lambda on, quick: environments.environments(on, samples=20 if quick else 200),
        ("sqlite",),
    ),
    "references": (
        lambda on, quick: references.references(
            on, elements=100_000 if quick else 1_000_000, samples=5 if quick else 20
        ),
        KINDS,
    ),
    "app": (lambda on, quick: app.app(on, quick=quick), ("sqlite", "postgresql")),
}

SIZED: dict[str, Sized] = {
    "queues": lambda on, elements: scale.grown(on, sizes=(1_000, elements), samples=100),
    "work": lambda on, elements: work.drain(on, elements=elements, processes=8, rounds=1),
}
"""With a number of elements of the caller's."""

CHAOS = "chaos"
"""Makes its servers itself, takes minutes, and is run only when it is named."""

CHAOS_SECONDS = 600.0
QUICK_CHAOS_SECONDS = 30.0

PRIVATE = frozenset({"fleet"})
"""Run on a server started for them: they need more connections than others leave, or nobody else on it."""


def main() -> int:
    """Run the chosen benchmarks and print their figures.

    Returns:
        The exit status: 0, or 1 if a benchmark could not be run, or chaos found something.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="Example: python -m benchmarks --quick --only drain --databases postgresql",
    )
    parser.add_argument(
        "--only", nargs="+", choices=[*BENCHMARKS, CHAOS], default=list(BENCHMARKS), help="which to run"
    )
    parser.add_argument("--databases", nargs="+", type=_kinds, default=[KINDS], help="on which databases")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--elements", type=int, help=f"of {', '.join(SIZED)}: how many elements; default as usual")
    parser.add_argument("--commit", default="", help="of ready: measure this commit of the repository as well")
    parser.add_argument("--seconds", type=float, help=f"of chaos: how long; default {CHAOS_SECONDS:.0f}")
    parser.add_argument("--seed", type=int, default=1, help="of chaos: chooses the disturbances; default 1")
    parser.add_argument("--log", type=Path, help="of chaos: a file for every disturbance and everything found")
    options = parser.parse_args()
    databases = [kind for kinds in options.databases for kind in kinds]

    figures: list[report.Figure] = []
    failed = 0
    for name in options.only:
        for kind in databases if name == CHAOS else [kind for kind in BENCHMARKS[name][1] if kind in databases]:
            begun = time.monotonic()
            print(f"{name} on {kind} ...", end="\n" if name == CHAOS else " ", flush=True, file=sys.stderr)
            try:
                figures.extend(_chaos(kind, options) if name == CHAOS else _benchmark(name, kind, options))
            except OSError as error:
                print(f"not run: {error}", file=sys.stderr)
                failed += 1
                continue
            print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    report.print_figures(figures, as_json=options.json)
    return 1 if failed or any(figure.is_over for figure in figures if figure.benchmark.startswith(CHAOS)) else 0


def _benchmark(name: str, kind: str, options: argparse.Namespace) -> list[report.Figure]:
    with (private_target if name in PRIVATE else target)(kind) as on:
        if options.elements and name in SIZED:
            return list(SIZED[name](on, options.elements))
        if options.commit and name == "ready":
            return list(robot_ready.ready(on, samples=3 if options.quick else 15, commit=options.commit))
        return list(BENCHMARKS[name][0](on, options.quick))


def _chaos(kind: str, options: argparse.Namespace) -> list[report.Figure]:
    from benchmarks.chaos.report import figures, print_evidence
    from benchmarks.chaos.run import Options, run

    seconds = options.seconds or (QUICK_CHAOS_SECONDS if options.quick else CHAOS_SECONDS)
    result = run(kind, Options.for_seconds(seconds, seed=options.seed, log=options.log))
    print_evidence(result)
    return list(figures(result))


def _kinds(text: str) -> list[str]:
    """Understand kinds of databases separated by commas."""
    kinds = text.split(",")
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(KINDS)}")
    return kinds


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
