"""Makes figures of what a run found, each with its limit, and shows the evidence. Pure but for printing."""

from __future__ import annotations

import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.chaos import blame, policies
from benchmarks.chaos.books import Books, Check, Finding
from benchmarks.chaos.diary import Entry
from benchmarks.chaos.effects import Effects
from benchmarks.chaos.policies import Hold, Looks
from benchmarks.chaos.watch import Memory
from benchmarks.report import Figure, judged
from OpenOrchestrator.database.statuses import JobStatus

UNSETTLED = "not at rest in time after the chaos"
UNEXPECTED = "errors in scheduler logs that nobody foresaw"
NOT_STOPPED = "schedulers that did not stop when asked"
PROCESSES_LEFT = "processes left over"
FOLDERS_LEFT = "run directories left over"
CONNECTIONS_LEFT = "connections left over"
WORKLOAD_FAILED = "failures of this program itself"

MEMORY_GROWTH_LIMIT_MB = 40.0
_SHOWN = 6
_LONGEST_LINE = 600
_FINDING = "  "
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_NEVER = (
    *(check.value for check in Check),
    *policies.ALL,
    blame.TAKEN,
    blame.UNCAUSED,
    blame.CRASHED,
    blame.SETTLED_LATE,
    blame.SCHEDULER_ENDED,
    UNEXPECTED,
    UNSETTLED,
    NOT_STOPPED,
    PROCESSES_LEFT,
    FOLDERS_LEFT,
    CONNECTIONS_LEFT,
    WORKLOAD_FAILED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All that is known after a run.

    Attributes:
        looks: What was seen at the same time in the database.
        holds: When the site was paused, and who was drained.
        drained: How often a scheduler ended because it was drained.
        settled: For each job of a killed scheduler the seconds until it was settled.
        memory: Of the schedulers that were never killed.
        seconds_to_rest: From the end of the chaos until everything had come to its end.
        most_connections: Clients of the server at once, this program included.
        cuts: Connections that were cut at a chosen message.
        trails: What the schedulers logged about each job.
    """

    kind: str
    seconds: float
    seed: int
    entries: Sequence[Entry]
    books: Books
    effects: Effects
    findings: Sequence[Finding]
    looks: Looks
    holds: Sequence[Hold]
    drained: int
    settled: Sequence[float]
    memory: Sequence[Memory]
    seconds_to_rest: float
    most_connections: int
    cuts: int
    clock_missing: str
    trails: Mapping[str, Sequence[str]]


def figures(result: Result) -> Iterator[Figure]:
    """Yield what was done, what came of it, and for everything that must not be, how often it was."""
    name = f"chaos {result.seconds:.0f} s"

    def figure(what: str, value: float, note: str = "") -> Figure:
        return Figure(name, result.kind, what, value, note=note)

    done = Counter(entry.kind for entry in result.entries)
    most = ", ".join(f"{count} x {kind.value}" for kind, count in done.most_common())
    yield figure("disturbances", len(result.entries), f"seed {result.seed}; {most}")
    if result.clock_missing:
        yield figure("steps of the database's clock", 0, f"not done: {result.clock_missing}")
    yield figure("connections at once, most", result.most_connections)
    yield figure("connections cut at a chosen message", result.cuts)
    statuses = Counter(element.status.value for element in result.books.elements.values())
    yield figure("elements", len(result.books.elements), _listed(statuses))
    yield figure("effects of elements", len(result.effects.of_kind("effect")))
    jobs = Counter(job.status.value for job in result.books.jobs.values())
    yield figure("jobs", len(result.books.jobs), _listed(jobs))
    lost = Counter(job.reason or "" for job in result.books.jobs.values() if job.status is JobStatus.LOST)
    yield figure("different reasons of lost jobs", len({_without_names(reason) for reason in lost}))
    yield figure("robots that began", len(result.effects.of_kind("begin")))
    refused = len(result.effects.of_kind("refused"))
    yield figure("finishes refused to late robots", refused)
    yield figure("errors that robots met and went on", len(result.effects.of_kind("error")))
    retries = Counter(job.retry_number for job in result.books.jobs.values() if job.retry_number)
    yield figure("retries", sum(retries.values()), ", ".join(f"{retries[n]} x number {n}" for n in sorted(retries)))
    for held, amount in policies.most_seen(result.books, result.effects, result.looks).items():
        yield figure(f"{held}, most", amount)
    yield figure("pauses of the site", sum(hold.machine is None for hold in result.holds))
    asked = sum(hold.machine is not None for hold in result.holds)
    yield figure("schedulers that ended, drained", result.drained, f"of {asked} that were asked")
    if result.settled:
        note = f"median {statistics.median(result.settled):.1f} s of {len(result.settled)}"
        slowest = figure("a killed scheduler's job settled, slowest, s", max(result.settled), note)
        yield judged(slowest, blame.SETTLE_LIMIT_SECONDS)
    for memory in sorted(result.memory, key=lambda one: one.end - one.begin, reverse=True)[:1]:
        note = f"{memory.begin:.0f} MB at the begin, {memory.end:.0f} at the end, {memory.most:.0f} at most"
        growth = figure("growth of a scheduler's memory, MB", memory.end - memory.begin, note)
        yield judged(growth, MEMORY_GROWTH_LIMIT_MB)
    yield figure("at rest after the chaos, s", result.seconds_to_rest)
    found = Counter(finding.check for finding in result.findings)
    for check in _NEVER:
        yield judged(figure(check, found[check]), 0)


def evidence(result: Result) -> Iterator[str]:
    """Yield the findings in words, all of them, each with what the schedulers logged about its jobs."""
    for check in _NEVER:
        words = [finding.words for finding in result.findings if finding.check == check]
        if words:
            yield f"{check} ({len(words)}):"
        for text in words:
            yield f"{_FINDING}{text}"
            for job in dict.fromkeys(_ID.findall(text)):
                yield from (f"{_FINDING}{_FINDING}{line}" for line in result.trails.get(job, ()))


def print_evidence(result: Result) -> None:
    """Print the first findings of each kind to standard error."""
    shown = 0
    for line in evidence(result):
        if line.startswith(_FINDING * 2):
            continue
        shown = shown + 1 if line.startswith(_FINDING) else 0
        if shown <= _SHOWN:
            print(line[:_LONGEST_LINE], file=sys.stderr)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.most_common())


def _without_names(reason: str) -> str:
    return "'".join(reason.split("'")[::2])
